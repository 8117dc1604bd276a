//! Why a path is refused.

use crate::{KeyError, Root, Validity};
use crate::{Origin, Profile, ProfileError, ProfilePart, Timestamp};

/// Why a chain of certificates does not show what it should.
///
/// A chain with several faults gets the first of: form, issuer, signature, profile, origin, time.
/// So whoever is told that a certificate has expired knows that nothing else is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The chain is empty.
    #[error("there is no certificate")]
    NoCertificate,
    /// There are more certificates than a path needs.
    #[error("a chain has at most {} certificates; this has {found}", Root::MAX_CHAIN)]
    TooManyCertificates {
        /// How many there are.
        found: usize,
    },
    /// A certificate is larger than any in a path.
    #[error("a certificate in a chain has at most {} bytes; this has {found}", Root::MAX_SIZE)]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// A certificate is not well-formed.
    #[error("a certificate is malformed")]
    Malformed,
    /// No certificate in the chain is that of the issuer, or the issuer is not one of `cuhk.cer`'s.
    #[error("the certificate was not issued under this cuhk.cer")]
    UnknownIssuer,
    /// The certificate names `cuhk.cer` itself as its issuer; persons and servers have theirs from the issuing authority.
    #[error("the certificate names the root itself as its issuer instead of the issuing authority")]
    IssuedByRoot,
    /// The certificate names another issuer than `cuhk.cer` itself; what evidence rests on has its certificates from
    /// the root, so that theft of the issuing authority's key does not discredit it.
    #[error("the certificate was not issued by the root of this cuhk.cer itself")]
    NotIssuedByRoot,
    /// A certificate's signature is not by the key of the issuer that it names.
    #[error("a certificate's signature is not by its issuer")]
    BadSignature,
    /// The certificate is one for something else.
    #[error("the certificate is {}, not for a {expected}", .found.map_or("for nothing that is known here".to_owned(), |found| format!("for a {found}")))]
    WrongProfile {
        /// The profile that was demanded.
        expected: Profile,
        /// The profile that it has by its policy.
        found: Option<Profile>,
    },
    /// The certificate is not made as its profile says.
    #[error("the certificate's {part} is not that of a {profile}")]
    NotAsProfile {
        /// The profile.
        profile: Profile,
        /// What is not as it should be.
        part: ProfilePart,
    },
    /// The certificate's key is not of the profile's kind: P-256 as an uncompressed point, or Ed25519 for logs and
    /// witnesses.
    #[error("the certificate's key cannot be used: {0}")]
    Key(#[source] KeyError),
    /// A name in the certificate lies outside the domain to which `cuhk.cer` is constrained.
    #[error("the certificate names a server outside the domain of cuhk.cer")]
    NameConstraints,
    /// The certificate is for another server.
    #[error("the certificate is for {found}, not for {expected}")]
    WrongOrigin {
        /// The origin that was asked for.
        expected: Origin,
        /// The origin in the certificate.
        found: Origin,
    },
    /// The certificate's time has not come.
    #[error("the certificate is valid from {not_before} on; it is {at}")]
    NotYetValid {
        /// The time at which it was checked.
        at: Timestamp,
        /// Its first second.
        not_before: Timestamp,
    },
    /// The certificate's time is over.
    #[error("the certificate was valid until {not_after}; it is {at}")]
    Expired {
        /// The time at which it was checked.
        at: Timestamp,
        /// Its last second.
        not_after: Timestamp,
    },
    /// The root's or the issuing authority's certificate is not valid at this time.
    #[error(
        "the certificate of the {issuer} is valid from {} to {}; it is {at}",
        validity.not_before(), validity.not_after()
    )]
    IssuerNotValid {
        /// The time at which it was checked.
        at: Timestamp,
        /// Whose certificate it is.
        issuer: Profile,
        /// When it is valid.
        validity: Validity,
    },
}

impl From<ProfileError> for PathError {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Wrong { expected, found } => Self::WrongProfile { expected, found },
            ProfileError::Part { profile, part } => Self::NotAsProfile { profile, part },
            ProfileError::Key(error) => Self::Key(error),
        }
    }
}

/// What webpki says of a leaf that has already been read, whose issuer is known and whose time is not looked at.
impl From<webpki::Error> for PathError {
    fn from(error: webpki::Error) -> Self {
        match error {
            webpki::Error::UnknownIssuer => Self::UnknownIssuer,
            webpki::Error::InvalidSignatureForPublicKey
            | webpki::Error::UnsupportedSignatureAlgorithmContext(_)
            | webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                Self::BadSignature
            }
            webpki::Error::NameConstraintViolation => Self::NameConstraints,
            _ => Self::Malformed,
        }
    }
}
