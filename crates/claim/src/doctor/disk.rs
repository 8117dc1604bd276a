//! The room on the disk, and for how long it lasts.
//!
//! The forecast is what the records tell: how many of them came within the last four weeks, and what all of them together
//! take. Of Blackboard's pieces of files some are measured. A Claim that is younger than a week has no history to tell from.

use std::path::{Path, PathBuf};

use claim_core::Timestamp;
use claim_store::{Growth, Need, Room, Space};

use super::days;
use super::finding::Findings;
use super::place::{Kind, Place};
use super::records::database_bytes;
use crate::cli::{Check, DiskArgs};

/// What counts as recent, in days.
pub(super) const RECENT_DAYS: i64 = 28;

/// Less history than so many days tells nothing.
const ENOUGH_DAYS: i64 = 7;

/// How many files are measured at most, to know what a piece takes.
const MEASURED: u64 = 2_000;

pub(super) fn look(place: &Place, growth: Option<Growth>, now: Timestamp, findings: &mut Findings) {
    if !findings.wants(Check::Disk) {
        return;
    }
    let (folders, keep) = match &place.kind {
        Kind::Cuhk { serve, .. } => (vec![place.dir.clone()], keep(serve.disk)),
        Kind::Blackboard(serve) => {
            let objects = place.path("objects");
            let objects = objects.is_dir().then_some(objects);
            let folders = std::iter::once(place.dir.clone()).chain(objects).collect();
            (folders, keep(serve.disk))
        }
        _ => (vec![place.dir.clone()], None),
    };
    let Some(space) = Room::of(folders, keep).space() else { return };
    let forecast = growth.map_or(Forecast::Unknown, |growth| forecast(place, growth, space, now));
    judge(space, forecast, findings);
}

fn keep(disk: DiskArgs) -> Option<u64> {
    disk.keep_free()
}

/// For how long the room lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forecast {
    /// There is too little history.
    Unknown,
    /// Nothing came lately.
    Still,
    /// At so many bytes a day, so many days.
    Lasts { a_day: u64, days: u64 },
}

fn forecast(place: &Place, growth: Growth, space: Space, now: Timestamp) -> Forecast {
    let Some(age) = growth.first.map(|first| days(first, now)) else { return Forecast::Unknown };
    let objects = match place.kind {
        Kind::Blackboard(_) => {
            piece_bytes(&place.path("objects")).saturating_mul(growth.recent_pieces)
        }
        _ => 0,
    };
    let share = database_bytes(place).saturating_mul(growth.recent) / growth.all.max(1);
    lasts(objects.saturating_add(share), age, space)
}

/// What came within the recent days, or since the beginning, and the room that is left above what is kept free.
fn lasts(recent: u64, age: i64, space: Space) -> Forecast {
    if age < ENOUGH_DAYS {
        return Forecast::Unknown;
    }
    let over = age.min(RECENT_DAYS).unsigned_abs();
    match recent / over.max(1) {
        0 => Forecast::Still,
        a_day => Forecast::Lasts { a_day, days: space.free.saturating_sub(space.keep) / a_day },
    }
}

/// What a piece takes on average, by some that are there.
fn piece_bytes(objects: &Path) -> u64 {
    let mut open: Vec<PathBuf> = vec![objects.to_owned()];
    let (mut files, mut bytes) = (0, 0_u64);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(entry.path()),
                Ok(metadata) => {
                    files += 1;
                    bytes = bytes.saturating_add(metadata.len());
                }
                Err(_) => {}
            }
            if files >= MEASURED {
                return bytes / files;
            }
        }
    }
    bytes.checked_div(files).unwrap_or_default()
}

fn judge(space: Space, forecast: Forecast, findings: &mut Findings) {
    let room = format!("{} of {} are free", bytes(space.free), bytes(space.size));
    let next = "Make room, or give the disk more; never delete anything in objects or a -wal file (OPERATIONS.md, \"A full disk\")";
    let (lasts, remaining) = match forecast {
        Forecast::Unknown => ("not enough history for a forecast".to_owned(), None),
        Forecast::Still => ("nothing came lately that would fill it".to_owned(), None),
        Forecast::Lasts { a_day, days } => {
            let day = if days == 1 { "day" } else { "days" };
            (format!("at {} a day, as lately, for about {days} {day}", bytes(a_day)), Some(days))
        }
    };
    let what = format!("{room}; {lasts}.");
    let kept = format!(
        "{} are to be kept free (keep-free); below that uploads are refused first.",
        bytes(space.keep)
    );
    if !space.is_enough(Need::Piece) || remaining.is_some_and(|days| days < 7) {
        findings.wrong(Check::Disk, what, kept, next);
    } else if space.free < space.keep.saturating_mul(4) || remaining.is_some_and(|days| days < 60) {
        findings.warning(Check::Disk, what, kept, next);
    } else {
        findings.well(Check::Disk, what);
    }
}

/// A size for people.
fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(size, _)| count >= 10 * size);
    unit.map_or_else(|| format!("{count} bytes"), |(size, name)| format!("{} {name}", count / size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;

    const GIB: u64 = 1 << 30;

    fn space(free: u64) -> Space {
        Space { free, size: 100 * GIB, keep: GIB }
    }

    #[test]
    fn a_forecast_needs_a_week_and_goes_by_the_last_four() {
        assert_eq!(lasts(GIB, 6, space(50 * GIB)), Forecast::Unknown);
        assert_eq!(lasts(0, 100, space(50 * GIB)), Forecast::Still);
        let a_week = Forecast::Lasts { a_day: GIB, days: 49 };
        assert_eq!(lasts(7 * GIB, 7, space(50 * GIB)), a_week);
        assert_eq!(lasts(28 * GIB, 1000, space(50 * GIB)), a_week);
    }

    #[test]
    fn room_that_ends_soon_is_told() {
        let verdict = |free, forecast| {
            let mut findings = Findings::default();
            judge(space(free), forecast, &mut findings);
            [Verdict::Well, Verdict::Warning, Verdict::Wrong].map(|verdict| findings.count(verdict))
        };
        let lasts = |days| Forecast::Lasts { a_day: 1, days };
        assert_eq!(verdict(50 * GIB, Forecast::Unknown), [1, 0, 0]);
        assert_eq!(verdict(50 * GIB, lasts(60)), [1, 0, 0]);
        assert_eq!(verdict(50 * GIB, lasts(59)), [0, 1, 0]);
        assert_eq!(verdict(50 * GIB, lasts(6)), [0, 0, 1]);
        assert_eq!(verdict(3 * GIB, Forecast::Still), [0, 1, 0]);
        assert_eq!(verdict(GIB - 1, Forecast::Still), [0, 0, 1]);
    }
}
