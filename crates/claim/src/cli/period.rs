//! Periods of time as people write them: a year, a month, a day, or a moment, all in UTC.

use std::str::FromStr;

use claim_core::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;

/// From one moment to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

/// A text is no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a period is a year, month or day in UTC (2026, 2026-05, 2026-05-17), two of them (2026-05-01..2026-05-17), \
     or moments (2026-05-01T00:00:00+08:00..2026-06-01T00:00:00+08:00)"
)]
pub(crate) struct PeriodError;

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let (first, last) = (first.trim(), last.trim());
        let from = if first.is_empty() { Timestamp::from_millis(0) } else { span(first)?.from };
        let until = if last.is_empty() { Timestamp::MAX } else { span(last)?.until };
        if from < until { Ok(Self { from, until }) } else { Err(PeriodError) }
    }
}

/// The moment at which what is written here begins: of a day its midnight in UTC.
pub(crate) fn beginning(text: &str) -> Result<Timestamp, PeriodError> {
    Ok(span(text)?.from)
}

fn span(text: &str) -> Result<Period, PeriodError> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        // As the end of a period it is the first moment that is not in it.
        let at = Timestamp::from_millis(moment.as_millisecond());
        return Ok(Period { from: at, until: at });
    }
    let numbers: Option<Vec<i16>> = text
        .split('-')
        .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?)
        .collect();
    let (year, month, day, length) = match *numbers.as_deref().ok_or(PeriodError)? {
        [year] => (year, 1, 1, 1.year()),
        [year, month] => (year, month, 1, 1.month()),
        [year, month, day] => (year, month, day, 1.day()),
        _ => return Err(PeriodError),
    };
    let part = |number: i16| i8::try_from(number).map_err(|_| PeriodError);
    let first = Date::new(year, part(month)?, part(day)?).map_err(|_| PeriodError)?;
    let next = first.checked_add(length).map_err(|_| PeriodError)?;
    Ok(Period { from: midnight(first)?, until: midnight(next)? })
}

fn midnight(date: Date) -> Result<Timestamp, PeriodError> {
    let moment = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0));
    Ok(Timestamp::from_millis(moment.map_err(|_| PeriodError)?.as_millisecond()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn periods_as_people_write_them() {
        for (text, from, until) in [
            ("2026-05", "2026-05-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z"),
            ("2026", "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
            ("2028-02-29", "2028-02-29T00:00:00.000Z", "2028-03-01T00:00:00.000Z"),
            ("2026-12..2027-01", "2026-12-01T00:00:00.000Z", "2027-02-01T00:00:00.000Z"),
            ("..2026-05-17", "1970-01-01T00:00:00.000Z", "2026-05-18T00:00:00.000Z"),
            (
                "2026-05-01T00:00:00+08:00..2026-06-01T00:00:00+08:00",
                "2026-04-30T16:00:00.000Z",
                "2026-05-31T16:00:00.000Z",
            ),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!(
                (period.from.to_string(), period.until.to_string()),
                (from.into(), until.into()),
                "{text}"
            );
        }
        for text in
            ["", "May", "2026-13", "2026-02-29", "2026-06..2026-05", "2026-5-1-1", "+2026", "-5"]
        {
            let read = text.parse::<Period>();
            assert!(read.is_err() || text.is_empty(), "{text}: {read:?}");
        }
    }
}
