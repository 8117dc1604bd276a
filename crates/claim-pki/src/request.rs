//! Certification requests, PKCS#10 (RFC 2986).

mod ed25519;

use std::fmt;

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, SetOfVec};
use der::{Any, Decode, Encode, Sequence};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use spki::AlgorithmIdentifierRef;
use x509_cert::name::Name;

pub use ed25519::{Ed25519CertificationRequest, ed25519_certification_request};

use crate::oid::{CN, ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, UID};
use crate::subject::{Attributes, SubjectEncodingError};
use crate::tbs::{ECDSA_SHA256, Signed};
use crate::{BadSignature, KeyError, Origin, PersonId, PublicKey, Sign, Subject, SubjectError};

/// A request whose sender has proved to hold the private key: its signature has been verified.
///
/// Of its subject nothing is taken over: whom a certificate names is decided by who asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificationRequest {
    der: Vec<u8>,
    subject: RequestSubject,
    public_key: PublicKey,
}

/// Whom a request names.
#[derive(Clone, PartialEq, Eq)]
struct RequestSubject {
    der: Vec<u8>,
    attributes: Attributes,
}

/// Why a certification request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The DER is not that of a PKCS#10 request, version 1.
    #[error("the certification request is malformed: {0}")]
    Malformed(der::Error),
    /// The request is larger than any that is needed.
    #[error(
        "a certification request has at most {} bytes; this has {found}",
        CertificationRequest::MAX_SIZE
    )]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// The text has no certification request in PEM.
    #[error("there is no certification request in PEM")]
    NoPem,
    /// The key is not of the kind that is certified here.
    #[error("the key in the certification request cannot be used: {0}")]
    Key(#[source] KeyError),
    /// The signature's algorithm is not ECDSA with SHA-256 or SHA-384, or Ed25519 where the key is.
    #[error(
        "the certification request is signed with another algorithm than ECDSA with SHA-256 or SHA-384 (Ed25519 with such a key): {algorithm}"
    )]
    SignatureAlgorithm {
        /// Its object identifier.
        algorithm: String,
    },
    /// The signature is not by the key in the request, so that nothing shows who holds that key.
    #[error("the certification request's signature is not by the key in it")]
    Signature,
    /// The request's subject names somebody or something else than its sender.
    #[error("the certification request names {found:?}, but it was sent by {expected}")]
    Subject {
        /// Who sent it.
        expected: String,
        /// What stands in the request: untrusted, to be escaped before it is shown.
        found: String,
    },
}

/// Why a certification request could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MakeRequestError {
    /// The subject's name does not fit.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The key did not sign.
    #[error("the certification request cannot be signed: {0}")]
    Key(#[from] KeyError),
    /// It does not encode.
    #[error("the certification request cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// What came out cannot be read again.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl From<SubjectEncodingError> for MakeRequestError {
    fn from(error: SubjectEncodingError) -> Self {
        match error {
            SubjectEncodingError::Subject(error) => Self::Subject(error),
            SubjectEncodingError::Encoding(error) => Self::Encoding(error),
        }
    }
}

/// `CertificationRequestInfo`. The attributes are not looked into; some clients leave them out.
#[derive(Sequence)]
struct RequestInfo<'a> {
    version: u8,
    subject: AnyRef<'a>,
    subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    attributes: Option<SetOfVec<Any>>,
}

/// PKCS#10 counts from zero.
const VERSION_1: u8 = 0;

impl CertificationRequest {
    /// The largest request that is read, in bytes of DER.
    pub const MAX_SIZE: usize = 16 * 1024;

    /// Reads a request in DER and verifies its signature over the octets as they came.
    ///
    /// # Errors
    /// [`RequestError`], but not [`RequestError::Subject`].
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let request = Unverified::from_der(der)?;
        let public_key = PublicKey::from_spki_der(&request.spki).map_err(RequestError::Key)?;
        // RFC 5758 §3.2: the parameters are absent. The digest is the sender's choice: it protects this request only.
        request.verify(|algorithm, content, signature| match algorithm {
            ECDSA_WITH_SHA_256 => Some(public_key.verify(content, signature)),
            ECDSA_WITH_SHA_384 => Some(public_key.verify_sha384(content, signature)),
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
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Checks that the request does not name another person than the one who sent it.
    ///
    /// Every `UID` must be the id; so must a common name that is an id. Other names and an empty subject are fine.
    ///
    /// # Errors
    /// [`RequestError::Subject`].
    pub fn names_only(&self, id: &PersonId) -> Result<(), RequestError> {
        let other_uid = self.subject.attributes.all(UID).find(|uid| *uid != Some(id.as_str()));
        let other_name = self
            .subject
            .attributes
            .all(CN)
            .find(|name| name.and_then(|n| n.parse().ok()).is_some_and(|n: PersonId| n != *id));
        refuse(id.as_str(), other_uid.or(other_name))
    }

    /// Checks that the request does not name another server than the one that sent it.
    ///
    /// A common name must be the host or the origin; there must be no `UID`. An empty subject is fine.
    ///
    /// # Errors
    /// [`RequestError::Subject`].
    pub fn names_only_host(&self, origin: &Origin) -> Result<(), RequestError> {
        let host = origin.host().to_string();
        let uid = self.subject.attributes.all(UID).next();
        let other_name = self
            .subject
            .attributes
            .all(CN)
            .find(|name| !matches!(name, Some(n) if *n == host || *n == origin.as_str()));
        refuse(origin.as_str(), uid.or(other_name))
    }

    /// Checks that the request names exactly this subject, as [`certification_request`] writes it.
    ///
    /// So whoever signs a handful of requests by hand does not mistake one for another.
    ///
    /// # Errors
    /// [`RequestError::Subject`].
    pub fn names_exactly(&self, subject: &Subject) -> Result<(), RequestError> {
        self.subject.is(subject)
    }
}

impl RequestSubject {
    fn is(&self, subject: &Subject) -> Result<(), RequestError> {
        match subject.to_der() {
            Ok(der) if der == self.der => Ok(()),
            _ => Err(RequestError::Subject {
                expected: format!("a {} with another name", subject.profile()),
                found: self.attributes.only(CN).unwrap_or_default().to_owned(),
            }),
        }
    }
}

/// A request whose signature has not been looked at.
struct Unverified<'a> {
    signed: Signed<'a>,
    content: Vec<u8>,
    subject: RequestSubject,
    spki: Vec<u8>,
}

impl<'a> Unverified<'a> {
    fn from_der(der: &'a [u8]) -> Result<Self, RequestError> {
        if der.len() > CertificationRequest::MAX_SIZE {
            return Err(RequestError::TooLarge { found: der.len() });
        }
        let signed = Signed::from_der(der).map_err(RequestError::Malformed)?;
        let content = signed.content_der().map_err(RequestError::Malformed)?;
        let (subject, spki) = read_info(&content).map_err(RequestError::Malformed)?;
        Ok(Self { signed, content, subject, spki })
    }

    /// Checks the signature with a function of algorithm, content and signature that knows some algorithms.
    fn verify(
        &self,
        by: impl FnOnce(ObjectIdentifier, &[u8], &[u8]) -> Option<Result<(), BadSignature>>,
    ) -> Result<(), RequestError> {
        let signature = self.signed.signature.as_bytes().ok_or(RequestError::Signature)?;
        let AlgorithmIdentifierRef { oid, parameters } = self.signed.algorithm;
        match parameters.is_none().then(|| by(oid, &self.content, signature)).flatten() {
            Some(verified) => verified.map_err(|_| RequestError::Signature),
            None => Err(RequestError::SignatureAlgorithm { algorithm: oid.to_string() }),
        }
    }
}

/// Makes a request for this subject, signed by this key, in DER.
///
/// # Errors
/// [`MakeRequestError`].
pub fn certification_request(
    key: &dyn Sign,
    subject: &Subject,
) -> Result<Vec<u8>, MakeRequestError> {
    sign_request(key, &subject.to_der()?)
}

/// The same for any name in DER.
fn sign_request(key: &dyn Sign, subject: &[u8]) -> Result<Vec<u8>, MakeRequestError> {
    let content = info_der(subject, key.public_key().spki_der())?;
    let signature = key.sign(&content)?;
    Ok(assemble(&content, ECDSA_SHA256, &signature)?)
}

fn info_der(subject: &[u8], spki: &[u8]) -> der::Result<Vec<u8>> {
    RequestInfo {
        version: VERSION_1,
        subject: AnyRef::from_der(subject)?,
        subject_public_key_info: AnyRef::from_der(spki)?,
        // RFC 2986 §4.1: attributes are not optional, an empty set stands for none.
        attributes: Some(SetOfVec::new()),
    }
    .to_der()
}

fn assemble(
    content: &[u8],
    algorithm: AlgorithmIdentifierRef<'_>,
    signature: &[u8],
) -> der::Result<Vec<u8>> {
    let signature = BitStringRef::from_bytes(signature)?;
    Signed { content: AnyRef::from_der(content)?, algorithm, signature }.to_der()
}

fn read_pem(text: &str) -> Result<CertificateSigningRequestDer<'static>, RequestError> {
    // RFC 7468 §7: generators write CERTIFICATE REQUEST, parsers may take NEW CERTIFICATE REQUEST as the same.
    let text = text.replace(" NEW CERTIFICATE REQUEST-", " CERTIFICATE REQUEST-");
    CertificateSigningRequestDer::from_pem_slice(text.as_bytes()).map_err(|_| RequestError::NoPem)
}

fn read_info(content: &[u8]) -> der::Result<(RequestSubject, Vec<u8>)> {
    let info = RequestInfo::from_der(content)?;
    if info.version != VERSION_1 {
        return Err(der::Tag::Integer.value_error().into());
    }
    let der = info.subject.to_der()?;
    let attributes = Attributes::of(&Name::from_der(&der)?);
    Ok((RequestSubject { der, attributes }, info.subject_public_key_info.to_der()?))
}

/// An error for the first name that should not stand there; the inner `None` is one that is not text.
fn refuse(expected: &str, found: Option<Option<&str>>) -> Result<(), RequestError> {
    match found {
        None => Ok(()),
        Some(text) => Err(RequestError::Subject {
            expected: expected.to_owned(),
            found: text.unwrap_or_default().to_owned(),
        }),
    }
}

impl fmt::Debug for CertificationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificationRequest")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::SigningKey;
    use crate::subject::encode_for_test;

    fn request(subject: &[u8]) -> CertificationRequest {
        let key = SigningKey::generate().unwrap();
        let der = sign_request(&key, subject).unwrap();
        let request = CertificationRequest::from_der(&der).unwrap();
        assert_eq!(request.public_key(), key.public_key());
        assert_eq!(request.der(), der);
        request
    }

    fn sid() -> PersonId {
        "1155123456".parse().unwrap()
    }

    #[test]
    fn a_request_names_nobody_else() {
        for (attributes, accepted) in [
            (&[] as &[_], true),
            (&[(UID, "1155123456")], true),
            (&[(CN, "Chan Tai Man")], true),
            (&[(CN, "1155123456")], true),
            (&[(UID, "1155123456"), (CN, "Chan Tai Man"), (crate::oid::O, "CUHK")], true),
            (&[(UID, "1155123457")], false),
            (&[(UID, "1155123456"), (UID, "1155123457")], false),
            (&[(UID, "chan")], false),
            (&[(UID, "")], false),
            (&[(UID, " 1155123456")], false),
            (&[(CN, "1155123457")], false),
            (&[(CN, "chan.tm")], false),
            (&[(UID, "1155123456"), (CN, "Chan"), (CN, "1155123457")], false),
        ] {
            let checked = request(&encode_for_test(attributes)).names_only(&sid());
            assert_eq!(checked.is_ok(), accepted, "{attributes:?}: {checked:?}");
        }
        assert_eq!(
            request(&encode_for_test(&[(UID, "1155123457")])).names_only(&sid()),
            Err(RequestError::Subject {
                expected: "1155123456".to_owned(),
                found: "1155123457".to_owned()
            })
        );
    }

    #[test]
    fn a_request_names_no_other_server() {
        let origin: Origin = "https://localhost:3141".parse().unwrap();
        for (attributes, accepted) in [
            (&[] as &[_], true),
            (&[(CN, "localhost")], true),
            (&[(CN, "https://localhost:3141")], true),
            (&[(CN, "localhost:3141")], false),
            (&[(CN, "other.example")], false),
            (&[(CN, "localhost"), (CN, "other.example")], false),
            (&[(CN, "localhost"), (UID, "1155123456")], false),
        ] {
            let checked = request(&encode_for_test(attributes)).names_only_host(&origin);
            assert_eq!(checked.is_ok(), accepted, "{attributes:?}: {checked:?}");
        }
    }

    #[test]
    fn what_is_made_names_its_subject_only() {
        let key = SigningKey::generate().unwrap();
        let person = Subject::Person { id: sid(), name: Some("Chan".to_owned()) };
        let der = certification_request(&key, &person).unwrap();
        CertificationRequest::from_der(&der).unwrap().names_only(&sid()).unwrap();
        let origin: Origin = "https://[::1]:3141".parse().unwrap();
        let der = certification_request(&key, &Subject::Server { origin: origin.clone() }).unwrap();
        CertificationRequest::from_der(&der).unwrap().names_only_host(&origin).unwrap();
        let person = Subject::Person { id: sid(), name: Some("\0".to_owned()) };
        let refused = certification_request(&key, &person).unwrap_err();
        assert!(matches!(refused, MakeRequestError::Subject(_)));
    }

    /// RFC 2986 allows no more than one encoding of a set, but many programs sort wrongly or not at all.
    #[test]
    fn the_signature_counts_over_the_octets_as_they_came() {
        let key = SigningKey::generate().unwrap();
        let mut set = encode_for_test(&[(UID, "1155123456")]);
        // One relative name with two attributes in the wrong order.
        let cn = encode_for_test(&[(CN, "Chan Tai Man")]);
        let (uid_attribute, cn_attribute) = (set.split_off(4), cn[4..].to_vec());
        let mut attributes = [cn_attribute, uid_attribute];
        attributes.sort_by_key(|attribute| std::cmp::Reverse(attribute.clone()));
        let attributes = attributes.concat();
        let length = u8::try_from(attributes.len()).unwrap();
        let subject = [&[0x30, length + 2, 0x31, length], attributes.as_slice()].concat();
        let der = sign_request(&key, &subject).unwrap();
        let request = CertificationRequest::from_der(&der).unwrap();
        assert_eq!(request.der(), der);
        assert_eq!(request.names_only(&sid()), Ok(()));
    }

    #[test]
    fn requests_have_a_budget_and_a_form() {
        let large = vec![0x30; CertificationRequest::MAX_SIZE + 1];
        let found = large.len();
        assert_eq!(
            CertificationRequest::from_der(&large).unwrap_err(),
            RequestError::TooLarge { found }
        );
        let malformed = CertificationRequest::from_der(b"garbage").unwrap_err();
        assert!(matches!(malformed, RequestError::Malformed(_)));
        for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(CertificationRequest::from_pem(text).unwrap_err(), RequestError::NoPem);
        }
    }
}
