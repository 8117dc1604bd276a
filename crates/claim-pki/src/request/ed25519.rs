//! Certification requests for Ed25519 keys: those of logs and witnesses.

use std::fmt;

use spki::AlgorithmIdentifierRef;

use super::{RequestSubject, Unverified, assemble, info_der, read_pem};
use crate::oid::ID_ED_25519;
use crate::{Ed25519PublicKey, Ed25519SigningKey, MakeRequestError, RequestError, Subject};

/// A request for an Ed25519 key whose sender has proved to hold the private key: its signature has been verified.
///
/// Of its subject nothing is taken over: whom a certificate names is decided by who asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Ed25519CertificationRequest {
    der: Vec<u8>,
    subject: RequestSubject,
    public_key: Ed25519PublicKey,
}

/// RFC 8410 §3: the signature has the identifier of the key, without parameters.
const ED25519: AlgorithmIdentifierRef<'static> =
    AlgorithmIdentifierRef { oid: ID_ED_25519, parameters: None };

impl Ed25519CertificationRequest {
    /// Reads a request in DER and verifies its signature over the octets as they came.
    ///
    /// # Errors
    /// [`RequestError`], but not [`RequestError::Subject`].
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let request = Unverified::from_der(der)?;
        let public_key =
            Ed25519PublicKey::from_spki_der(&request.spki).map_err(RequestError::Key)?;
        request.verify(|algorithm, content, signature| match algorithm {
            ID_ED_25519 => Some(public_key.verify(content, signature)),
            _ => None,
        })?;
        Ok(Self { der: der.to_vec(), subject: request.subject, public_key })
    }

    /// The same for the first request in a PEM text (RFC 7468 §7); text around it is skipped.
    ///
    /// # Errors
    /// [`RequestError`], but not [`RequestError::Subject`].
    pub fn from_pem(text: &str) -> Result<Self, RequestError> {
        Self::from_der(&read_pem(text)?)
    }

    /// The request as it came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key to be certified.
    pub fn public_key(&self) -> &Ed25519PublicKey {
        &self.public_key
    }

    /// Checks that the request names exactly this subject, as [`ed25519_certification_request`] writes it.
    ///
    /// # Errors
    /// [`RequestError::Subject`].
    pub fn names_exactly(&self, subject: &Subject) -> Result<(), RequestError> {
        self.subject.is(subject)
    }
}

/// Makes a request for this subject, signed by this key, in DER.
///
/// # Errors
/// [`MakeRequestError`].
pub fn ed25519_certification_request(
    key: &Ed25519SigningKey,
    subject: &Subject,
) -> Result<Vec<u8>, MakeRequestError> {
    let content = info_der(&subject.to_der()?, key.public_key().spki_der())?;
    let signature = key.sign(&content)?;
    Ok(assemble(&content, ED25519, &signature)?)
}

impl fmt::Debug for Ed25519CertificationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519CertificationRequest")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::tbs::ECDSA_SHA256;
    use crate::{CertificationRequest, KeyError, SigningKey, certification_request};

    fn log() -> Subject {
        Subject::Log { origin: "https://localhost:3141".parse().unwrap() }
    }

    #[test]
    fn possession_is_proved() {
        let key = Ed25519SigningKey::generate().unwrap();
        let der = ed25519_certification_request(&key, &log()).unwrap();
        let request = Ed25519CertificationRequest::from_der(&der).unwrap();
        assert_eq!(request.public_key(), key.public_key());
        assert_eq!(request.der(), der);

        let content = info_der(&log().to_der().unwrap(), key.public_key().spki_der()).unwrap();
        let other = Ed25519SigningKey::generate().unwrap();
        let forged = assemble(&content, ED25519, &other.sign(&content).unwrap()).unwrap();
        let refused = Ed25519CertificationRequest::from_der(&forged).unwrap_err();
        assert_eq!(refused, RequestError::Signature);
        let mislabelled = assemble(&content, ECDSA_SHA256, &key.sign(&content).unwrap()).unwrap();
        let refused = Ed25519CertificationRequest::from_der(&mislabelled).unwrap_err();
        assert!(matches!(refused, RequestError::SignatureAlgorithm { .. }));
    }

    #[test]
    fn the_two_kinds_of_keys_are_not_mixed_up() {
        let der = ed25519_certification_request(&Ed25519SigningKey::generate().unwrap(), &log());
        let error = KeyError::NotP256 { algorithm: "Ed25519".to_owned() };
        assert_eq!(CertificationRequest::from_der(&der.unwrap()), Err(RequestError::Key(error)));
        let der = certification_request(&SigningKey::generate().unwrap(), &log()).unwrap();
        let error = KeyError::NotEd25519 { algorithm: "P-256".to_owned() };
        assert_eq!(Ed25519CertificationRequest::from_der(&der), Err(RequestError::Key(error)));
    }

    #[test]
    fn a_request_for_one_service_is_not_one_for_another() {
        let key = Ed25519SigningKey::generate().unwrap();
        let der = ed25519_certification_request(&key, &log()).unwrap();
        let request = Ed25519CertificationRequest::from_der(&der).unwrap();
        assert_eq!(request.names_exactly(&log()), Ok(()));
        for other in [
            Subject::Log { origin: "https://other.example".parse().unwrap() },
            Subject::Witness { name: "localhost".parse().unwrap() },
            Subject::Timestamp { origin: "https://localhost:3141".parse().unwrap() },
            Subject::Log { origin: "https://*.example".parse().unwrap() },
        ] {
            let refused = request.names_exactly(&other).unwrap_err();
            assert!(matches!(refused, RequestError::Subject { .. }), "{other:?}");
        }
    }
}
