//! What can be wrong with a roster.

use claim_core::{NameError, PersonId};

use super::{EmailError, MAX_ROSTER_BYTES, MAX_ROSTER_PEOPLE, PersonNameError, RoleError};

/// Why a roster was refused; nothing of it went on record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// Larger than [`MAX_ROSTER_BYTES`].
    #[error("the roster has {found} bytes; at most {MAX_ROSTER_BYTES} are read at once")]
    TooLarge {
        /// How large it is.
        found: usize,
    },
    /// UTF-16, which some spreadsheets call "Unicode text".
    #[error("the roster is in UTF-16; save it as \"CSV UTF-8\"")]
    Utf16,
    /// Another encoding than UTF-8.
    #[error("line {line} is not UTF-8; save the roster as \"CSV UTF-8\"")]
    NotUtf8 {
        /// The line, counted from one.
        line: usize,
    },
    /// There is no line at all.
    #[error(
        "the roster is empty; its first line must name the columns: id, and if wanted name, email, role"
    )]
    Empty,
    /// No column of ids, or more than one, or two of another kind.
    #[error(
        "the first line must name exactly one column id (or sid), and at most one of each of name, \
             email and role; it names {found}"
    )]
    Columns {
        /// The names found, in escaped form.
        found: String,
    },
    /// More people than [`MAX_ROSTER_PEOPLE`].
    #[error("the roster has more than {MAX_ROSTER_PEOPLE} people; split it")]
    TooManyPeople,
    /// The first line names the columns and no other follows.
    #[error("the roster names nobody")]
    Nobody,
    /// Some lines are wrong.
    #[error("{}", told(lines, more))]
    Lines {
        /// The first bad ones.
        lines: Vec<BadLine>,
        /// The numbers of the others.
        more: Vec<u64>,
    },
}

/// What is wrong with one line of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The line, counted from one.
    pub line: u64,
    /// What is wrong with it.
    pub reason: LineError,
}

/// What can be wrong with one line of a roster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// More or fewer fields than columns.
    #[error(
        "it has {found} fields where the first line has {expected}; a name with a separator in it \
             needs quotation marks"
    )]
    Fields {
        /// How many it has.
        found: usize,
        /// How many the first line has.
        expected: usize,
    },
    /// The id is not one.
    #[error("{error}{}", hint(text))]
    Id {
        /// What stands there.
        text: String,
        /// Why it is not one.
        error: NameError,
    },
    /// The name is not one.
    #[error("{0}")]
    Name(#[from] PersonNameError),
    /// The address is not one.
    #[error("{0}")]
    Email(#[from] EmailError),
    /// The role is not one.
    #[error("{0}")]
    Role(#[from] RoleError),
    /// The role says the contrary of the id.
    #[error("the role is {role:?}, but {id} is the id of {label}", label = whose(id))]
    OtherRole {
        /// The id.
        id: PersonId,
        /// The role.
        role: String,
    },
    /// The id stands in an earlier line too.
    #[error("{id} stands in line {first} already")]
    Duplicate {
        /// The id.
        id: PersonId,
        /// Where it stands first, counted from one.
        first: u64,
    },
}

fn whose(id: &PersonId) -> &'static str {
    match id {
        PersonId::Student(_) => "a student",
        PersonId::Staff(_) => "staff",
    }
}

/// What spreadsheets do to ids that they take for numbers.
fn hint(text: &str) -> &'static str {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | 'E' | 'e');
    if (1..=9).contains(&digits) && digits == text.len() {
        " (spreadsheets drop leading zeros unless the column is text)"
    } else if digits > 0 && digits < text.len() && text.chars().all(number) {
        " (a spreadsheet has made a number of it: the column must be text)"
    } else {
        ""
    }
}

fn told(lines: &[BadLine], more: &[u64]) -> String {
    let mut told: Vec<String> =
        lines.iter().map(|bad| format!("line {}: {}", bad.line, bad.reason)).collect();
    if !more.is_empty() {
        told.push(format!("and {} more: lines {}", more.len(), ranges(more)));
    }
    told.join("\n")
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
