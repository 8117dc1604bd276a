//! Errors for people: what happened, why, what to do next.

mod server;

pub use server::{Foreign, Refused, Service, Unreached};
pub(crate) use server::{is_outage, is_temporary, quoted, tamed};

/// What an error says about the thing that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was refused, or could not be done: trying the same again changes nothing.
    Refused,
    /// Nobody was there to do it.
    Unreachable,
    /// It may have been done or not.
    Unknown,
}

/// An error that a person can do something with; `Display` says what happened.
///
/// All texts are safe for a terminal: what strangers sent stands in them escaped and cut at a length.
pub trait Explained: std::error::Error {
    /// Why it happened, where that is not plain from what happened.
    fn why(&self) -> Option<String> {
        None
    }

    /// What to do next.
    fn advice(&self) -> String;

    /// What the error says about the thing that was tried.
    fn outcome(&self) -> Outcome {
        Outcome::Refused
    }
}
