//! What can be wrong with a zone or a time that somebody typed, and what to type instead.

use claim_core::{Escaped, Timestamp};

use super::rules_version;

/// A text is not the name of a time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{}\" is no time zone of the IANA database ({}){}",
    Escaped(text),
    rules_version(),
    like(alike)
)]
pub struct ZoneError {
    /// What was typed.
    pub text: String,
    /// Zones whose names resemble it, a few at most.
    pub alike: Vec<String>,
}

impl ZoneError {
    /// What to do about it, as a sentence.
    pub fn advice(&self) -> &'static str {
        "Name the zone by its IANA name, e.g. Asia/Hong_Kong."
    }
}

/// Why what was typed is not one moment in this zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Not the form of a time.
    #[error("\"{}\" is no time", Escaped(text))]
    Form {
        /// What was typed.
        text: String,
    },
    /// Digits at their places, but no such day or no such time of day.
    #[error("\"{}\" is in no calendar or on no clock", Escaped(text))]
    Calendar {
        /// What was typed.
        text: String,
    },
    /// `24:00`, which some take for the end of a day and some for its beginning.
    #[error("\"{}\": there is no 24:00", Escaped(text))]
    Midnight {
        /// What was typed.
        text: String,
    },
    /// Before 1970 or after the last time that the protocol can write.
    #[error("\"{}\" is out of range: times go from 1970 to {}", Escaped(text), Timestamp::MAX)]
    Range {
        /// What was typed.
        text: String,
    },
    /// The zone that stands behind the time is another.
    #[error("\"{}\" names another zone than {zone}", Escaped(text))]
    OtherZone {
        /// What was typed.
        text: String,
        /// The zone in which times are read here.
        zone: String,
    },
    /// The zone does not have this offset at this time.
    #[error("\"{}\": {zone} has {} then", Escaped(text), has.join(" or "))]
    Offset {
        /// What was typed.
        text: String,
        /// The zone.
        zone: String,
        /// The offsets that it has, one or two.
        has: Vec<String>,
    },
    /// Clocks are put forward over it.
    #[error("\"{}\" does not exist in {zone}: clocks are put forward over it", Escaped(text))]
    Gap {
        /// What was typed.
        text: String,
        /// The zone.
        zone: String,
        /// What it would be by the offset after the change, then by the one before it; both can be typed.
        readings: [String; 2],
    },
    /// Clocks are put back, and it comes again.
    #[error("\"{}\" comes twice in {zone}, as clocks are put back", Escaped(text))]
    Fold {
        /// What was typed.
        text: String,
        /// The zone.
        zone: String,
        /// The first and the second; both can be typed.
        readings: [String; 2],
    },
}

impl TimeError {
    /// What to do about it, as a sentence; where something can be meant, the question which it is.
    pub fn advice(&self) -> String {
        match self {
            Self::Form { .. } | Self::Calendar { .. } | Self::Range { .. } => {
                "Write it like \"2026-11-24 23:59\", \"2026-11-24 23:59:30\" or \"2026-11-24 23:59 +08:00\"."
                    .to_owned()
            }
            Self::Midnight { .. } => {
                "Write 23:59, which lasts to the end of that day, or 00:00 of the next day."
                    .to_owned()
            }
            Self::OtherZone { zone, .. } => {
                format!("Write the time as clocks show it in {zone}, or leave the zone out.")
            }
            Self::Offset { has, .. } => {
                format!("Leave the offset out, or write {}.", has.join(" or "))
            }
            Self::Gap { readings: [first, second], .. } => {
                format!("Which is meant: \"{first}\" or \"{second}\"? Type one of them.")
            }
            Self::Fold { readings: [first, second], .. } => {
                format!("Which is meant: \"{first}\", or later \"{second}\"? Type one of them.")
            }
        }
    }
}

fn like(alike: &[String]) -> String {
    if alike.is_empty() { String::new() } else { format!("; it has {}", alike.join(", ")) }
}
