//! What can be wrong with a file that should be a table.

use std::fmt;

use super::{MAX_BYTES, MAX_COLUMNS, MAX_LINES};

/// Why a file is no table; nothing of it was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// Larger than [`MAX_BYTES`].
    #[error("the file has {found} bytes; at most {MAX_BYTES} are read at once")]
    TooLarge {
        /// How large it is, as far as it was read.
        found: usize,
    },
    /// A spreadsheet program's own format.
    #[error("the file is a workbook of a spreadsheet program; save it as \"CSV UTF-8\"")]
    Workbook,
    /// Another encoding.
    #[error("line {line} is not UTF-8; save the file as \"CSV UTF-8\"")]
    NotUtf8 {
        /// The line, counted from one.
        line: u64,
    },
    /// UTF-16 by its first octets, and not by the others.
    #[error("line {line} is not UTF-16, as the file's beginning says; save it as \"CSV UTF-8\"")]
    NotUtf16 {
        /// The line, counted from one.
        line: u64,
    },
    /// Octets of zero, as UTF-16 without its mark has them, and what is not text at all.
    #[error("line {line} is no text; save the file as \"CSV UTF-8\"")]
    NotText {
        /// The line, counted from one.
        line: u64,
    },
    /// There is no line at all.
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    /// More than [`MAX_COLUMNS`].
    #[error("the first line names {found} columns; at most {MAX_COLUMNS} are read")]
    TooManyColumns {
        /// How many.
        found: usize,
    },
    /// More than [`MAX_LINES`].
    #[error("the file has more than {MAX_LINES} lines; split it")]
    TooManyLines,
}

/// A line has more or fewer fields than columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it has {found} fields where the first line has {expected}; a name with a separator in it \
     needs quotation marks"
)]
pub struct FieldsError {
    /// How many it has.
    pub found: usize,
    /// How many the first line has.
    pub expected: usize,
}

/// What is wrong with one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine<E> {
    /// The line, counted from one.
    pub line: u64,
    /// What is wrong with it.
    pub reason: E,
}

/// All lines that are wrong, told together; the first ones with what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLines<E> {
    /// The first ones.
    pub lines: Vec<BadLine<E>>,
    /// The numbers of the others.
    pub more: Vec<u64>,
}

impl<E> BadLines<E> {
    /// How many are told with what is wrong.
    pub const TOLD: usize = 20;

    /// None yet.
    pub fn new() -> Self {
        Self { lines: Vec::new(), more: Vec::new() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// One more, behind the others.
    pub fn push(&mut self, line: u64, reason: E) {
        match self.lines.len() {
            Self::TOLD.. => self.more.push(line),
            _ => self.lines.push(BadLine { line, reason }),
        }
    }
}

impl<E> Default for BadLines<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: fmt::Display> fmt::Display for BadLines<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, bad) in self.lines.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}line {}: {}", bad.line, bad.reason)?;
        }
        match self.more.len() {
            0 => Ok(()),
            count => write!(f, "\nand {count} more: lines {}", ranges(&self.more)),
        }
    }
}

/// Ascending numbers, those that follow each other as one range: `3-5, 9`.
fn ranges(numbers: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.saturating_add(1) == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let told = ranges.iter().map(|(first, last)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    });
    told.collect::<Vec<_>>().join(", ")
}
