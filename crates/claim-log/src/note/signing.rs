//! The private keys of logs and witnesses.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::key::signed_message;
use super::{KeyKind, KeyName, NoteSignature, PosixTime, VerifierKey};

/// An Ed25519 private key (RFC 8032).
///
/// It does not print, and the cryptographic library wipes it from memory when it is dropped.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: [u8; VerifierKey::PUBLIC_OCTETS],
}

/// A private key cannot be read or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// The octets are not an unencrypted Ed25519 key in PKCS#8.
    #[error("the key is not an unencrypted Ed25519 key in PKCS#8")]
    Malformed,
    /// The cryptographic library could not do its work.
    #[error("the cryptographic library failed")]
    Library,
}

/// The cryptographic library did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library did not sign")]
pub struct SigningFailed;

/// A private key in PKCS#8: unencrypted octets, wiped when dropped.
pub struct Pkcs8(aws_lc_rs::pkcs8::Document);

impl Pkcs8 {
    /// The DER.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl SigningKey {
    /// Makes a new key with the cryptographic library's own random numbers.
    ///
    /// # Errors
    /// [`SigningKeyError::Library`].
    pub fn generate() -> Result<Self, SigningKeyError> {
        Ed25519KeyPair::generate().map_err(|_| SigningKeyError::Library)?.try_into()
    }

    /// Reads an unencrypted key in PKCS#8 (RFC 8410 §7; with the public key inside, RFC 5958, or without).
    ///
    /// # Errors
    /// [`SigningKeyError::Malformed`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, SigningKeyError> {
        Ed25519KeyPair::from_pkcs8(der).map_err(|_| SigningKeyError::Malformed)?.try_into()
    }

    /// The key in PKCS#8, version 1 without the public key: the form that every OpenSSL reads.
    ///
    /// # Errors
    /// [`SigningKeyError::Library`].
    pub fn to_pkcs8_der(&self) -> Result<Pkcs8, SigningKeyError> {
        self.pair.to_pkcs8v1().map(Pkcs8).map_err(|_| SigningKeyError::Library)
    }

    /// The public key (RFC 8032 §5.1.5).
    pub const fn public(&self) -> &[u8; VerifierKey::PUBLIC_OCTETS] {
        &self.public
    }

    /// Signs these octets as they are (RFC 8032 §5.1.6).
    ///
    /// For certification requests and the like. What a log or a witness states is signed by
    /// [`LogSigner`](crate::LogSigner) and [`WitnessSigner`](crate::WitnessSigner).
    ///
    /// # Errors
    /// [`SigningFailed`].
    pub fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let signature = self.pair.try_sign(octets).map_err(|_| SigningFailed)?;
        Ok(signature.as_ref().to_vec())
    }

    /// What verifies this key's signatures under a name.
    pub const fn verifier(&self, name: KeyName, kind: KeyKind) -> VerifierKey {
        VerifierKey::new(name, kind, self.public)
    }

    /// Signs the text of a note: as a log without a time, as a witness with one.
    pub(crate) fn sign_note(
        &self,
        name: &KeyName,
        text: &str,
        time: Option<PosixTime>,
    ) -> Result<NoteSignature, SigningFailed> {
        let kind = if time.is_some() { KeyKind::Cosignature } else { KeyKind::Ed25519 };
        let mut octets = Vec::new();
        if let Some(time) = time {
            octets.extend_from_slice(&time.seconds().to_be_bytes());
        }
        octets.extend_from_slice(&self.sign(&signed_message(text, time))?);
        let id = self.verifier(name.clone(), kind).id();
        Ok(NoteSignature::new(name.clone(), id, octets))
    }
}

impl TryFrom<Ed25519KeyPair> for SigningKey {
    type Error = SigningKeyError;

    fn try_from(pair: Ed25519KeyPair) -> Result<Self, SigningKeyError> {
        let public = pair.public_key().as_ref().try_into().map_err(|_| SigningKeyError::Library)?;
        Ok(Self { pair, public })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn pkcs8_and_back() {
        let key = SigningKey::generate().unwrap();
        let der = key.to_pkcs8_der().unwrap();
        let again = SigningKey::from_pkcs8_der(der.as_bytes()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(again.sign(b"x").unwrap(), key.sign(b"x").unwrap());
        assert_ne!(SigningKey::generate().unwrap().public(), key.public());
        for damaged in [&[], b"key".as_slice(), der.as_bytes().get(1..).unwrap()] {
            let error = SigningKey::from_pkcs8_der(damaged).err();
            assert_eq!(error, Some(SigningKeyError::Malformed));
        }
    }

    /// RFC 8410 §10.3 gives a private key in PKCS#8, without and with its public key.
    #[test]
    fn the_key_of_rfc_8410() {
        let hex = |text: &str| -> Vec<u8> {
            let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
            digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
        };
        let der = hex("302e020100300506032b657004220420\
             d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842");
        let public = hex("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
        let key = SigningKey::from_pkcs8_der(&der).unwrap();
        assert_eq!(key.public().as_slice(), public);
        assert_eq!(key.to_pkcs8_der().unwrap().as_bytes(), der);
    }
}
