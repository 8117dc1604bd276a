//! One request of step 6 that may be repeated as often as needed, and in any session.

use std::time::Duration;

use claim_core::encoding::RequestNonce;
use claim_core::messages::JSON;
use claim_core::{ProblemType, json};
use claim_http::{Answer, ReachError, system_rng};
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::{Ask, Hindrance, Signed};
use crate::error::{Explained, Outcome, Refused, tamed};
use crate::post::content_of;
use crate::retry::Patience;
use crate::session::{OpenSession, SessionError};

/// How often somebody in a hurry asks a Blackboard that seems to be away: some seconds, so that a restart is waited for.
const HURRIED_ATTEMPTS: u32 = 4;

/// Why a request of step 6 has no answer that could be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The session was over, and no new one could be opened.
    #[error("the session ended and no new one was opened: {0}")]
    Session(#[from] SessionError),
    /// Blackboard refused for what was asked, and signed that.
    #[error(transparent)]
    Refused(Refused),
    /// No answer came that Blackboard signed.
    #[error("{last}")]
    NoAnswer {
        /// How many attempts were made.
        attempts: u32,
        /// Whether Blackboard may have done what was asked.
        may_have_arrived: bool,
        /// What hindered the last one.
        last: Box<Hindrance>,
    },
    /// Blackboard signed an answer that this version does not understand.
    #[error(
        "Blackboard answered, and signed it, but in a form that this program does not know (status {}: {})",
        status.as_u16(), tamed(defect)
    )]
    Unreadable {
        /// The status.
        status: StatusCode,
        /// What is wrong with it.
        defect: String,
    },
}

impl AskError {
    /// Whether Blackboard may have done what was asked.
    pub(crate) fn may_have_arrived(&self) -> bool {
        match self {
            Self::NoAnswer { may_have_arrived, .. } => *may_have_arrived,
            Self::Unreadable { .. } => true,
            Self::Session(_) | Self::Refused(_) => false,
        }
    }

    /// What Blackboard calls its refusal, where it is one.
    pub(crate) fn slug(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => refused.problem.slug.as_deref(),
            _ => None,
        }
    }
}

impl AskError {
    /// Whether Blackboard is away, or cannot do its work at present.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Session(error) => error.is_outage(),
            Self::NoAnswer { last, .. } => last.is_outage(),
            Self::Refused(_) | Self::Unreadable { .. } => false,
        }
    }

    /// Whether Blackboard itself answered, and signed, that it cannot do it at present.
    pub fn is_signed(&self) -> bool {
        matches!(self, Self::NoAnswer { last, .. } if matches!(**last, Hindrance::Busy(_)))
    }

    /// Blackboard's own word that it takes no claims at present, where that is why there is no answer: it looks at this
    /// before it takes one, while a defect or a failing disk may strike afterwards.
    pub(crate) fn takes_nothing(self) -> Result<Refused, Self> {
        match self {
            Self::NoAnswer { attempts, may_have_arrived, last } => match *last {
                Hindrance::Busy(refused)
                    if matches!(
                        refused.problem.problem_type,
                        Some(
                            ProblemType::LogBehind
                                | ProblemType::EvidencePending
                                | ProblemType::RevocationUnknown
                                | ProblemType::StorageFull
                        )
                    ) =>
                {
                    Ok(refused)
                }
                last => Err(Self::NoAnswer { attempts, may_have_arrived, last: Box::new(last) }),
            },
            other => Err(other),
        }
    }
}

impl OpenSession {
    /// Asks until Blackboard answers, in a new session if need be: every such request is safe to repeat.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> Result<Answer, AskError> {
        self.reopen_if_over().await?;
        let nonce = RequestNonce::random(&mut system_rng());
        let mut patience = Patience::new(&self.party.student.config.timeouts);
        let mut may_have_arrived = false;
        loop {
            let hindrance = match self.exchange(ask, &nonce).await {
                Ok(Signed::Answer(answer)) => return Ok(answer),
                Ok(Signed::Refused(refused)) => return Err(AskError::Refused(refused)),
                Err(hindrance) => hindrance,
            };
            may_have_arrived |= hindrance.may_have_arrived();
            let pause = match ask.is_hurried() && is_long(&hindrance, patience.attempts()) {
                true => None,
                false => patience.pause_after(&hindrance),
            };
            let Some(after) = pause else {
                let (last, attempts) = (Box::new(hindrance), patience.attempts());
                return Err(AskError::NoAnswer { attempts, may_have_arrived, last });
            };
            self.overcome(&hindrance, after).await?;
        }
    }

    /// Asks for what is answered by JSON.
    pub(crate) async fn ask_json<T: DeserializeOwned>(&mut self, ask: &Ask) -> Result<T, AskError> {
        let answer = self.ask(ask).await?;
        let status = answer.status;
        if !matches!(status, StatusCode::OK | StatusCode::CREATED) || answer.media_type() != JSON {
            return Err(AskError::Unreadable { status, defect: content_of(&answer) });
        }
        json::from_slice(&answer.body)
            .map_err(|error| AskError::Unreadable { status, defect: error.to_string() })
    }

    /// Asks for what is answered by bytes of this media type.
    pub(crate) async fn ask_bytes(
        &mut self,
        ask: &Ask,
        media_type: &str,
    ) -> Result<bytes::Bytes, AskError> {
        let answer = self.ask(ask).await?;
        match answer.status == StatusCode::OK && answer.media_type() == media_type {
            true => Ok(answer.body),
            false => {
                let (status, defect) = (answer.status, content_of(&answer));
                Err(AskError::Unreadable { status, defect })
            }
        }
    }

    /// Opens a new session where this one's time is over.
    pub(crate) async fn reopen_if_over(&mut self) -> Result<(), SessionError> {
        match self.server_now() >= self.session.expires_at() {
            true => self.reopen().await,
            false => Ok(()),
        }
    }
}

/// Whether an outage is none of a moment, as far as one can tell after so many attempts.
fn is_long(hindrance: &Hindrance, attempts: u32) -> bool {
    let out_of_time = matches!(hindrance, Hindrance::Unreached(unreached)
        if matches!(unreached.source, ReachError::Timeout));
    // A full disk is not emptied in some seconds.
    let told = out_of_time || hindrance.is_full();
    hindrance.is_outage() && (told || attempts >= HURRIED_ATTEMPTS)
}

impl Patience {
    /// The pause before the next attempt; `None` when there is to be none.
    pub(crate) fn pause_after(&mut self, hindrance: &Hindrance) -> Option<Duration> {
        let retry_after = hindrance.retry_after().map(Duration::from_secs);
        if hindrance.may_pass() { self.next_pause(retry_after) } else { None }
    }
}

impl Explained for AskError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Session(error) => error.why(),
            Self::Refused(error) => error.why(),
            Self::NoAnswer { last, .. } => last.why(),
            Self::Unreadable { .. } => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Session(error) => error.advice(),
            Self::Refused(error) => error.advice(),
            Self::NoAnswer { last, .. } => last.advice(),
            Self::Unreadable { .. } => "Use a newer version of this program.".to_owned(),
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Session(error) => error.outcome(),
            Self::Refused(error) => error.outcome(),
            Self::NoAnswer { may_have_arrived: true, .. } | Self::Unreadable { .. } => {
                Outcome::Unknown
            }
            Self::NoAnswer { last, .. } => last.outcome(),
        }
    }
}
