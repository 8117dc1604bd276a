//! What can be wrong with a course's file.

use claim_core::{AssignmentId, Escaped, Sid};

use super::MAX_BYTES;
use crate::change::Unfit;
use crate::model::{GroupSet, PenaltyError};
use crate::time::TimeError;

/// Why a file is no course; nothing of it was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct PlanError {
    /// The line, counted from one.
    pub line: usize,
    /// The column, in characters, counted from one.
    pub column: usize,
    /// What is wrong there.
    pub fault: PlanFault,
}

/// What can be wrong at one place of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanFault {
    /// Larger than [`MAX_BYTES`].
    #[error("the file has {found} bytes; at most {MAX_BYTES} are read")]
    TooLarge {
        /// How large it is.
        found: usize,
    },
    /// Not TOML, or not what a course has: a key that is missing or not known, a value of another kind.
    #[error("{}", Escaped(message))]
    Form {
        /// What the reader of TOML says, on one line.
        message: String,
    },
    /// A time that is not one moment of the course's zone.
    #[error("{0}. {advice}", advice = .0.advice())]
    Time(#[from] TimeError),
    /// An assignment stands there twice.
    #[error("the assignment {name} stands here a second time; take one out")]
    Twice {
        /// Its name.
        name: AssignmentId,
    },
    /// Both a word on late claims and steps.
    #[error("the assignment has both late and penalty; give one of them")]
    LateAndPenalty,
    /// A penalty that begins within a minute.
    #[error("steps of a penalty begin after whole minutes; write \"10 min\"")]
    Minutes,
    /// Steps that are none.
    #[error("{0}")]
    Penalty(#[from] PenaltyError),
    /// A student has two places in a set of groups.
    #[error("{sid} has a group in the set {set} already; a student has one group of a set")]
    TwoGroups {
        /// Who.
        sid: Sid,
        /// The set.
        set: GroupSet,
    },
    /// An extension for an assignment that the file does not have.
    #[error("there is no assignment {name} in this file")]
    NoAssignment {
        /// The name.
        name: AssignmentId,
    },
    /// What could be made nowhere.
    #[error("{0}")]
    Unfit(#[from] Unfit),
}
