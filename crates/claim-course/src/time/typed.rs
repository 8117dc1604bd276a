//! The form of a time that people type, before it is looked for in a zone.

use jiff::civil::{Date, DateTime};

use super::TimeError;

/// Which end of what was typed is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    First,
    Last,
}

/// `2026-11-24 23:59[:59[.999]] [+08:00[:00]] [Asia/Hong_Kong | (Asia/Hong_Kong)]`.
#[derive(Debug)]
pub(super) struct Typed<'a> {
    /// The end that is meant, as clocks show it.
    pub(super) local: DateTime,
    /// Seconds east of Greenwich.
    pub(super) offset: Option<i32>,
    pub(super) zone: Option<&'a str>,
}

impl<'a> Typed<'a> {
    pub(super) fn read(text: &'a str, edge: Edge) -> Result<Self, TimeError> {
        let form = || TimeError::Form { text: text.to_owned() };
        let mut words = text.split_whitespace();
        let (date, time) = words.next().zip(words.next()).ok_or_else(form)?;
        let mut next = words.next();
        let offset = match next.filter(|word| word.starts_with(['+', '-'])) {
            Some(word) => {
                next = words.next();
                Some(offset(word).ok_or_else(form)?)
            }
            None => None,
        };
        let bare = |word: &'a str| word.strip_prefix('(')?.strip_suffix(')');
        let zone = next.map(|word| bare(word).unwrap_or(word));
        if words.next().is_some() {
            return Err(form());
        }
        let [year, month, day] = numbers(date, '-', [4..=4, 1..=2, 1..=2]).ok_or_else(form)?;
        let [hour, minute, second, milli] = clock(time, edge).ok_or_else(form)?;
        if (hour, minute) == (24, 0) {
            return Err(TimeError::Midnight { text: text.to_owned() });
        }
        let local = local([year, month, day], [hour, minute, second, milli]);
        let local = local.ok_or_else(|| TimeError::Calendar { text: text.to_owned() })?;
        Ok(Self { local, offset, zone })
    }
}

/// Hour, minute, second and millisecond; those that were not typed are those of the edge.
fn clock(text: &str, edge: Edge) -> Option<[u16; 4]> {
    let (second, milli) = match edge {
        Edge::First => (0, 0),
        Edge::Last => (59, 999),
    };
    if let Some([hour, minute]) = numbers(text, ':', [1..=2, 2..=2]) {
        return Some([hour, minute, second, milli]);
    }
    let (text, milli) = match text.split_once('.') {
        Some((text, decimals)) => (text, numbers(decimals, '.', [3..=3])?[0]),
        None => (text, milli),
    };
    let [hour, minute, second] = numbers(text, ':', [1..=2, 2..=2, 2..=2])?;
    Some([hour, minute, second, milli])
}

fn local(
    [year, month, day]: [u16; 3],
    [hour, minute, second, milli]: [u16; 4],
) -> Option<DateTime> {
    let small = |number: u16| i8::try_from(number).ok();
    let date = Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let nanos = i32::from(milli) * 1_000_000;
    let time = jiff::civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanos);
    Some(date.to_datetime(time.ok()?))
}

fn offset(text: &str) -> Option<i32> {
    let (sign, text) = match text.split_at_checked(1)? {
        ("+", text) => (1, text),
        ("-", text) => (-1, text),
        _ => return None,
    };
    let [hours, minutes, seconds] = match numbers(text, ':', [2..=2, 2..=2]) {
        Some([hours, minutes]) => [hours, minutes, 0],
        None => numbers(text, ':', [2..=2, 2..=2, 2..=2])?,
    };
    let seconds = 3_600 * i32::from(hours) + 60 * i32::from(minutes) + i32::from(seconds);
    Some(sign * seconds)
}

/// Exactly so many numbers, each with so many digits.
fn numbers<const N: usize>(
    text: &str,
    between: char,
    digits: [std::ops::RangeInclusive<usize>; N],
) -> Option<[u16; N]> {
    let mut found = [0; N];
    let mut words = text.split(between);
    for (number, digits) in found.iter_mut().zip(digits) {
        let word = words.next()?;
        if !digits.contains(&word.len()) || !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = word.parse().ok()?;
    }
    words.next().is_none().then_some(found)
}
