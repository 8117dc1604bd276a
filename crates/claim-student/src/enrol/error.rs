//! Why there is no certificate.

use std::path::PathBuf;

use claim_core::invitation::RootPin;
use claim_core::{Digest, Origin, PersonId};
use claim_http::{ClientError, IdentityError};
use claim_pki::{MakeRequestError, PathError};

use crate::error::{Explained, Foreign, Outcome, Refused, Unreached, quoted};
use crate::wallet::WalletError;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// Something in the folder is in the way.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// No answer came from CUHK.
    #[error(transparent)]
    Unreached(#[from] Unreached),
    /// CUHK refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Something else answered.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// The HTTPS client cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Certificate and key do not make a TLS client.
    #[error("the certificate cannot be shown to CUHK: {0}")]
    Identity(#[from] IdentityError),
    /// The certification request cannot be made.
    #[error("the certification request cannot be made: {0}")]
    Request(#[source] MakeRequestError),
    /// This CUHK certifies nobody without an invitation.
    #[error("to enrol {id}, CUHK wants an invitation")]
    InvitationNeeded {
        /// Who wants to enrol.
        id: PersonId,
        /// The root that says so.
        root: PathBuf,
    },
    /// The invitation is for a server.
    #[error("this invitation is for the server {origin}, not for a person")]
    ForServer {
        /// Whom it is for.
        origin: Origin,
    },
    /// The folder belongs to another CUHK than the invitation.
    #[error("the invitation comes from another CUHK than {}", quoted(path))]
    OtherRoot {
        /// The root in the folder.
        path: PathBuf,
        /// Its pin.
        stored: RootPin,
        /// The invitation's pin.
        invited: RootPin,
    },
    /// Who answers does not have the root that the invitation pins.
    #[error("what answers at {cuhk} is not the CUHK that the invitation is from")]
    PinMismatch {
        /// Where.
        cuhk: Origin,
        /// The invitation's pin.
        invited: RootPin,
        /// The pins of the roots that were offered.
        found: Vec<RootPin>,
    },
    /// The certificate that came does not lead to the root.
    #[error("the certificate that CUHK sent cannot be used: {0}")]
    Certificate(#[source] PathError),
    /// The certificate that came names somebody else.
    #[error("the certificate that CUHK sent is for {found} instead of {expected}")]
    OtherPerson {
        /// Who asked.
        expected: PersonId,
        /// Whom it names.
        found: PersonId,
    },
    /// The certificate that came is for another key.
    #[error(
        "the certificate that CUHK sent is for another key (SHA-256 {found}, ours is {expected})"
    )]
    OtherKey {
        /// SHA-256 of our public key.
        expected: Digest,
        /// SHA-256 of the certificate's.
        found: Digest,
    },
}

impl Explained for EnrolError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Wallet(error) => error.why(),
            Self::Unreached(error) => error.why(),
            Self::Refused(error) => error.why(),
            Self::Foreign(error) => error.why(),
            Self::InvitationNeeded { root, .. } => Some(format!(
                "The root {} is not that of a local demonstration, so CUHK asks who you are.",
                quoted(root)
            )),
            Self::OtherRoot { stored, invited, .. } => Some(format!(
                "The invitation ends in #{invited}; for the root in the folder it would end in #{stored}."
            )),
            Self::PinMismatch { invited, found, .. } => {
                let found = match found.as_slice() {
                    [] => "no root was offered".to_owned(),
                    found => {
                        let found: Vec<_> = found.iter().take(4).map(ToString::to_string).collect();
                        format!("offered was {}", found.join(", "))
                    }
                };
                Some(format!(
                    "The invitation pins the root {invited}; {found}. The code was not sent."
                ))
            }
            Self::Certificate(_) | Self::OtherPerson { .. } | Self::OtherKey { .. } => {
                Some("It was checked before it was stored, and is not stored.".to_owned())
            }
            _ => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Wallet(error) => error.advice(),
            Self::Unreached(error) => match error.outcome() {
                Outcome::Unknown => {
                    "Do the same again, with the same invitation: the same key gets the same certificate.".to_owned()
                }
                _ => error.advice(),
            },
            Self::Refused(error) => error.advice(),
            Self::Foreign(error) => error.advice(),
            Self::Client(_) => {
                "Check the proxy variables of the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY) and --tls-roots."
                    .to_owned()
            }
            Self::Identity(_) | Self::Request(_) => {
                "Enrol again with a new invitation, in a new folder.".to_owned()
            }
            Self::InvitationNeeded { .. } => {
                "Enrol with your invitation: `claim student enroll --invite-file FILE`, or paste it when asked. \
                 You get it from the people who run CUHK."
                    .to_owned()
            }
            Self::ForServer { .. } => {
                "Use it where that server runs: `claim blackboard --invite-file FILE`.".to_owned()
            }
            Self::OtherRoot { path, .. } => format!(
                "Use another folder (--dir) for the other CUHK. If this one was set up anew, remove {} first.",
                quoted(path)
            ),
            Self::PinMismatch { .. } => {
                "Check that the invitation is whole and not an old one. If it is, somebody may stand between you and \
                 CUHK, or CUHK was set up anew: ask the people who sent it."
                    .to_owned()
            }
            Self::Certificate(PathError::Expired { .. } | PathError::NotYetValid { .. }) => {
                "Check the date and time of this machine, then do the same again.".to_owned()
            }
            Self::Certificate(_) | Self::OtherPerson { .. } | Self::OtherKey { .. } => {
                "Tell the people who run CUHK: it should not happen.".to_owned()
            }
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Unreached(error) => error.outcome(),
            Self::Refused(error) => error.outcome(),
            Self::Foreign(error) => error.outcome(),
            _ => Outcome::Refused,
        }
    }
}
