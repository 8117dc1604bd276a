//! Ed25519 keys (RFC 8032): those of logs and witnesses, whose notes C2SP has signed with them.

use std::fmt;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use der::asn1::{BitStringRef, OctetStringRef};
use der::pem::LineEnding;
use der::{Decode, Encode, SecretDocument};
use pkcs8::PrivateKeyInfoRef;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::pem::{decode_pem, pem_block};
use super::{BadSignature, KeyError, algorithm_name};
use crate::digest::sha256;
use crate::oid::ID_ED_25519;

/// An Ed25519 private key with its public key.
///
/// It is wiped from memory when dropped, and `Debug` shows the public key only.
pub struct Ed25519SigningKey {
    pair: Ed25519KeyPair,
    public: Ed25519PublicKey,
    // Encoded once: after that nothing can fail when the key has to be saved.
    pkcs8_der: Zeroizing<Vec<u8>>,
    pkcs8_pem: Zeroizing<String>,
}

/// An Ed25519 public key: 32 octets.
#[derive(Clone, PartialEq, Eq)]
pub struct Ed25519PublicKey {
    spki: Vec<u8>,
    octets: [u8; Ed25519PublicKey::OCTETS],
}

/// RFC 8410 §3: there are no parameters.
const ALGORITHM: AlgorithmIdentifierRef<'static> =
    AlgorithmIdentifierRef { oid: ID_ED_25519, parameters: None };

impl Ed25519SigningKey {
    /// The length of a signature in octets.
    pub const SIGNATURE_OCTETS: usize = 64;

    /// Makes a new key with the cryptographic library's own random numbers.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library fails.
    pub fn generate() -> Result<Self, KeyError> {
        Self::new(Ed25519KeyPair::generate().map_err(|_| KeyError::Library)?)
    }

    /// Reads an unencrypted private key in PEM, PKCS#8 (RFC 8410 §7); other blocks and text around it are skipped.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        if let Some(block) = pem_block(text, "PRIVATE KEY") {
            return Self::from_pkcs8_der(decode_pem(block)?.as_bytes());
        }
        match pem_block(text, "ENCRYPTED PRIVATE KEY") {
            Some(_) => Err(KeyError::Encrypted),
            None => Err(KeyError::NoPem),
        }
    }

    /// Reads an unencrypted private key in DER, PKCS#8 (RFC 8410 §7), with or without the public key inside.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(KeyError::Malformed)?;
        ed25519(&info.algorithm)?;
        // RFC 8410 §7: "CurvePrivateKey ::= OCTET STRING", inside the OCTET STRING of PKCS#8.
        let seed = <&OctetStringRef>::from_der(info.private_key.as_bytes())
            .map_err(KeyError::Malformed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_bytes())
            .map_err(|_| KeyError::InvalidPoint)?;
        let this = Self::new(pair)?;
        match info.public_key {
            Some(bits) if bits.as_bytes() != Some(this.public.as_bytes()) => {
                Err(KeyError::Inconsistent)
            }
            _ => Ok(this),
        }
    }

    /// The key as unencrypted PKCS#8 in PEM, in the form that OpenSSL writes.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        self.pkcs8_pem.clone()
    }

    /// The same in DER.
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8_der.clone()
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> &Ed25519PublicKey {
        &self.public
    }

    /// Signs the message.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; Self::SIGNATURE_OCTETS], KeyError> {
        let signature = self.pair.try_sign(message).map_err(|_| KeyError::Library)?;
        signature.as_ref().try_into().map_err(|_| KeyError::Library)
    }

    fn new(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let octets: [u8; Ed25519PublicKey::OCTETS] =
            pair.public_key().as_ref().try_into().map_err(|_| KeyError::Library)?;
        let public = Ed25519PublicKey::from_bytes(octets)?;
        // Version 1, without the public key: OpenSSL 3.0 reads no other.
        let document = pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
        let pkcs8_der = Zeroizing::new(document.as_ref().to_vec());
        let pkcs8_pem = SecretDocument::try_from(pkcs8_der.as_slice())
            .and_then(|document| document.to_pem("PRIVATE KEY", LineEnding::LF))
            .map_err(KeyError::Malformed)?;
        Ok(Self { pair, public, pkcs8_der, pkcs8_pem })
    }
}

impl Ed25519PublicKey {
    /// The length of a public key in octets.
    pub const OCTETS: usize = 32;

    /// Takes the 32 octets of RFC 8032 §5.1.5.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when they do not encode as SubjectPublicKeyInfo.
    pub fn from_bytes(octets: [u8; Self::OCTETS]) -> Result<Self, KeyError> {
        let bits = BitStringRef::from_bytes(&octets).map_err(KeyError::Malformed)?;
        let info = SubjectPublicKeyInfoRef { algorithm: ALGORITHM, subject_public_key: bits };
        let spki = info.to_der().map_err(KeyError::Malformed)?;
        Ok(Self { spki, octets })
    }

    /// Reads a SubjectPublicKeyInfo in DER (RFC 8410 §4).
    ///
    /// # Errors
    /// [`KeyError`] tells another algorithm from what is no key at all.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(KeyError::Malformed)?;
        ed25519(&info.algorithm)?;
        let bits = info.subject_public_key.as_bytes().ok_or(KeyError::InvalidPoint)?;
        Self::from_bytes(bits.try_into().map_err(|_| KeyError::InvalidPoint)?)
    }

    /// The 32 octets of the key.
    pub fn as_bytes(&self) -> &[u8; Self::OCTETS] {
        &self.octets
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The key identifier of certificates: SHA-1 of the key's octets (RFC 5280 §4.2.1.2, method 1).
    ///
    /// It finds keys, it proves nothing. The key ids of signed notes are others.
    pub fn key_id(&self) -> [u8; 20] {
        let mut id = [0; 20];
        id.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.octets).as_ref());
        id
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// Checks a signature over the message.
    ///
    /// # Errors
    /// [`BadSignature`], whatever is wrong with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(&ED25519, &self.octets)
            .verify(message, signature)
            .map_err(|_| BadSignature)
    }
}

fn ed25519(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<(), KeyError> {
    match (algorithm.oid, algorithm.parameters) {
        (ID_ED_25519, None) => Ok(()),
        (ID_ED_25519, Some(_)) => Err(KeyError::Malformed(der::Tag::Sequence.value_error().into())),
        (_, parameters) => {
            // On a named curve its name says more.
            let curve = parameters.and_then(|found| found.decode_as().ok());
            let algorithm = algorithm_name(&curve.unwrap_or(algorithm.oid));
            Err(KeyError::NotEd25519 { algorithm })
        }
    }
}

impl fmt::Debug for Ed25519SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ed25519SigningKey").field(&self.public).finish()
    }
}

impl fmt::Debug for Ed25519PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519PublicKey(")?;
        self.octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::SigningKey;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    /// RFC 8410 §10.3: a private key with and without its public key; §10.1: the public key.
    const PKCS8: &str = "302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
    const SPKI: &str =
        "302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

    #[test]
    fn the_keys_of_rfc_8410() {
        let key = Ed25519SigningKey::from_pkcs8_der(&hex(PKCS8)).unwrap();
        assert_eq!(key.public_key().spki_der(), hex(SPKI));
        assert_eq!(key.to_pkcs8_der().as_slice(), hex(PKCS8));
        let public = Ed25519PublicKey::from_spki_der(&hex(SPKI)).unwrap();
        assert_eq!(&public, key.public_key());
        assert_eq!(public.as_bytes().as_slice(), &hex(SPKI)[12..]);
        // Version 2: the same with `[1]` and the public key.
        let public = &SPKI[24..];
        let with_public = |public: &str| hex(&format!("3051020101{}812100{public}", &PKCS8[10..]));
        assert!(Ed25519SigningKey::from_pkcs8_der(&with_public(public)).is_ok());
        let other = format!("00{}", &public[2..]);
        let refused = Ed25519SigningKey::from_pkcs8_der(&with_public(&other)).unwrap_err();
        assert_eq!(refused, KeyError::Inconsistent);
    }

    #[test]
    fn text_and_back() {
        let key = Ed25519SigningKey::generate().unwrap();
        let again = Ed25519SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.to_pkcs8_pem(), key.to_pkcs8_pem());
        let signature = key.sign(b"message").unwrap();
        assert_eq!(again.sign(b"message").unwrap(), signature);
        assert_eq!(key.public_key().verify(b"message", &signature), Ok(()));
        assert_eq!(key.public_key().verify(b"massage", &signature), Err(BadSignature));
        assert_eq!(key.public_key().verify(b"message", &signature[1..]), Err(BadSignature));
        let other = Ed25519SigningKey::generate().unwrap();
        assert_eq!(other.public_key().verify(b"message", &signature), Err(BadSignature));
    }

    #[test]
    fn other_keys_are_told_apart() {
        let p256 = SigningKey::generate().unwrap();
        let elliptic = KeyError::NotEd25519 { algorithm: "P-256".to_owned() };
        let refused = Ed25519SigningKey::from_pkcs8_pem(&p256.to_pkcs8_pem()).unwrap_err();
        assert_eq!(refused, elliptic);
        let refused = Ed25519PublicKey::from_spki_der(p256.public_key().spki_der()).unwrap_err();
        assert_eq!(refused, elliptic);
        assert_eq!(Ed25519SigningKey::from_pkcs8_pem("").unwrap_err(), KeyError::NoPem);
        let text =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
        assert_eq!(Ed25519SigningKey::from_pkcs8_pem(text).unwrap_err(), KeyError::Encrypted);
        let x25519 = hex(&SPKI.replace("2b6570", "2b656e"));
        let error = KeyError::NotEd25519 { algorithm: "X25519".to_owned() };
        assert_eq!(Ed25519PublicKey::from_spki_der(&x25519).unwrap_err(), error);
        // Parameters, a bit too few, an octet too many.
        for wrong in [
            "302c300706032b657005000321".to_owned() + &SPKI[22..],
            SPKI.replace("032100", "032101"),
            "302b300506032b6570032200".to_owned() + &SPKI[24..] + "00",
            String::new(),
        ] {
            assert!(Ed25519PublicKey::from_spki_der(&hex(&wrong)).is_err(), "{wrong}");
        }
        for wrong in [
            &PKCS8.replace("04220420", "04220320"),
            &(PKCS8.replace("302e", "302d").replace("04220420", "0421041f")[..94]).to_owned(),
            &PKCS8[..94].to_owned(),
        ] {
            assert!(Ed25519SigningKey::from_pkcs8_der(&hex(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_nothing_secret() {
        let key = Ed25519SigningKey::from_pkcs8_der(&hex(PKCS8)).unwrap();
        assert_eq!(
            format!("{key:?}"),
            format!("Ed25519SigningKey(Ed25519PublicKey({}))", &SPKI[24..])
        );
    }
}
