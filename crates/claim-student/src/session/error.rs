//! Why there is no session.

use claim_core::student::ExchangeError;
use claim_core::{Origin, ProblemType, Timestamp};
use claim_http::{ClientError, ReachError};
use claim_pki::{PathError, SerialNumber};

use crate::error::{Explained, Foreign, Outcome, Refused, Unreached, tamed};
use crate::wallet::WalletError;

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The folder has no certificate that could be used.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// No answer came from Blackboard.
    #[error(transparent)]
    Unreached(#[from] Unreached),
    /// Blackboard refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Something else answered.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// Who answered did not prove to be Blackboard.
    #[error("what answers at {blackboard} did not prove to be Blackboard: {}", tamed(source))]
    Exchange {
        /// Where.
        blackboard: Origin,
        /// What is missing in the proof.
        source: ExchangeError,
    },
    /// It proved to be Blackboard, by a certificate that is no longer good.
    #[error("CUHK has revoked {} by which {blackboard} shows that it is Blackboard, at {at}", revoked_words(.serial, *.is_issuers))]
    Revoked {
        /// Where.
        blackboard: Origin,
        /// The serial number of what was revoked.
        serial: SerialNumber,
        /// Whether that is the issuing certificate from which Blackboard's comes.
        is_issuers: bool,
        /// Since when.
        at: Timestamp,
    },
    /// The HTTPS client cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The message cannot be written as JSON.
    #[error("the message cannot be written: {0}")]
    Unsendable(#[source] serde_json::Error),
}

impl SessionError {
    /// Whether Blackboard is away: nobody answers, or nobody who could do anything at present.
    ///
    /// What answers and is not Blackboard, or refuses, is no outage; nor is too much haste.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreached(unreached) => unreached.is_outage(),
            Self::Refused(refused) => refused.is_outage(),
            Self::Foreign(foreign) => foreign.is_temporary(),
            _ => false,
        }
    }

    /// Whether beginning again with step 3 may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreached(Unreached { source, .. }) => {
                matches!(source, ReachError::Timeout | ReachError::Interrupted(_))
            }
            Self::Refused(refused) => {
                refused.is_temporary()
                    || matches!(
                        refused.problem.problem_type,
                        Some(ProblemType::ChallengeExpired | ProblemType::ChallengeInvalid)
                    )
            }
            Self::Foreign(foreign) => foreign.is_temporary(),
            _ => false,
        }
    }

    /// How many seconds the server asks to wait.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(refused) => refused.problem.retry_after,
            Self::Foreign(foreign) => foreign.retry_after,
            _ => None,
        }
    }
}

impl Explained for SessionError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Wallet(error) => error.why(),
            Self::Unreached(error) => error.why(),
            Self::Refused(error) => error.why(),
            Self::Foreign(error) => error.why(),
            Self::Exchange { source: ExchangeError::OtherOrigin { .. }, .. } => Some(
                "A session is bound to the name of the Blackboard that you connect to. Nothing of yours was sent."
                    .to_owned(),
            ),
            Self::Exchange { source: ExchangeError::Certificate(path), .. } if is_about_time(path) => None,
            Self::Exchange { .. } => Some(
                "Somebody may stand between you and Blackboard. Nothing of yours was sent.".to_owned(),
            ),
            Self::Revoked { .. } => Some(
                "Whoever has stolen its key could answer in its place. Nothing of yours was sent.".to_owned(),
            ),
            Self::Client(_) | Self::Unsendable(_) => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Wallet(error) => error.advice(),
            Self::Unreached(error) => error.advice(),
            Self::Refused(error) => error.advice(),
            Self::Foreign(error) => error.advice(),
            Self::Exchange { source: ExchangeError::OtherOrigin { claimed, .. }, .. } => format!(
                "If {claimed} is your Blackboard's address, use it: --blackboard {claimed}"
            ),
            Self::Exchange { source: ExchangeError::UnknownScheme { .. }, .. } => {
                "Use a newer version of this program.".to_owned()
            }
            Self::Exchange { source: ExchangeError::Certificate(path), .. } if is_about_time(path) => {
                "Check the date and time of this machine; if they are right, \
                 the people who run Blackboard must renew its certificate."
                    .to_owned()
            }
            Self::Exchange { source: ExchangeError::OwnKey(_), .. } => {
                "Restore the private key from a copy, or enrol again with a new invitation.".to_owned()
            }
            Self::Exchange { .. } => {
                "Check the address (--blackboard) and that cuhk.cer is the root of the CUHK that this Blackboard \
                 belongs to; then ask the people who run it."
                    .to_owned()
            }
            Self::Revoked { .. } => {
                "Tell the people who run Blackboard, by telephone or mail; try again when they have got it a new certificate."
                    .to_owned()
            }
            Self::Client(_) => {
                "Check the proxy variables of the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY) and --tls-roots."
                    .to_owned()
            }
            Self::Unsendable(_) => "Tell the people who made this program.".to_owned(),
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Unreached(error) => match error.outcome() {
                // A session that may have been opened, and is not used, is nothing that happened.
                Outcome::Unknown => Outcome::Unreachable,
                outcome => outcome,
            },
            Self::Refused(error) => error.outcome(),
            Self::Foreign(error) => error.outcome(),
            _ => Outcome::Refused,
        }
    }
}

/// Whether all but the time is right.
fn is_about_time(path: &PathError) -> bool {
    matches!(
        path,
        PathError::Expired { .. }
            | PathError::NotYetValid { .. }
            | PathError::IssuerNotValid { .. }
    )
}

/// What was revoked.
fn revoked_words(serial: &SerialNumber, is_issuers: bool) -> String {
    match is_issuers {
        false => format!("the certificate {serial}"),
        true => format!("the issuing certificate {serial}"),
    }
}
