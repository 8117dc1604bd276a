//! Which column says what.

use super::format::{EMAIL, FIRST, Format, GROUPS, ID_NUMBER, LAST, LOGIN, plain};
use super::person::{email, groups, name, sid, text};
use super::{Entry, LineError, NoStudent, RosterError, Tells};
use crate::table::{Line, Table};

/// Names of columns that hold SIDs, the likeliest first. Of several the one counts in which most lines have a SID.
const SIDS: [&[&str]; 6] = [
    &["sid", "studentid", "studentnumber", "studentno"],
    ID_NUMBER,
    &["sisuserid", "sisid"],
    &["userid"],
    &["id"],
    LOGIN,
];

/// Names of columns that hold a name in one piece.
const NAME: &[&str] = &["name", "student", "fullname", "studentname"];

/// Where in each line what is wanted stands.
pub(super) struct Columns {
    pub(super) format: Format,
    pub(super) sid_name: String,
    /// With the names under which they are kept.
    pub(super) extra: Vec<(usize, String)>,
    pub(super) left_out: Vec<String>,
    sid: usize,
    name: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    email: Option<usize>,
    groups: Option<usize>,
    login: Option<usize>,
}

impl Columns {
    pub(super) fn find(table: &Table) -> Result<Self, RosterError> {
        let header = table.header();
        let format = Format::of(header);
        let one = |wanted: &[&str]| one(header, wanted);
        let sid = sid_column(table, format)?;
        let (first, last) = (one(FIRST)?, one(LAST)?);
        // A first name alone is what some languages call a name.
        let (whole, first) = match (one(NAME)?, last) {
            (None, None) => (first, None),
            (whole, _) => (whole, first),
        };
        let (email, groups) = (one(EMAIL)?, one(GROUPS)?);
        let login = header.iter().position(|name| LOGIN.contains(&plain(name).as_str()));
        let sid_name = header.get(sid).cloned().unwrap_or_default();
        let mut columns = Self {
            format,
            sid_name,
            extra: Vec::new(),
            left_out: Vec::new(),
            sid,
            name: whole,
            first,
            last,
            email,
            groups,
            login,
        };
        columns.keep_the_others(header);
        Ok(columns)
    }

    pub(super) fn tells(&self) -> Tells {
        Tells {
            name: [self.name, self.first, self.last].iter().any(Option::is_some),
            email: self.email.is_some(),
            groups: self.groups.is_some(),
        }
    }

    fn keep_the_others(&mut self, header: &[String]) {
        let told = [Some(self.sid), self.name, self.email, self.groups];
        for (at, name) in header.iter().enumerate() {
            if told.contains(&Some(at)) {
                continue;
            }
            if self.format.leaves_out(name) {
                self.left_out.push(name.clone());
                continue;
            }
            let name = if name.is_empty() { format!("column {}", at + 1) } else { name.clone() };
            let taken = |name: &str| self.extra.iter().any(|(_, other)| other == name);
            let unique = match taken(&name) {
                false => name,
                true => {
                    let mut names = (2..).map(|number| format!("{name} ({number})"));
                    names.find(|name| !taken(name)).unwrap_or(name)
                }
            };
            self.extra.push((at, unique));
        }
    }

    /// Why the line is no student's, where it is not.
    pub(super) fn no_student(&self, line: &Line) -> Option<NoStudent> {
        let blank = |at: Option<usize>| at.is_none_or(|at| line.field(at).is_empty());
        match self.format {
            Format::Canvas => {
                let posting = |field: &str| {
                    field.is_empty() || field == "Muted" || field.starts_with("Manual Posting")
                };
                let test = |name: &str| name == "Student, Test" || name == "Test Student";
                if line.field(0) == "Points Possible" {
                    Some(NoStudent::PointsPossible)
                } else if line.fields().all(posting) {
                    Some(NoStudent::Posting)
                } else if blank(Some(self.sid)) || sid(line.field(self.sid)).is_err() {
                    let in_parts = self.first.zip(self.last).is_some_and(|(first, last)| {
                        (line.field(first), line.field(last)) == ("Test", "Student")
                    });
                    let whole = self.name.is_some_and(|at| test(line.field(at)));
                    (whole || in_parts).then_some(NoStudent::TestStudent)
                } else {
                    None
                }
            }
            Format::Blackboard => {
                let login = self.login.map_or("", |at| line.field(at));
                login.ends_with("_previewuser").then_some(NoStudent::PreviewUser)
            }
            Format::Plain | Format::Moodle => None,
        }
    }

    pub(super) fn entry(&self, line: &Line) -> Result<Entry, LineError> {
        let found = line.complete()?.field(self.sid);
        if found.is_empty() {
            return Err(LineError::NoSid { column: self.sid_name.clone() });
        }
        let sid = sid(found)?;
        let part = |at: Option<usize>| at.map_or("", |at| line.field(at));
        let extra = self.extra.iter().map(|(at, name)| text(name, line.field(*at)));
        Ok(Entry {
            line: line.number(),
            sid,
            name: name(part(self.name), part(self.first), part(self.last))?,
            email: email(part(self.email))?,
            groups: groups(part(self.groups), self.format)?,
            extra: extra.collect::<Result<_, _>>()?,
        })
    }
}

/// The one column with one of these names, if there is any.
fn one(header: &[String], wanted: &[&str]) -> Result<Option<usize>, RosterError> {
    let mut found =
        header.iter().enumerate().filter(|(_, name)| wanted.contains(&plain(name).as_str()));
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some((at, _)), None) => Ok(Some(at)),
        (Some((_, first)), Some((_, second))) => {
            Err(RosterError::TwoColumns { first: first.clone(), second: second.clone() })
        }
    }
}

fn sid_column(table: &Table, format: Format) -> Result<usize, RosterError> {
    let header = table.header();
    // Canvas's own number of a person, which is no SID even where it has ten digits.
    let canvas_number = |name: &str| format == Format::Canvas && name == "id";
    let rank = |name: &str| {
        let name = plain(name);
        let ranked = || SIDS.iter().position(|names| names.contains(&name.as_str()));
        if canvas_number(&name) { None } else { ranked() }
    };
    let mut candidates: Vec<(usize, usize)> =
        header.iter().enumerate().filter_map(|(at, name)| Some((rank(name)?, at))).collect();
    candidates.sort_unstable();
    let good =
        |at: usize| -> usize { table.lines().filter(|line| sid(line.field(at)).is_ok()).count() };
    match candidates.as_slice() {
        [] => Err(RosterError::no_sid_column(header)),
        [(_, only)] => Ok(*only),
        several => {
            // `max_by_key` takes the last of equals; the likeliest is the first.
            let best = several.iter().rev().max_by_key(|(_, at)| good(*at));
            Ok(best.map_or(0, |(_, at)| *at))
        }
    }
}
