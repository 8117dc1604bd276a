//! Private keys with a passphrase: PKCS#8 `EncryptedPrivateKeyInfo` (RFC 5958 §3) with PBES2 (RFC 8018 §6.2).

use der::pem::LineEnding;
use der::{Decode, SecretDocument};
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::pem::{decode_pem, pem_block};
use super::{Ed25519SigningKey, KeyError, SigningKey};

/// The label of such a key in PEM (RFC 7468 §11).
const LABEL: &str = "ENCRYPTED PRIVATE KEY";

impl SigningKey {
    /// Reads a private key in PEM that is encrypted with this passphrase, as [`Self::to_encrypted_pem`] and
    /// `openssl pkcs8 -topk8 -v2 aes-256-cbc` write it.
    ///
    /// # Errors
    /// [`KeyError::Passphrase`] when it is another passphrase, [`KeyError::NotEncrypted`] when the key has none,
    /// [`KeyError::Encryption`] for schemes other than PBES2 with AES; and whatever is wrong with the key inside.
    pub fn from_encrypted_pem(text: &str, passphrase: &str) -> Result<Self, KeyError> {
        let Some(opened) = decrypt(text, passphrase)? else {
            return Err(not_encrypted(Self::from_pkcs8_pem(text)));
        };
        Self::from_pkcs8_der(&opened).map_err(no_der)
    }

    /// Reads a private key in PEM: with a passphrase one that is encrypted with it, and without one that is not.
    ///
    /// # Errors
    /// As [`Self::from_encrypted_pem`] and [`Self::from_pkcs8_pem`]; [`KeyError::Encrypted`] where a passphrase is missing.
    pub fn from_pem(text: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        match passphrase {
            Some(passphrase) => Self::from_encrypted_pem(text, passphrase),
            None => Self::from_pkcs8_pem(text),
        }
    }

    /// The key as PKCS#8 in PEM, with a passphrase encrypted with it.
    ///
    /// # Errors
    /// As [`Self::to_encrypted_pem`].
    pub fn to_pem(
        &self,
        passphrase: Option<&str>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Zeroizing<String>, KeyError> {
        match passphrase {
            Some(passphrase) => self.to_encrypted_pem(passphrase, rng).map(Zeroizing::new),
            None => Ok(self.to_pkcs8_pem()),
        }
    }

    /// The key as PKCS#8 in PEM, encrypted with a passphrase: PBES2 with scrypt and AES-256-CBC, which OpenSSL reads.
    ///
    /// # Errors
    /// [`KeyError::Library`] when it cannot be encrypted.
    pub fn to_encrypted_pem(
        &self,
        passphrase: &str,
        rng: &mut dyn CryptoRng,
    ) -> Result<String, KeyError> {
        encrypt(decode_pem(&self.to_pkcs8_pem())?.as_bytes(), passphrase, rng)
    }
}

impl Ed25519SigningKey {
    /// Reads a private key in PEM: with a passphrase one that is encrypted with it, and without one that is not.
    ///
    /// # Errors
    /// As [`SigningKey::from_pem`].
    pub fn from_pem(text: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        let Some(passphrase) = passphrase else { return Self::from_pkcs8_pem(text) };
        let Some(opened) = decrypt(text, passphrase)? else {
            return Err(not_encrypted(Self::from_pkcs8_pem(text)));
        };
        Self::from_pkcs8_der(&opened).map_err(no_der)
    }

    /// The key as PKCS#8 in PEM, with a passphrase encrypted with it.
    ///
    /// # Errors
    /// [`KeyError::Library`] when it cannot be encrypted.
    pub fn to_pem(
        &self,
        passphrase: Option<&str>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Zeroizing<String>, KeyError> {
        match passphrase {
            Some(passphrase) => encrypt(&self.to_pkcs8_der(), passphrase, rng).map(Zeroizing::new),
            None => Ok(self.to_pkcs8_pem()),
        }
    }
}

/// Opens an encrypted private key of whatever algorithm, for libraries that know more of them: the PKCS#8 inside, in DER.
///
/// # Errors
/// [`KeyError::Passphrase`], [`KeyError::NotEncrypted`], [`KeyError::Encryption`], [`KeyError::NoPem`].
pub fn open_private_key(text: &str, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    match decrypt(text, passphrase)? {
        // One wrong passphrase in some 256 leaves a padding that looks right.
        Some(opened) => match PrivateKeyInfoRef::from_der(&opened) {
            Ok(_) => Ok(opened),
            Err(_) => Err(KeyError::Passphrase),
        },
        None if text.contains("Proc-Type: 4,ENCRYPTED") => Err(KeyError::Encryption),
        None if text.contains("PRIVATE KEY-----") => Err(KeyError::NotEncrypted),
        None => Err(KeyError::NoPem),
    }
}

/// What is inside of an encrypted key; `None` where the text has none.
fn decrypt(text: &str, passphrase: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    let Some(block) = pem_block(text, LABEL) else { return Ok(None) };
    let document = decode_pem(block)?;
    let info = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
        .map_err(|_| KeyError::Encryption)?;
    let scheme = &info.encryption_algorithm;
    let opened = scheme.decrypt(passphrase, info.encrypted_data.as_bytes());
    let opened = opened.map_err(|error| match error {
        pkcs8::pkcs5::Error::DecryptFailed => KeyError::Passphrase,
        _ => KeyError::Encryption,
    })?;
    Ok(Some(Zeroizing::new(opened)))
}

/// One wrong passphrase in some 256 leaves a padding that looks right, and no DER.
fn no_der(error: KeyError) -> KeyError {
    match error {
        KeyError::Malformed(_) => KeyError::Passphrase,
        other => other,
    }
}

/// What is wrong with a key that is not in the encrypted form.
fn not_encrypted<K>(plain: Result<K, KeyError>) -> KeyError {
    match plain {
        Ok(_) => KeyError::NotEncrypted,
        // The older form, with a header inside the block.
        Err(KeyError::Encrypted) => KeyError::Encryption,
        Err(error) => error,
    }
}

fn encrypt(plain: &[u8], passphrase: &str, rng: &mut dyn CryptoRng) -> Result<String, KeyError> {
    let mut rng = rng;
    let scheme = Parameters::generate_scrypt(&mut rng).map_err(|_| KeyError::Library)?;
    let data = scheme.encrypt(passphrase, plain).map_err(|_| KeyError::Library)?;
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: scheme.into(),
        encrypted_data: der::asn1::OctetStringRef::new(&data).map_err(KeyError::Malformed)?,
    };
    let document = SecretDocument::encode_msg(&info).map_err(KeyError::Malformed)?;
    let pem = document.to_pem(LABEL, LineEnding::LF).map_err(KeyError::Malformed)?;
    Ok(pem.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::from_seed([7; 32])
    }

    #[test]
    fn text_and_back() {
        let key = SigningKey::generate().unwrap();
        let text = key.to_encrypted_pem("a long one", &mut rng()).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{text}");
        let again = SigningKey::from_encrypted_pem(&text, "a long one").unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(SigningKey::from_pkcs8_pem(&text).unwrap_err(), KeyError::Encrypted);
    }

    #[test]
    fn the_keys_of_logs_and_witnesses_have_passphrases_too() {
        let key = Ed25519SigningKey::generate().unwrap();
        let text = key.to_pem(Some("a long one"), &mut rng()).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let read = |text: &str, passphrase| Ed25519SigningKey::from_pem(text, passphrase);
        let again = read(&text, Some("a long one")).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(read(&text, Some("another")).unwrap_err(), KeyError::Passphrase);
        assert_eq!(read(&text, None).unwrap_err(), KeyError::Encrypted);
        let plain = key.to_pem(None, &mut rng()).unwrap();
        assert_eq!(read(&plain, Some("x")).unwrap_err(), KeyError::NotEncrypted);
        assert_eq!(read(&plain, None).unwrap().public_key(), key.public_key());
        // One for another purpose.
        let p256 = SigningKey::generate().unwrap().to_pem(Some("x"), &mut rng()).unwrap();
        assert!(matches!(read(&p256, Some("x")), Err(KeyError::NotEd25519 { .. })));
    }

    #[test]
    fn another_passphrase_opens_nothing() {
        let key = SigningKey::generate().unwrap();
        let text = key.to_encrypted_pem("a long one", &mut rng()).unwrap();
        for wrong in ["a long on", "a long one ", "A long one", "", "a long one\n"] {
            let error = SigningKey::from_encrypted_pem(&text, wrong).unwrap_err();
            assert_eq!(error, KeyError::Passphrase, "{wrong:?}");
        }
    }

    #[test]
    fn a_key_without_a_passphrase_is_told_from_one_with_another() {
        let key = SigningKey::generate().unwrap();
        let read = |text: &str| SigningKey::from_encrypted_pem(text, "x").unwrap_err();
        assert_eq!(read(&key.to_pkcs8_pem()), KeyError::NotEncrypted);
        assert_eq!(read("nothing"), KeyError::NoPem);
        // PKCS#5 v1.5 with DES, and RFC 1421.
        let text = format!("-----BEGIN {LABEL}-----\nMAA=\n-----END {LABEL}-----\n");
        assert_eq!(read(&text), KeyError::Encryption);
        let old = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----";
        assert_eq!(read(old), KeyError::Encryption);
    }
}
