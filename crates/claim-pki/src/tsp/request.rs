//! What is sent to a timestamp authority (RFC 3161 §2.4.1).

use der::asn1::AnyRef;
use der::{Decode, Encode, Tag, Tagged};

use super::{VERSION, message_imprint};
use crate::asn1::{children_of, context, sequence, tlv};
use crate::cms::SHA256;
use crate::oid::{ID_SHA_256, TIMESTAMP_TOKEN_POLICY};

/// A request for a timestamp: the SHA-256 of what was there.
///
/// It can ask for nothing but what every token has: our policy, and the certificate inside. There is no nonce:
/// what ties a token to its request is the digest, and a token of an earlier time would only say that it was there earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampRequest {
    digest: [u8; 32],
}

/// Why a request for a timestamp is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampRequestError {
    /// It is larger than any that is granted.
    #[error(
        "a timestamp request has at most {} bytes; this has {found}",
        TimestampRequest::MAX_SIZE
    )]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// The DER is not that of a request, version 1.
    #[error("the timestamp request is malformed: {0}")]
    Malformed(#[from] der::Error),
    /// The digest is not by SHA-256.
    #[error("the timestamp request has a digest by another algorithm than SHA-256")]
    DigestAlgorithm,
    /// It asks for another policy.
    #[error("the timestamp request asks for another policy than that of this authority")]
    Policy,
    /// It has a nonce, which no token here has.
    #[error("the timestamp request has a nonce, which tokens of this authority do not have")]
    Nonce,
    /// It asks for a token without the certificate.
    #[error(
        "the timestamp request does not ask for the certificate, which tokens of this authority have"
    )]
    NoCertificate,
    /// It has extensions.
    #[error("the timestamp request has extensions, of which this authority knows none")]
    Extensions,
}

impl TimestampRequest {
    /// The largest request that is read, in bytes of DER.
    pub const MAX_SIZE: usize = 1024;

    /// Asks for a timestamp over what has this SHA-256.
    pub fn new(digest: [u8; 32]) -> Self {
        Self { digest }
    }

    /// The SHA-256 of what was there.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The request in DER, asking for the certificate and for our policy.
    ///
    /// # Errors
    /// [`TimestampRequestError::Malformed`] when it does not encode.
    pub fn to_der(&self) -> Result<Vec<u8>, TimestampRequestError> {
        let policy = tlv(Tag::ObjectIdentifier, TIMESTAMP_TOKEN_POLICY)?;
        let imprint = message_imprint(&self.digest)?;
        Ok(sequence(&[&VERSION, &imprint, &policy, &true.to_der()?])?)
    }

    /// Reads a request and refuses what could not be granted as asked.
    ///
    /// # Errors
    /// [`TimestampRequestError`].
    pub fn from_der(der: &[u8]) -> Result<Self, TimestampRequestError> {
        if der.len() > Self::MAX_SIZE {
            return Err(TimestampRequestError::TooLarge { found: der.len() });
        }
        let parts = children_of(&AnyRef::from_der(der)?, Tag::Sequence, 6)?;
        let [version, imprint, options @ ..] = parts.as_slice() else {
            return Err(malformed(Tag::Sequence));
        };
        if version.to_der()? != VERSION {
            return Err(malformed(Tag::Integer));
        }
        let digest = read_imprint(imprint)?;
        read_options(options)?;
        Ok(Self { digest })
    }
}

/// With or without NULL as parameters: this is only a request (RFC 5754 §2).
fn read_imprint(imprint: &AnyRef<'_>) -> Result<[u8; 32], TimestampRequestError> {
    let parts = children_of(imprint, Tag::Sequence, 2)?;
    let [algorithm, digest] = parts.as_slice() else { return Err(malformed(Tag::Sequence)) };
    let with_null = sequence(&[&ID_SHA_256.to_der()?, &[5, 0]])?;
    let algorithm = algorithm.to_der()?;
    if algorithm != SHA256.to_der()? && algorithm != with_null {
        return Err(TimestampRequestError::DigestAlgorithm);
    }
    digest.tag().assert_eq(Tag::OctetString)?;
    digest.value().try_into().map_err(|_| malformed(Tag::OctetString))
}

/// Each of them may be there once, in this order: policy, nonce, the wish for a certificate, extensions.
fn read_options(options: &[AnyRef<'_>]) -> Result<(), TimestampRequestError> {
    let rest = match options {
        [policy, rest @ ..] if policy.tag() == Tag::ObjectIdentifier => {
            if policy.value() != TIMESTAMP_TOKEN_POLICY {
                return Err(TimestampRequestError::Policy);
            }
            rest
        }
        all => all,
    };
    let is_extensions = |one: &AnyRef<'_>| one.tag() == context(0);
    match rest {
        [nonce, ..] if nonce.tag() == Tag::Integer => Err(TimestampRequestError::Nonce),
        [] => Err(TimestampRequestError::NoCertificate),
        [extensions] if is_extensions(extensions) => Err(TimestampRequestError::NoCertificate),
        // DER leaves out the default: a BOOLEAN that is there must be true.
        [wish, rest @ ..] if wish.decode_as::<bool>()? => match rest {
            [] => Ok(()),
            [extensions] if is_extensions(extensions) => Err(TimestampRequestError::Extensions),
            _ => Err(malformed(Tag::Sequence)),
        },
        _ => Err(malformed(Tag::Boolean)),
    }
}

fn malformed(tag: Tag) -> TimestampRequestError {
    TimestampRequestError::Malformed(tag.value_error().into())
}
