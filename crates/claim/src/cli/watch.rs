//! `claim staff watch`.

use std::str::FromStr;

use claim_core::{AssignmentId, AssignmentRef, CourseId};
use clap::Args;

/// `claim staff watch`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    claim staff watch IEMS5710/lab1\n  \
    claim staff watch IEMS5710 --since start --json\n\n\
    Ctrl-C ends it. With --json each line has `leaf`: to go on behind it later, give the next number with --since.")]
pub(crate) struct WatchArgs {
    /// COURSE or COURSE/ASSIGNMENT
    #[arg(value_name = "COURSE[/ASSIGNMENT]")]
    pub(crate) what: Watchable,
    /// From where on: the start, or a place in the log [default: now]
    #[arg(long, value_name = "start|PLACE")]
    pub(crate) since: Option<Since>,
}

/// A course, or one of its assignments.
#[derive(Clone, Debug)]
pub(crate) struct Watchable {
    pub(crate) course: CourseId,
    pub(crate) assignment: Option<AssignmentId>,
}

impl FromStr for Watchable {
    type Err = claim_core::AssignmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('/') {
            let AssignmentRef { course, assignment } = text.parse()?;
            return Ok(Self { course, assignment: Some(assignment) });
        }
        Ok(Self { course: text.parse()?, assignment: None })
    }
}

/// From which place in the log on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since(pub(crate) u64);

impl FromStr for Since {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("start") { Ok(Self(0)) } else { text.parse().map(Self) }
    }
}
