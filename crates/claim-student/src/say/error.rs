//! Why a message was not acknowledged.

use claim_core::Timestamp;
use claim_core::student::AnswerError;
use claim_http::{ProblemAnswer, ReachError, TlsFailure};
use http::StatusCode;

use super::{MAX_MESSAGE, Unsettled};
use crate::error::{Explained, Outcome, Refused, Unreached, tamed};
use crate::session::SessionError;

/// Why a message was not acknowledged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SayError {
    /// There is nothing to send, or only white space, in which nobody sees a message.
    #[error("the message is empty, or has only spaces and line ends in it")]
    Empty,
    /// The message is longer than Blackboard takes.
    #[error("the message has {length} bytes; Blackboard takes {MAX_MESSAGE}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The session was over, and no new one could be opened; the message was not accepted.
    #[error("the message was not sent, because the session ended and no new one was opened: {0}")]
    Session(#[from] SessionError),
    /// Blackboard refused the message for what it is, and signed that.
    #[error(transparent)]
    Refused(Refused),
    /// No attempt can have arrived.
    #[error("the message was not accepted: {last}")]
    NotAccepted {
        /// How many attempts were made.
        attempts: u32,
        /// What hindered the last one.
        last: Box<Hindrance>,
    },
    /// The message may have arrived or not.
    #[error("nobody knows whether the message arrived: {last}")]
    OutcomeUnknown {
        /// The message; [`crate::OpenSession::settle`] takes it.
        message: Box<Unsettled>,
        /// How many attempts were made.
        attempts: u32,
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

/// What stood between a message and its acknowledgement, in one attempt.
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
    /// Whether Blackboard may have accepted the message all the same.
    ///
    /// An answer without signature proves nothing about what Blackboard did, except that whoever says
    /// "no such session" is taken at their word (see [`crate::OpenSession::say`]). A signed one that does not follow
    /// from what was signed speaks of one copy of the request: whoever carries the connection may have delivered
    /// another, and a defect or a failing disk may strike after the message was stored.
    pub(super) fn may_have_arrived(&self) -> bool {
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
    pub(super) fn may_pass(&self) -> bool {
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

    /// How many seconds the other side asks to wait.
    pub(super) fn retry_after(&self) -> Option<u64> {
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

impl Explained for SayError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Empty | Self::TooLong { .. } | Self::Unreadable { .. } => None,
            Self::Session(error) => error.why(),
            Self::Refused(error) => error.why(),
            Self::NotAccepted { last, .. } => last.why(),
            Self::OutcomeUnknown { last, .. } => match **last {
                Hindrance::NotAuthentic { .. } | Hindrance::OtherSession => last.why(),
                Hindrance::Busy(_) | Hindrance::ClockSkew { .. } => Some(
                    "Blackboard signed that it did not take one copy of it. Whoever carries the connection \
                     may have delivered another."
                        .to_owned(),
                ),
                _ => Some("It was sent, but no answer came that Blackboard signed.".to_owned()),
            },
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Empty => "Type a text in which there is something to read.".to_owned(),
            Self::TooLong { .. } => "Send it in several messages.".to_owned(),
            Self::Session(error) => error.advice(),
            Self::Refused(error) => error.advice(),
            Self::NotAccepted { last, .. } => last.advice(),
            Self::OutcomeUnknown { .. } => {
                "Ask the people who run Blackboard whether it is there, or send it again: at worst it then stands \
                 there twice."
                    .to_owned()
            }
            Self::Unreadable { .. } => "Use a newer version of this program.".to_owned(),
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Empty | Self::TooLong { .. } => Outcome::Refused,
            Self::Session(error) => error.outcome(),
            Self::Refused(error) => error.outcome(),
            Self::NotAccepted { last, .. } => last.outcome(),
            Self::OutcomeUnknown { .. } | Self::Unreadable { .. } => Outcome::Unknown,
        }
    }
}

fn title(problem: &Option<Box<ProblemAnswer>>) -> String {
    match problem {
        Some(problem) => format!(", {problem}"),
        None => String::new(),
    }
}
