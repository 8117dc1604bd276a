//! Private keys with a passphrase: PKCS#8 `EncryptedPrivateKeyInfo` (RFC 5958 §3) with PBES2 (RFC 8018 §6.2).

use der::pem::LineEnding;
use der::{Decode, SecretDocument};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2::Parameters;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::pem::{decode_pem, pem_block};
use super::{KeyError, SigningKey};

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
        let Some(block) = pem_block(text, LABEL) else {
            return match Self::from_pkcs8_pem(text) {
                Ok(_) => Err(KeyError::NotEncrypted),
                // The older form, with a header inside the block.
                Err(KeyError::Encrypted) => Err(KeyError::Encryption),
                Err(error) => Err(error),
            };
        };
        let document = decode_pem(block)?;
        let info = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
            .map_err(|_| KeyError::Encryption)?;
        let scheme = &info.encryption_algorithm;
        let opened = scheme.decrypt(passphrase, info.encrypted_data.as_bytes());
        let opened = Zeroizing::new(opened.map_err(|error| match error {
            pkcs8::pkcs5::Error::DecryptFailed => KeyError::Passphrase,
            _ => KeyError::Encryption,
        })?);
        // One wrong passphrase in some 256 leaves a padding that looks right, and no DER.
        Self::from_pkcs8_der(&opened).map_err(|error| match error {
            KeyError::Malformed(_) => KeyError::Passphrase,
            other => other,
        })
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
        let plain = decode_pem(&self.to_pkcs8_pem())?;
        let mut rng = rng;
        let scheme = Parameters::generate_scrypt(&mut rng).map_err(|_| KeyError::Library)?;
        let data = scheme.encrypt(passphrase, plain.as_bytes()).map_err(|_| KeyError::Library)?;
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: scheme.into(),
            encrypted_data: der::asn1::OctetStringRef::new(&data).map_err(KeyError::Malformed)?,
        };
        let document = SecretDocument::encode_msg(&info).map_err(KeyError::Malformed)?;
        let pem = document.to_pem(LABEL, LineEnding::LF).map_err(KeyError::Malformed)?;
        Ok(pem.to_string())
    }
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
