//! Rosters: the students of a course, from the files that Moodle, Canvas and Blackboard Learn give, and from plain ones.
//!
//! Columns are found by the names in the first line, in any order; those that are not understood are kept as they stand,
//! in their order. What changes by itself from one export to the next (grades, times of the last access) is left out, and
//! named. A roster is read whole or not at all: every bad line is told by its number.
//!
//! Sources of what is known of each format: `testdata/rosters/SOURCES.md`.

mod column;
mod error;
mod format;
mod person;

use std::collections::HashMap;

use claim_core::Sid;
use serde::Serialize;

pub use error::{LineError, RosterError, TextError};
pub use format::Format;
pub use person::{MAX_FIELD_LENGTH, MAX_NAME_LENGTH, spreadsheet_hint};

use self::column::Columns;
use crate::table::{BadLines, Table};

/// What a roster file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// Whose export it is.
    pub format: Format,
    /// The column in which the SIDs stand, by its name in the file.
    pub sid_column: String,
    /// What the file has columns for.
    pub tells: Tells,
    /// The names of the further columns, in their order; no two are the same.
    pub columns: Vec<String>,
    /// The names of the columns that are left out, as they change by themselves.
    pub left_out: Vec<String>,
    /// The lines that are no student's.
    pub skipped: Vec<Skipped>,
    /// The students, in the order of the file; no SID comes twice.
    pub entries: Vec<Entry>,
}

/// What a roster has columns for; what it has none for, it says nothing about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tells {
    /// Names.
    pub name: bool,
    /// E-mail addresses.
    pub email: bool,
    /// Groups.
    pub groups: bool,
}

/// A student of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line in which the student stands, counted from one.
    pub line: u64,
    /// Who it is.
    pub sid: Sid,
    /// The name, where the file tells it.
    pub name: Option<String>,
    /// Where mail goes, where the file tells it.
    pub email: Option<String>,
    /// The groups, where the file tells them.
    pub groups: Vec<String>,
    /// What stands in the further columns: one value for each of [`Roster::columns`].
    pub extra: Vec<String>,
}

/// A line that is no student's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The line, counted from one.
    pub line: u64,
    /// What it is.
    pub what: NoStudent,
}

/// What a line can be that is no student's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoStudent {
    /// Canvas's line of the points that assignments give.
    PointsPossible,
    /// Canvas's line that says which grades are not posted.
    Posting,
    /// Canvas's test student.
    TestStudent,
    /// The account in which a teacher sees Blackboard Learn as a student.
    PreviewUser,
}

impl Roster {
    /// A further column's value for a student.
    pub fn extra<'a>(&self, entry: &'a Entry, column: &str) -> Option<&'a str> {
        let at = self.columns.iter().position(|name| name == column)?;
        entry.extra.get(at).map(String::as_str)
    }
}

/// Reads a roster: a [`Table`] with a column of SIDs.
///
/// # Errors
/// [`RosterError`]; bad lines are told together, by number.
pub fn read(bytes: &[u8]) -> Result<Roster, RosterError> {
    let table = Table::read(bytes)?;
    let columns = Columns::find(&table)?;
    let (mut entries, mut skipped, mut bad) = (Vec::new(), Vec::new(), BadLines::new());
    let mut first_lines: HashMap<Sid, u64> = HashMap::new();
    for line in table.lines() {
        if line.fields().all(str::is_empty) {
            continue;
        }
        if let Some(what) = columns.no_student(&line) {
            skipped.push(Skipped { line: line.number(), what });
            continue;
        }
        match columns.entry(&line) {
            Err(reason) => bad.push(line.number(), reason),
            Ok(entry) => match first_lines.get(&entry.sid) {
                Some(&first) => {
                    bad.push(entry.line, LineError::Duplicate { sid: entry.sid, first });
                }
                None => {
                    first_lines.insert(entry.sid.clone(), entry.line);
                    entries.push(entry);
                }
            },
        }
    }
    if !bad.is_empty() {
        return Err(RosterError::Lines(bad));
    }
    if entries.is_empty() {
        return Err(RosterError::Nobody);
    }
    let tells = columns.tells();
    let Columns { format, sid_name, extra, left_out, .. } = columns;
    let columns = extra.into_iter().map(|(_, name)| name).collect();
    Ok(Roster { format, sid_column: sid_name, tells, columns, left_out, skipped, entries })
}

#[cfg(test)]
mod tests;
