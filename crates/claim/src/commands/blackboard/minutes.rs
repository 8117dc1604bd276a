//! Times as people type them: a minute in a zone.

use claim_core::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What to do about a [`TimeError`].
pub(super) const ADVICE: &str =
    "Name the zone by its IANA name, e.g. Asia/Hong_Kong, and a minute that is there once.";

/// Why what was typed is no time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimeError {
    #[error("{zone:?} is no time zone that this system knows")]
    Zone { zone: String },
    #[error("{text:?} is no time; write it like \"2026-11-24 23:59\"")]
    Form { text: String },
    #[error("{text:?} does not exist in {zone}: clocks are put forward over it")]
    Gap { text: String, zone: String },
    #[error("{text:?} comes twice in {zone}, as clocks are put back")]
    Twice { text: String, zone: String },
}

/// A time zone with its name.
pub(super) struct Zone<'a> {
    name: &'a str,
    zone: TimeZone,
}

impl<'a> Zone<'a> {
    pub(super) fn named(name: &'a str) -> Result<Self, TimeError> {
        let zone = TimeZone::get(name).map_err(|_| TimeError::Zone { zone: name.to_owned() })?;
        Ok(Self { name, zone })
    }

    /// The last millisecond of the minute that was typed.
    pub(super) fn last_moment(&self, text: &str) -> Result<Timestamp, TimeError> {
        let first = self.first_moment(text)?;
        Ok(Timestamp::from_millis(first.as_millis().saturating_add(59_999)))
    }

    /// The first millisecond of it.
    pub(super) fn first_moment(&self, text: &str) -> Result<Timestamp, TimeError> {
        use jiff::tz::AmbiguousOffset::{Fold, Gap, Unambiguous};
        let form = || TimeError::Form { text: text.to_owned() };
        let minute = DateTime::strptime("%Y-%m-%d %H:%M", text).map_err(|_| form())?;
        let (text, zone) = (text.to_owned(), self.name.to_owned());
        let ambiguous = self.zone.to_ambiguous_timestamp(minute);
        match ambiguous.offset() {
            Unambiguous { .. } => {}
            Gap { .. } => return Err(TimeError::Gap { text, zone }),
            Fold { .. } => return Err(TimeError::Twice { text, zone }),
        }
        let start = ambiguous.unambiguous().map_err(|_| TimeError::Form { text })?;
        Ok(Timestamp::from_millis(start.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn at(text: &str, zone: &str) -> Result<String, TimeError> {
        Zone::named(zone).unwrap().last_moment(text).map(|time| time.to_string())
    }

    #[test]
    fn a_minute_is_in_time_to_its_end() {
        assert_eq!(at("2026-11-24 23:59", "Asia/Hong_Kong").unwrap(), "2026-11-24T15:59:59.999Z");
        assert_eq!(at("2026-11-24 23:59", "UTC").unwrap(), "2026-11-24T23:59:59.999Z");
        let first = Zone::named("UTC").unwrap().first_moment("2026-11-24 23:59").unwrap();
        assert_eq!(first.to_string(), "2026-11-24T23:59:00.000Z");
    }

    #[test]
    fn minutes_that_are_not_there_once() {
        assert!(matches!(at("2026-03-29 02:30", "Europe/Berlin"), Err(TimeError::Gap { .. })));
        assert!(matches!(at("2026-10-25 02:30", "Europe/Berlin"), Err(TimeError::Twice { .. })));
        for wrong in ["", "24.11.2026", "2026-11-24", "2026-11-24T23:59Z", "2026-02-30 10:00"] {
            assert!(matches!(at(wrong, "UTC"), Err(TimeError::Form { .. })), "{wrong:?}");
        }
    }
}
