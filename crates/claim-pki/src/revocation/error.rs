//! Why a revocation list is refused, or cannot be made.

use crate::{KeyError, SerialNumber, Timestamp, Validity};

/// A part of a revocation list that is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationListPart {
    /// The version: not 2.
    Version,
    /// The signature's algorithm: not ECDSA with SHA-256.
    SignatureAlgorithm,
    /// The issuer's name.
    Issuer,
    /// The time from which on it holds, or that of the next one, or their order.
    Time,
    /// An entry: serial number, date, or a reason that is none of those used here.
    Entry,
    /// The extensions: not the identifier of the issuer's key and the list's number alone.
    Extensions,
    /// The octets are not those of the one encoding of what they say.
    Encoding,
}

/// Why something is not a revocation list of the form that is used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationListError {
    /// It is larger than any that is read.
    #[error(
        "a revocation list has at most {} bytes; this has {found}",
        super::RevocationList::MAX_SIZE
    )]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// It is not DER.
    #[error("the revocation list is malformed: {0}")]
    Malformed(#[from] der::Error),
    /// A part is not as it must be.
    #[error("the revocation list's {part} cannot be accepted")]
    Part {
        /// The part.
        part: RevocationListPart,
    },
    /// A certificate stands there twice.
    #[error("the revocation list names the certificate with the number {serial} twice")]
    Twice {
        /// Its serial number.
        serial: SerialNumber,
    },
    /// The text has no revocation list in PEM.
    #[error("there is no revocation list in PEM")]
    NoPem,
    /// A PEM block is damaged.
    #[error("the PEM is damaged")]
    Pem,
    /// There are more lists than are looked for.
    #[error("there are more than {limit} revocation lists")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
}

/// Why a revocation list could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignRevocationListError {
    /// The next list would come before this one.
    #[error(
        "the next revocation list ({next_update}) would not come after this one ({this_update})"
    )]
    Order {
        /// From when on this one holds.
        this_update: Timestamp,
        /// When the next one is due.
        next_update: Timestamp,
    },
    /// The issuer's certificate is not valid when the list begins to hold.
    #[error(
        "the revocation list ({this_update}) would not lie within its issuer's validity ({} to {})",
        issuer.not_before(), issuer.not_after()
    )]
    OutsideIssuer {
        /// From when on the list holds.
        this_update: Timestamp,
        /// The validity of the issuer's certificate.
        issuer: Validity,
    },
    /// A certificate would be revoked from a time on that is to come, more than the rest of a second.
    #[error(
        "the certificate {serial} is to be revoked from {revoked_at} on, after the list itself"
    )]
    NotYet {
        /// Its serial number.
        serial: SerialNumber,
        /// Since when.
        revoked_at: Timestamp,
    },
    /// Another issuer prepared it.
    #[error("the revocation list was prepared by another issuer")]
    OtherIssuer,
    /// The key did not sign.
    #[error("the revocation list cannot be signed: {0}")]
    Key(#[from] KeyError),
    /// What came out is not as it must be.
    #[error(transparent)]
    List(#[from] RevocationListError),
}

impl From<RevocationListPart> for RevocationListError {
    fn from(part: RevocationListPart) -> Self {
        Self::Part { part }
    }
}

impl std::fmt::Display for RevocationListPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Version => "version",
            Self::SignatureAlgorithm => "signature algorithm (it is not ECDSA with SHA-256)",
            Self::Issuer => "issuer",
            Self::Time => "time",
            Self::Entry => "entry",
            Self::Extensions => "set of extensions",
            Self::Encoding => "encoding (it is not the one that says the same)",
        })
    }
}
