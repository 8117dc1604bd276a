//! Points in time as the protocol writes them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A point in time, in whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Its one text form is RFC 3339 in UTC with `Z` and exactly three decimals: `2026-11-24T15:59:59.999Z`.
/// Years 1970 to 9999 only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = concat!(
    r"^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z$",
)))]
pub struct Timestamp(i64);

/// A text is not a time in the one form the protocol knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time must be written like 2026-11-24T15:59:59.999Z")]
pub struct TimestampError;

impl Timestamp {
    /// 9999-12-30T22:00:00.000Z, the last one that has a date in every time zone.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// From milliseconds since the epoch; what lies outside 1970 to [`Self::MAX`] is moved to the nearer end.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, Self::MAX.0))
    }

    /// From whole seconds since the epoch, as X.509 counts.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment, `seconds` later (or earlier, when negative).
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// How many milliseconds lie between this and `earlier`; negative when that is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        let millis = parsed.as_millisecond();
        // One text per time: leap seconds, offsets, lower case and other precisions do not come back as they were.
        if (0..=Self::MAX.0).contains(&millis) && Self(millis).to_string() == text {
            Ok(Self(millis))
        } else {
            Err(TimestampError)
        }
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn text_and_back() {
        for text in
            ["1970-01-01T00:00:00.000Z", "2026-11-24T15:59:59.999Z", "9999-12-30T22:00:00.000Z"]
        {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T15:59:59Z",
            "2026-11-24T15:59:59.99Z",
            "2026-11-24T15:59:59.9999Z",
            "2026-11-24T15:59:59.999+00:00",
            "2026-11-24t15:59:59.999z",
            "2026-11-24 15:59:59.999Z",
            "1969-12-31T23:59:59.999Z",
            "2026-11-24T23:59:60.000Z",
            "2026-02-30T00:00:00.000Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text:?}");
        }
    }
}
