//! Why nothing was stamped.

use claim_http::{ClientError, IdentityError};
use claim_pki::TimestampRequestError;

use crate::error::{Explained, Foreign, Outcome, Refused, Unreached};
use crate::hand_in::pending::PendingError;
use crate::wallet::WalletError;

/// Why a claim was not stamped by CUHK, while Blackboard cannot be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutageHandInError {
    /// The folder has no certificate that could be used.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The certificate cannot be shown.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The HTTPS client cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The request does not encode.
    #[error(transparent)]
    Request(#[from] TimestampRequestError),
    /// CUHK does not answer either.
    #[error("{0}")]
    Unreached(#[from] Unreached),
    /// CUHK refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Something else answered.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// What came cannot be kept, or does not hold.
    #[error(transparent)]
    Pending(#[from] PendingError),
}

impl Explained for OutageHandInError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Wallet(error) => error.why(),
            Self::Refused(error) => error.why(),
            Self::Foreign(error) => error.why(),
            Self::Pending(error) => error.why(),
            Self::Unreached(_) => Some(
                "Neither Blackboard nor CUHK can be reached: nothing was handed in, and nothing was stamped."
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Wallet(error) => error.advice(),
            Self::Refused(error) => error.advice(),
            Self::Foreign(error) => error.advice(),
            Self::Pending(error) => error.advice(),
            Self::Unreached(error) => format!(
                "Check your own connection to the network, and run the same command again as soon as you can: \
                 what counts is when one of them has it. {}",
                error.advice()
            ),
            Self::Identity(_) | Self::Client(_) | Self::Request(_) => {
                "Tell the people who made this program.".to_owned()
            }
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            // Nothing is changed by asking for a timestamp.
            Self::Unreached(error) => match error.outcome() {
                Outcome::Unknown => Outcome::Unreachable,
                outcome => outcome,
            },
            Self::Refused(error) => error.outcome(),
            Self::Foreign(error) => error.outcome(),
            _ => Outcome::Refused,
        }
    }
}
