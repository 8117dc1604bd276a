//! How much room there is on the disk, and what is still taken: the large things are refused first, so that the small ones,
//! on which receipts depend, find room to the last.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rustix::fs::statvfs;

/// What is kept free where nothing else is configured, in bytes; on a small disk it is [`SHARE`] of that.
const KEEP: u64 = 1 << 30;

/// One part in so many of a disk: five in a hundred.
const SHARE: u64 = 20;

/// It is told of when so many times is left what is to be kept free.
const LOW: u64 = 4;

/// Somebody who asks for room on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// For a piece of a file: refused when less is left than is to be kept free.
    Piece,
    /// For a message: refused when half of that is left.
    Message,
    /// For a claim, a withdrawal or a certificate: refused when an eighth of it is left. The rest is for what follows from
    /// what was taken: the log, its checkpoints, cosignatures, revocations.
    Record,
}

impl Need {
    /// One part in so many of what is kept free must be left.
    fn share(self) -> u64 {
        match self {
            Self::Piece => 1,
            Self::Message => 2,
            Self::Record => 8,
        }
    }
}

/// The room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What is free for whoever is not root.
    pub free: u64,
    /// The whole disk.
    pub size: u64,
    /// What is to be kept free.
    pub keep: u64,
}

impl Space {
    /// Whether there is room for that.
    pub fn is_enough(&self, need: Need) -> bool {
        self.free >= self.keep / need.share()
    }

    fn level(&self) -> Level {
        match self {
            space if !space.is_enough(Need::Record) => Level::NoRecords,
            space if !space.is_enough(Need::Message) => Level::NoMessages,
            space if !space.is_enough(Need::Piece) => Level::NoPieces,
            space if space.free < space.keep.saturating_mul(LOW) => Level::Low,
            _ => Level::Plenty,
        }
    }
}

/// How full a disk is, the emptiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Level {
    #[default]
    Plenty,
    Low,
    NoPieces,
    NoMessages,
    NoRecords,
}

impl Level {
    /// The level to tell of, after this one: a disk that is about as full as a level says would else be told of every time.
    fn after(self, space: Space) -> Self {
        let a_little_less = Space { free: space.free / 10 * 9, ..space };
        let (now, cautious) = (space.level(), a_little_less.level());
        if now >= self { now } else { cautious.min(self) }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plenty => "there is room on the disk",
            Self::Low => "the disk fills up: make room before uploads are refused",
            Self::NoPieces => "the disk is nearly full: uploads are refused; make room",
            Self::NoMessages => {
                "the disk is nearly full: uploads and messages are refused; make room"
            }
            Self::NoRecords => {
                "the disk is full: nothing is taken any more; make room, it then goes on by itself"
            }
        })
    }
}

/// There is no room for that.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{} bytes are free on the disk, of which {} are kept for more important things", space.free, space.keep / need.share())]
pub struct NoRoom {
    need: Need,
    space: Space,
}

/// The room where a server keeps its things.
#[derive(Debug)]
pub struct Room {
    folders: Vec<PathBuf>,
    keep: Option<u64>,
    told: Mutex<Level>,
}

impl Room {
    /// The room of these folders, which need not be on one disk.
    ///
    /// `keep` is what is to be kept free of each, in bytes; a gibibyte, or five in a hundred of a disk below twenty
    /// gibibytes, where nothing is given.
    pub fn of(folders: Vec<PathBuf>, keep: Option<u64>) -> Self {
        Self { folders, keep, told: Mutex::default() }
    }

    /// Whether there is room for that.
    ///
    /// A disk that does not answer shows by the write.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn check(&self, need: Need) -> Result<(), NoRoom> {
        match self.space() {
            Some(space) if !space.is_enough(need) => Err(NoRoom { need, space }),
            _ => Ok(()),
        }
    }

    /// How much room there is, and tells the log when that has become less or more than it was by a level.
    pub fn look(&self) -> Option<Space> {
        let space = self.space()?;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let level = told.after(space);
        let Space { free, size, keep } = space;
        match level.cmp(&told) {
            std::cmp::Ordering::Greater => tracing::warn!(free, size, keep, "{level}"),
            std::cmp::Ordering::Less => tracing::info!(free, size, keep, "{level}"),
            std::cmp::Ordering::Equal => {}
        }
        *told = level;
        Some(space)
    }

    /// The fullest of the disks; `None` where none answers.
    pub fn space(&self) -> Option<Space> {
        let spaces = self.folders.iter().filter_map(|folder| {
            let disk = statvfs(folder).ok()?;
            let size = disk.f_blocks.saturating_mul(disk.f_frsize);
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let keep = self.keep.unwrap_or(KEEP.min(size / SHARE));
            Some(Space { free, size, keep })
        });
        spaces.min_by_key(|space| i128::from(space.free) - i128::from(space.keep))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn space(free: u64) -> Space {
        Space { free, size: 100_000, keep: 800 }
    }

    #[test]
    fn the_large_is_refused_first_and_the_small_last() {
        let taken = |free| {
            [Need::Piece, Need::Message, Need::Record].map(|need| space(free).is_enough(need))
        };
        for (free, expected) in [
            (800, [true, true, true]),
            (799, [false, true, true]),
            (399, [false, false, true]),
            (100, [false, false, true]),
            (99, [false, false, false]),
        ] {
            assert_eq!(taken(free), expected, "{free}");
        }
    }

    #[test]
    fn each_level_is_told_once_until_it_is_left_by_a_margin() {
        let mut told = Level::Plenty;
        let mut news = Vec::new();
        for free in [9000, 3199, 3201, 3199, 3300, 799, 801, 850, 890, 90, 105, 120, 9000] {
            let level = told.after(space(free));
            if level != told {
                news.push((free, level));
            }
            told = level;
        }
        assert_eq!(
            news,
            [
                (3199, Level::Low),
                (799, Level::NoPieces),
                (890, Level::Low),
                (90, Level::NoRecords),
                (120, Level::NoMessages),
                (9000, Level::Plenty),
            ]
        );
    }

    #[test]
    fn a_folder_has_room_and_what_is_not_there_has_no_say() {
        let room = Room::of(vec![std::env::temp_dir(), "/no/such/folder".into()], Some(0));
        assert!(room.check(Need::Piece).is_ok());
        let room = Room::of(vec![std::env::temp_dir()], Some(u64::MAX));
        assert!(room.check(Need::Record).is_err());
    }
}
