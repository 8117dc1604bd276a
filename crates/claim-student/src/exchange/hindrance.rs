//! What stands between a request of step 6 and an answer that counts.

use claim_core::student::AnswerError;
use claim_core::{ProblemType, Timestamp};
use claim_http::{ProblemAnswer, ReachError, TlsFailure};
use http::StatusCode;

use crate::error::{Explained, Outcome, Refused, Unreached, is_outage, tamed};

/// What stood between a request and Blackboard's own answer, in one attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Hindrance {
    /// No answer came.
    #[error(transparent)]
    Unreached(Unreached),
    /// Blackboard signed that it did not take this copy of the message.
    #[error(transparent)]
    Busy(Refused),
    /// Blackboard signed that the time in the request is too far from its own.
    #[error("{refused}")]
    ClockSkew {
        /// Blackboard's time.
        server_time: Timestamp,
        /// What it says.
        refused: Refused,
    },
    /// Somebody, probably Blackboard, says that it has no such session.
    #[error(transparent)]
    NoSession(Refused),
    /// An answer came that Blackboard did not sign for this request.
    #[error("an answer came (status {}{}) that does not count: {}", status.as_u16(), title(problem), tamed(error))]
    NotAuthentic {
        /// Its status.
        status: StatusCode,
        /// What it says, if it is a problem document.
        problem: Option<Box<ProblemAnswer>>,
        /// How many seconds it asks to wait.
        retry_after: Option<u64>,
        /// What is wrong with its signature.
        error: AnswerError,
    },
    /// The session that the message was sent in is gone.
    #[error("the session that it was sent in is over")]
    OtherSession,
}

impl Hindrance {
    /// Whether Blackboard may have done what was asked all the same.
    ///
    /// An answer without signature proves nothing about what Blackboard did, except that whoever says
    /// "no such session" is taken at their word (see [`crate::OpenSession::say`]). A signed one that does not follow
    /// from what was signed speaks of one copy of the request: whoever carries the connection may have delivered
    /// another, and a defect or a failing disk may strike after the message was stored.
    pub(crate) fn may_have_arrived(&self) -> bool {
        match self {
            Self::Unreached(unreached) => unreached.source.may_have_arrived(),
            Self::NoSession(_) => false,
            Self::Busy(_)
            | Self::ClockSkew { .. }
            | Self::NotAuthentic { .. }
            | Self::OtherSession => true,
        }
    }

    /// Whether the next attempt may fare better.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreached(unreached) => match &unreached.source {
                ReachError::Unsendable(_) => false,
                // A server that restarts may break a handshake off; a wrong certificate stays wrong.
                ReachError::Tls(failure) => {
                    matches!(failure, TlsFailure::Alert(_) | TlsFailure::Protocol(_))
                }
                _ => true,
            },
            Self::OtherSession => false,
            _ => true,
        }
    }

    /// Whether Blackboard is away, or cannot do its work at present; that it has too much to do is no outage.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Unreached(unreached) => unreached.is_outage(),
            Self::Busy(refused) => refused.is_outage(),
            // A gateway whose server is away.
            Self::NotAuthentic { status, problem: None, .. } => status.is_server_error(),
            Self::NotAuthentic { status, problem: Some(problem), .. } => {
                is_outage(*status, problem)
            }
            Self::ClockSkew { .. } | Self::NoSession(_) | Self::OtherSession => false,
        }
    }

    /// Whether Blackboard signed that there is no room on its disk.
    pub(crate) fn is_full(&self) -> bool {
        let full = Some(ProblemType::StorageFull);
        matches!(self, Self::Busy(refused) if refused.problem.problem_type == full)
    }

    /// How many seconds the other side asks to wait.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy(refused) => refused.problem.retry_after,
            Self::NotAuthentic { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Explained for Hindrance {
    fn why(&self) -> Option<String> {
        match self {
            Self::Unreached(error) => error.why(),
            Self::Busy(refused) | Self::NoSession(refused) | Self::ClockSkew { refused, .. } => {
                refused.why()
            }
            Self::NotAuthentic { .. } => Some(
                "Only an answer that Blackboard signed counts, and none came: something in between \
                 answers in its place, or changes what it says."
                    .to_owned(),
            ),
            Self::OtherSession => Some(
                "Blackboard recognises a repeated message within its session only.".to_owned(),
            ),
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Unreached(error) => error.advice(),
            Self::Busy(refused) | Self::NoSession(refused) | Self::ClockSkew { refused, .. } => {
                refused.advice()
            }
            Self::NotAuthentic { .. } | Self::OtherSession => "Try again later.".to_owned(),
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Unreached(error) => error.outcome(),
            Self::Busy(_) | Self::NoSession(_) => Outcome::Unreachable,
            Self::ClockSkew { .. } => Outcome::Refused,
            Self::NotAuthentic { .. } | Self::OtherSession => Outcome::Unknown,
        }
    }
}

fn title(problem: &Option<Box<ProblemAnswer>>) -> String {
    match problem {
        Some(problem) => format!(", {problem}"),
        None => String::new(),
    }
}
