//! Certs-only messages: how EST hands out certificates (RFC 7030 §4.1.3; RFC 5652 §5.1, degenerate).

use der::asn1::{AnyRef, ObjectIdentifier, SetOfVec};
use der::{Any, Decode, Encode, Sequence};

use crate::oid::{ID_DATA, ID_SIGNED_DATA};
use crate::{Certificate, CertificateError};

/// The most certificates in a message that is read.
pub const MAX_CERTS_ONLY: usize = 16;

/// Why something is not a certs-only message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertsOnlyError {
    /// It is not SignedData in DER.
    #[error("the certs-only message is malformed: {0}")]
    Malformed(#[from] der::Error),
    /// It is another kind of CMS message.
    #[error("the message is CMS of another kind than SignedData")]
    NotSignedData,
    /// It is larger than any that is needed.
    #[error("a certs-only message has at most {MAX_SIZE} bytes; this has {found}")]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// There are more certificates than any answer has.
    #[error("a certs-only message has at most {MAX_CERTS_ONLY} certificates; this has {found}")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// A certificate in it is not well-formed.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Encodes certificates as a certs-only message in DER.
///
/// DER sorts a SET OF: the order of the certificates is not kept.
///
/// # Errors
/// [`CertsOnlyError::TooMany`].
pub fn encode_certs_only(certificates: &[Certificate]) -> Result<Vec<u8>, CertsOnlyError> {
    if certificates.len() > MAX_CERTS_ONLY {
        return Err(CertsOnlyError::TooMany { found: certificates.len() });
    }
    Ok(message(certificates)?)
}

/// Reads the certificates of a certs-only message in DER; their order means nothing.
///
/// # Errors
/// [`CertsOnlyError`].
pub fn decode_certs_only(message: &[u8]) -> Result<Vec<Certificate>, CertsOnlyError> {
    if message.len() > MAX_SIZE {
        return Err(CertsOnlyError::TooLarge { found: message.len() });
    }
    let message = ContentInfo::from_der(message)?;
    if message.content_type != ID_SIGNED_DATA {
        return Err(CertsOnlyError::NotSignedData);
    }
    let signed_data: SignedData<'_> = message.content.decode_as()?;
    let certificates = signed_data.certificates.unwrap_or_default();
    if certificates.len() > MAX_CERTS_ONLY {
        return Err(CertsOnlyError::TooMany { found: certificates.len() });
    }
    certificates
        .iter()
        // A header has one form only in DER: this is the certificate as it stands there.
        .map(|one| Ok(Certificate::from_der(&one.to_der()?)?))
        .collect()
}

fn message(certificates: &[Certificate]) -> der::Result<Vec<u8>> {
    let mut set = SetOfVec::new();
    for one in certificates {
        set.insert(Any::from_der(one.der())?)?;
    }
    let signed_data = SignedData {
        // RFC 5652 §5.1: version 1 when there is nothing but certificates and the content is id-data.
        version: 1,
        digest_algorithms: SetOfVec::new(),
        content: EncapsulatedContent { content_type: ID_DATA, content: None },
        certificates: Some(set),
        crls: None,
        signers: SetOfVec::new(),
    }
    .to_der()?;
    let message =
        ContentInfo { content_type: ID_SIGNED_DATA, content: AnyRef::from_der(&signed_data)? };
    message.to_der()
}

const MAX_SIZE: usize = 64 * 1024;

#[derive(Sequence)]
struct ContentInfo<'a> {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: AnyRef<'a>,
}

#[derive(Sequence)]
struct SignedData<'a> {
    version: u8,
    digest_algorithms: SetOfVec<Any>,
    content: EncapsulatedContent<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    crls: Option<SetOfVec<Any>>,
    signers: SetOfVec<Any>,
}

#[derive(Sequence)]
struct EncapsulatedContent<'a> {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    content: Option<AnyRef<'a>>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::{AuthorityName, Issuer, RootSpec, SerialNumber, SigningKey, Timestamp, Validity};

    fn certificates(count: u8) -> Vec<Certificate> {
        let spec = RootSpec { name: AuthorityName::cuhk("Root").unwrap(), domain: None };
        (0..count)
            .map(|number| {
                let key = SigningKey::generate().unwrap();
                let serial = SerialNumber::from_random([number; 16]);
                let validity = Validity::starting(Timestamp::from_seconds(0), 1);
                let root = Issuer::self_signed_root(&spec, key, &serial, validity).unwrap();
                root.certificate().clone()
            })
            .collect()
    }

    #[test]
    fn the_certificates_come_back_as_they_were() {
        for count in [0, 1, 3] {
            let certificates = certificates(count);
            let read = decode_certs_only(&encode_certs_only(&certificates).unwrap()).unwrap();
            assert_eq!(read.len(), certificates.len());
            assert!(certificates.iter().all(|one| read.contains(one)));
        }
    }

    #[test]
    fn there_is_a_budget() {
        let many = certificates(17);
        let error = CertsOnlyError::TooMany { found: 17 };
        assert_eq!(encode_certs_only(&many), Err(error.clone()));
        assert!(encode_certs_only(&many[..16]).is_ok());
        let message = message(&many).unwrap();
        assert_eq!(decode_certs_only(&message), Err(error));
        let found = MAX_SIZE + 1;
        let large = vec![0x30; found];
        assert_eq!(decode_certs_only(&large), Err(CertsOnlyError::TooLarge { found }));
    }

    #[test]
    fn other_messages_are_refused() {
        let data = ContentInfo { content_type: ID_DATA, content: AnyRef::NULL }.to_der().unwrap();
        assert_eq!(decode_certs_only(&data), Err(CertsOnlyError::NotSignedData));
        assert!(matches!(decode_certs_only(b"garbage"), Err(CertsOnlyError::Malformed(_))));
        let mut message = encode_certs_only(&certificates(1)).unwrap();
        message.push(0);
        assert!(matches!(decode_certs_only(&message), Err(CertsOnlyError::Malformed(_))));
    }
}
