//! What goes back to a gradebook: who has handed in, how late, and what that costs.
//!
//! The forms are those that Moodle, Canvas and Blackboard Learn import: the columns by which they know their students, as
//! the roster had them, and behind them ours. Grades are none of our business: a gradebook that reads the penalty takes
//! it off what a teacher has given.

use std::fmt;

use claim_core::{Sid, StaffId};

use crate::roster::Format;
use crate::table::csv_line;

/// What is told of one student.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub sid: Sid,
    /// The name in the roster, or empty.
    pub name: String,
    /// The e-mail address in the roster, or empty.
    pub email: String,
    /// Further columns of the roster: header and field.
    pub extra: Vec<(String, String)>,
    /// What was handed in.
    pub state: State,
    /// How much is taken off, in percent.
    pub penalty_percent: u8,
    /// The member of staff who handed it in on the student's behalf.
    pub by: Option<StaffId>,
}

/// What a student has handed in, of which what counts is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing that counts.
    Nothing,
    /// In time.
    InTime,
    /// Late.
    Late {
        /// By how many milliseconds.
        by_ms: i64,
    },
}

impl fmt::Display for State {
    /// `nothing`, `handed in`, `late by 1 d 2 h 0 min 5.004 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = match *self {
            Self::Nothing => return f.write_str("nothing"),
            Self::InTime => return f.write_str("handed in"),
            Self::Late { by_ms } => by_ms,
        };
        let (minutes, rest) = (millis / 60_000, millis % 60_000);
        f.write_str("late by ")?;
        match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
            (0, 0, 0) => {}
            (0, 0, minutes) => write!(f, "{minutes} min ")?,
            (0, hours, minutes) => write!(f, "{hours} h {minutes} min ")?,
            (days, hours, minutes) => write!(f, "{days} d {hours} h {minutes} min ")?,
        }
        write!(f, "{}.{:03} s", rest / 1_000, rest % 1_000)
    }
}

impl Row {
    /// What was handed in, and by whom where the student did not do it: `handed in (by chan.tm)`.
    fn what(&self) -> String {
        match &self.by {
            Some(by) => format!("{} (by {by})", self.state),
            None => self.state.to_string(),
        }
    }

    fn extra(&self, column: &str) -> Option<&str> {
        let found = self.extra.iter().find(|(name, _)| name == column);
        found.map(|(_, field)| field.as_str())
    }

    /// What stands in a column that the roster had, under one of its names.
    fn had(&self, columns: &[&str]) -> &str {
        columns.iter().find_map(|column| self.extra(column)).unwrap_or_default()
    }

    /// First and last name: as the roster had them, else what is known stands in the place of the last.
    fn parts(&self, first: &[&str], last: &[&str]) -> [&str; 2] {
        match [self.had(first), self.had(last)] {
            ["", ""] => match self.name.split_once(", ") {
                Some((last, first)) => [first, last],
                None => ["", &self.name],
            },
            parts => parts,
        }
    }
}

/// What stands in the columns by which a system knows a student.
type Columns = fn(&Row) -> Vec<&str>;

/// Writes the rows in the form of one of the systems, for an assignment with this title.
///
/// Whatever a spreadsheet would compute is made text ([`csv_line`]); lines end in CR and LF (RFC 4180 §2).
pub fn csv(format: Format, title: &str, rows: &[Row]) -> String {
    let (known, columns): (Vec<&str>, Columns) = match format {
        Format::Plain => (vec!["sid", "name", "email"], plain),
        Format::Moodle => (vec!["First name", "Last name", "ID number", "Email address"], moodle),
        Format::Canvas => (vec!["Student", "ID", "SIS User ID", "SIS Login ID", "Section"], canvas),
        Format::Blackboard => {
            (vec!["Last Name", "First Name", "Username", "Student ID"], blackboard)
        }
    };
    let (state, penalty) =
        (format!("{title} (handed in)"), format!("{title} (penalty in percent)"));
    let header: Vec<&str> = known.into_iter().chain([state.as_str(), penalty.as_str()]).collect();
    let mut text = csv_line(&header);
    text.push_str("\r\n");
    for row in rows {
        let (state, penalty) = (row.what(), row.penalty_percent.to_string());
        let fields = columns(row);
        let fields: Vec<&str> =
            fields.into_iter().chain([state.as_str(), penalty.as_str()]).collect();
        text.push_str(&csv_line(&fields));
        text.push_str("\r\n");
    }
    text
}

fn plain(row: &Row) -> Vec<&str> {
    vec![row.sid.as_str(), &row.name, &row.email]
}

/// Moodle finds its students by "ID number" or "Email address", as the teacher maps the columns.
fn moodle(row: &Row) -> Vec<&str> {
    let first = ["First name", "Vorname", "Prénom", "Nombre", "名", "名字"];
    let last = ["Last name", "Surname", "Nachname", "Nom", "Apellido(s)", "Apellido", "姓", "姓氏"];
    let [first, last] = row.parts(&first, &last);
    // Where the SID stood in another column, the file had an ID number of its own.
    vec![first, last, row.extra("ID number").unwrap_or(row.sid.as_str()), &row.email]
}

/// Canvas finds its students by "ID", else by "SIS User ID", else by "SIS Login ID".
fn canvas(row: &Row) -> Vec<&str> {
    let id = row.had(&["ID", "canvas_user_id"]);
    // The column that had the SIDs is kept under no name; where neither is known, it may be either.
    let or_sid = |columns: &[&str]| columns.iter().find_map(|column| row.extra(column));
    let user_id = or_sid(&["SIS User ID", "user_id"]).unwrap_or(row.sid.as_str());
    let login_id = or_sid(&["SIS Login ID", "login_id"]).unwrap_or(row.sid.as_str());
    vec![&row.name, id, user_id, login_id, row.had(&["Section", "sections"])]
}

/// Blackboard Learn finds its students by "Username".
fn blackboard(row: &Row) -> Vec<&str> {
    let [first, last] = row.parts(&["First Name"], &["Last Name"]);
    let username = row.extra("Username").unwrap_or(row.sid.as_str());
    vec![last, first, username, row.extra("Student ID").unwrap_or(row.sid.as_str())]
}

#[cfg(test)]
mod tests;
