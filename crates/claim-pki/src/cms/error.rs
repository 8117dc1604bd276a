//! Why a CMS message is refused.

use crate::{CertificateError, SerialNumber};

/// A part of a CMS message that is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CmsPart {
    /// The content type of the whole: not SignedData.
    MessageType,
    /// The version of SignedData or of a SignerInfo.
    Version,
    /// The digest algorithms: not SHA-256 alone, without parameters.
    DigestAlgorithm,
    /// The type of the content: that of something else than was asked for.
    ContentType,
    /// The content is missing (a detached signature) or no OCTET STRING.
    Content,
    /// There are CRLs.
    Crls,
    /// There are unsigned attributes.
    UnsignedAttributes,
    /// A signer is not named by issuer and serial number.
    SignerIdentifier,
    /// A signature's algorithm: not ECDSA with SHA-256.
    SignatureAlgorithm,
    /// There is an attribute that has no place here, or one twice, or one is missing, or one has not just one value.
    SignedAttributes,
    /// The signed content type is not that of the content.
    SignedContentType,
    /// The signed digest is not that of the content.
    MessageDigest,
    /// The signing time is no time.
    SigningTime,
    /// The signed reference to the signer's certificate is not just one, by SHA-256, to that certificate.
    SigningCertificate,
    /// The octets are not those of the one encoding of what they say.
    Encoding,
}

/// Why something is not a CMS message of the form that is used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CmsError {
    /// It is larger than any that is needed.
    #[error("the signed message has more than {limit} bytes: {found}")]
    TooLarge {
        /// How many bytes it has.
        found: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It is not DER; BER with its indefinite lengths is not taken.
    #[error("the signed message is not well-formed DER: {0}")]
    Malformed(#[from] der::Error),
    /// A part is not as it must be.
    #[error("the signed message's {part} cannot be accepted")]
    Part {
        /// The part.
        part: CmsPart,
    },
    /// A certificate in it is not well-formed.
    #[error("a certificate in the signed message cannot be read: {0}")]
    Certificate(#[from] CertificateError),
    /// Nobody signed.
    #[error("nobody signed the message")]
    NoSigner,
    /// More signed than may.
    #[error("the message has more than {limit} signatures")]
    TooManySigners {
        /// How many there may be.
        limit: usize,
    },
    /// Somebody signed twice.
    #[error("two signatures in the message are by the same person")]
    SignedTwice {
        /// The serial number of the second certificate.
        serial: SerialNumber,
    },
    /// A signer's certificate, or that of its issuer, is missing.
    #[error(
        "a certificate that belongs into the signed message is missing: a signer's, or its issuer's"
    )]
    MissingCertificate,
    /// There is a certificate that is neither a signer's nor its issuer's, or one twice.
    #[error("the signed message has a certificate that does not belong into it (number {serial})")]
    UnexpectedCertificate {
        /// Its serial number.
        serial: SerialNumber,
    },
}

impl From<CmsPart> for CmsError {
    fn from(part: CmsPart) -> Self {
        Self::Part { part }
    }
}

impl std::fmt::Display for CmsPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MessageType => "type (it is not SignedData)",
            Self::Version => "version",
            Self::DigestAlgorithm => "digest algorithm (it is not SHA-256 alone)",
            Self::ContentType => "content type",
            Self::Content => "content (it must be inside)",
            Self::Crls => "set of CRLs (there must be none)",
            Self::UnsignedAttributes => "set of unsigned attributes (there must be none)",
            Self::SignerIdentifier => "signer identifier (it is not issuer and serial number)",
            Self::SignatureAlgorithm => "signature algorithm (it is not ECDSA with SHA-256)",
            Self::SignedAttributes => "set of signed attributes",
            Self::SignedContentType => "signed content type (it is not that of the content)",
            Self::MessageDigest => "signed digest (it is not that of the content)",
            Self::SigningTime => "signing time",
            Self::SigningCertificate => "reference to the signer's certificate",
            Self::Encoding => "encoding (it is not the one that says the same)",
        })
    }
}
