//! Lengths of time as a file has them: `24 h`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A length of time in whole seconds, written as a number and a unit: `30 s`, `10 min`, `24 h`, `2 d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    seconds: u64,
}

/// A text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a length of time is a number and one of s, min, h, d: \"24 h\"")]
pub struct SpanError;

const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];

impl Span {
    /// Of so many seconds.
    pub fn from_seconds(seconds: u64) -> Self {
        Self { seconds }
    }

    /// In seconds.
    pub fn as_seconds(self) -> u64 {
        self.seconds
    }

    /// In minutes, where it is so many minutes and no more.
    pub fn as_minutes(self) -> Option<u32> {
        let whole = self.seconds.is_multiple_of(60).then_some(self.seconds / 60)?;
        whole.try_into().ok()
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let at = text.find(|c: char| !c.is_ascii_digit()).ok_or(SpanError)?;
        let (number, unit) = text.split_at_checked(at).ok_or(SpanError)?;
        let number: u64 = number.parse().map_err(|_| SpanError)?;
        let unit = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or(SpanError)?;
        Ok(Self { seconds: number.checked_mul(unit.1).ok_or(SpanError)? })
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    /// In the largest unit of which it is so many and no more; nothing at all in minutes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, unit)| self.seconds.is_multiple_of(*unit));
        match whole {
            _ if self.seconds == 0 => f.write_str("0 min"),
            Some((name, unit)) => write!(f, "{} {name}", self.seconds / unit),
            None => write!(f, "{} s", self.seconds),
        }
    }
}
