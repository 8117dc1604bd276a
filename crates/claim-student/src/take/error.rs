//! Why what was handed in could not be taken.

use std::io;
use std::path::PathBuf;

use claim_core::claim::{ClaimId, FileNameError};
use claim_core::json::JsonError;
use claim_files::FileError;

use crate::error::{Explained, Outcome, quoted, tamed};
use crate::exchange::{AskError, Hindrance};
use crate::session::SessionError;

/// Why nothing, or not everything, was taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TakeError {
    /// Blackboard did not say who has handed in.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The session was over, and no new one could be opened.
    #[error("the session ended and no new one was opened: {0}")]
    Session(#[from] SessionError),
    /// The folder, or a file of this program in it, cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something cannot be written or read.
    #[error("cannot {action} {}: {}", quoted(path), tamed(source))]
    System {
        /// What was tried.
        action: &'static str,
        /// What.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The list in the folder is none.
    #[error("{} is not a list of what was taken: {}", quoted(path), tamed(source))]
    List {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        source: JsonError,
    },
    /// The folder holds something else.
    #[error("{} holds {}", quoted(path), tamed(found))]
    OtherFolder {
        /// The folder.
        path: PathBuf,
        /// What it holds, in words.
        found: String,
    },
    /// Something lies where a claim goes.
    #[error(
        "{} is there already, and was not taken by this program; nothing was overwritten",
        quoted(path)
    )]
    InTheWay {
        /// What.
        path: PathBuf,
    },
    /// A name cannot be made.
    #[error("there is no name for it in the folder: {0}")]
    Name(#[from] FileNameError),
    /// No answer came that counts.
    #[error("{last}")]
    NoAnswer {
        /// What hindered the last attempt.
        last: Box<Hindrance>,
    },
}

/// Why one claim was not taken, while others may be.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClaimError {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Take(#[from] TakeError),
    #[error("the receipt does not hold: {}", tamed(finding))]
    NotVerified { finding: String },
    #[error("Blackboard answers for another claim ({found})")]
    OtherClaim { found: ClaimId },
    #[error("{} is not the file that the claim lists", tamed(name))]
    OtherBytes { name: String },
}

impl TakeError {
    /// What the system said to an action.
    pub(super) fn system(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::System { action, path, source }
    }

    /// Whether it would be the same with every claim.
    pub(super) fn is_of_all(&self) -> bool {
        let full = |kind| {
            matches!(
                kind,
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::ReadOnlyFilesystem
            )
        };
        match self {
            Self::System { source, .. } => full(source.kind()),
            Self::File(error) => match error {
                FileError::Full { .. } => true,
                FileError::System { source, .. } => full(source.kind()),
                _ => false,
            },
            Self::InTheWay { .. } | Self::Name(_) => false,
            _ => true,
        }
    }
}

impl Explained for TakeError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Ask(error) => error.why(),
            Self::Session(error) => error.why(),
            Self::NoAnswer { last } => last.why(),
            _ => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Ask(error) => error.advice(),
            Self::Session(error) => error.advice(),
            Self::NoAnswer { last } => {
                format!("{} The same command goes on where this one stopped.", last.advice())
            }
            Self::OtherFolder { .. } => "Choose another folder with --out.".to_owned(),
            Self::InTheWay { .. } => "Move it away, and run the same command again.".to_owned(),
            Self::List { .. } => "Choose another folder with --out, or move the list away.".to_owned(),
            Self::File(FileError::Locked { .. }) => "Wait until the other one is done.".to_owned(),
            _ => "Make room, or see to the permissions, and run the same command again: it goes on where this one stopped."
                .to_owned(),
        }
    }

    fn outcome(&self) -> Outcome {
        let outcome = match self {
            Self::Ask(error) => error.outcome(),
            Self::Session(error) => error.outcome(),
            Self::NoAnswer { last } => last.outcome(),
            _ => Outcome::Refused,
        };
        // Nothing is changed at Blackboard by taking.
        if outcome == Outcome::Unknown { Outcome::Unreachable } else { outcome }
    }
}
