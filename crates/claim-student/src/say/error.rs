//! Why a message was not acknowledged.

use http::StatusCode;

use super::{MAX_MESSAGE, Unsettled};
use crate::error::{Explained, Outcome, Refused, tamed};
use crate::exchange::Hindrance;
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
