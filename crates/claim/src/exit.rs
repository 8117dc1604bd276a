//! The exit codes that scripts go by.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Refused or failed.
    Refused,
    /// The command line or the configuration file is wrong.
    Usage,
    /// Not reachable, or the outcome is unknown: running it again is safe and settles it.
    Unreachable,
    /// Evidence does not verify.
    NotVerified,
    /// Evidence is genuine, but not complete.
    Incomplete,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::NotVerified => 4,
            Exit::Incomplete => 5,
        })
    }
}
