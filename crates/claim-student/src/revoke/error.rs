//! Why nothing was revoked.

use std::path::PathBuf;

use claim_pki::SerialNumber;

use crate::enrol::EnrolError;
use crate::error::{Explained, Outcome, quoted};

/// Why nothing was revoked, or nobody knows whether it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// As at enrolment: the folder, CUHK, or the way to it.
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    /// An invitation says who, and not which certificate.
    #[error("an invitation alone does not say which certificates are to be revoked")]
    Which,
    /// The certificate in the folder was revoked before, so others cannot be revoked by it.
    #[error("the certificate in this folder ({serial}) is revoked itself, and revokes no others")]
    AlreadyRevoked {
        /// Its serial number.
        serial: SerialNumber,
        /// Where its key is now.
        aside: PathBuf,
    },
    /// The request cannot be written.
    #[error("the request cannot be written: {error}")]
    Unwritten {
        /// Why.
        error: serde_json::Error,
    },
}

impl Explained for RevokeError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Enrol(error) => error.why(),
            Self::AlreadyRevoked { aside, .. } => Some(format!(
                "Whoever has a key that was given up must not speak for its owner. The key is put aside as {}.",
                quoted(aside)
            )),
            Self::Which | Self::Unwritten { .. } => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            // The same request again gets the same answer; enrolment's words would be about an invitation.
            Self::Enrol(EnrolError::Unreached(error)) => error.advice(),
            Self::Enrol(error) => error.advice(),
            Self::Which => {
                "Say --all, or name a device (--device NAME) or a serial number.".to_owned()
            }
            Self::AlreadyRevoked { .. } => {
                "Ask the people who run CUHK for a new invitation, and revoke with it: \
                 `claim student revoke --all --invite-file FILE`; then enrol with the same one."
                    .to_owned()
            }
            Self::Unwritten { .. } => "Do it again.".to_owned(),
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Enrol(error) => error.outcome(),
            _ => Outcome::Refused,
        }
    }
}
