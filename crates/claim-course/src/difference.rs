//! What a roster file changes in the roster on record, before it does.
//!
//! Who is missing in the file is dropped, never erased; who was dropped and is in the file is back again. What the file
//! has no column for stays as it is on record.

mod groups;
mod words;

use std::collections::{BTreeMap, HashMap, HashSet};

use claim_core::{Sid, Timestamp};
use serde::Serialize;

pub use groups::{GroupsDifference, Moved, Several, of_groups};
pub use words::{SHOWN, shortened};

use crate::change::{Change, Enrolled};
use crate::model::Member;
use crate::roster::{Entry, Roster};

/// What a roster changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RosterDifference {
    /// Students who are new.
    pub added: Vec<Enrolled>,
    /// Students of whom something is told otherwise.
    pub changed: Vec<Changed>,
    /// Students who had been dropped.
    pub back: Vec<Back>,
    /// Students whom the file does not have, and who are to be dropped.
    pub dropped: Vec<Gone>,
    /// How many stay as they are.
    pub unchanged: usize,
}

/// A student of whom something is told otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The student as the file has them.
    pub student: Enrolled,
    /// What is another.
    pub columns: Vec<ColumnChange>,
}

/// A student who had been dropped and is back again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Back {
    /// The student as the file has them.
    pub student: Enrolled,
    /// Since when they had been dropped.
    pub dropped_at: Timestamp,
    /// What is another than before.
    pub columns: Vec<ColumnChange>,
}

/// A student whom the file does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// Who.
    pub sid: Sid,
    /// The name on record, or empty.
    pub name: String,
}

/// What a column says now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnChange {
    /// The column.
    pub column: String,
    /// What is on record; `None` where that knows no such column.
    pub was: Option<String>,
    /// What the file says.
    pub now: String,
}

impl RosterDifference {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        let Self { added, changed, back, dropped, .. } = self;
        added.is_empty() && changed.is_empty() && back.is_empty() && dropped.is_empty()
    }

    /// What makes the course as the file says.
    pub fn changes(&self) -> Vec<Change> {
        let changed = self.changed.iter().map(|one| &one.student);
        let back = self.back.iter().map(|one| &one.student);
        let members: Vec<_> = self.added.iter().chain(changed).chain(back).cloned().collect();
        let sids: Vec<_> = self.dropped.iter().map(|gone| gone.sid.clone()).collect();
        let members = members.chunks(Change::MAX_ENTRIES);
        let members = members.map(|members| Change::Members { members: members.to_vec() });
        let drop =
            sids.chunks(Change::MAX_ENTRIES).map(|sids| Change::Drop { sids: sids.to_vec() });
        members.chain(drop).collect()
    }

    /// Whether most of those who are in the course would be dropped: then the file is perhaps another's, or a part.
    pub fn drops_most(&self) -> bool {
        self.dropped.len() > self.changed.len() + self.unchanged
    }
}

/// Compares a roster with what is on record of its course.
pub fn of(roster: &Roster, recorded: &[Member]) -> RosterDifference {
    let known: HashMap<&Sid, &Member> = recorded.iter().map(|one| (&one.sid, one)).collect();
    let mut difference = RosterDifference {
        added: Vec::new(),
        changed: Vec::new(),
        back: Vec::new(),
        dropped: Vec::new(),
        unchanged: 0,
    };
    for entry in &roster.entries {
        let Some(member) = known.get(&entry.sid) else {
            difference.added.push(enrolled(roster, entry, None));
            continue;
        };
        let student = enrolled(roster, entry, Some(member));
        let columns = columns(member, &student);
        match member.dropped_at {
            Some(dropped_at) => difference.back.push(Back { student, dropped_at, columns }),
            None if columns.is_empty() => difference.unchanged += 1,
            None => difference.changed.push(Changed { student, columns }),
        }
    }
    let told: HashSet<&Sid> = roster.entries.iter().map(|entry| &entry.sid).collect();
    let missing = |one: &&Member| one.dropped_at.is_none() && !told.contains(&one.sid);
    let gone = |one: &Member| Gone { sid: one.sid.clone(), name: one.name.clone() };
    difference.dropped = recorded.iter().filter(missing).map(gone).collect();
    difference
}

/// The student as they are to be on record: what the file tells, and what it has no column for.
fn enrolled(roster: &Roster, entry: &Entry, member: Option<&Member>) -> Enrolled {
    let kept = |has: bool, told: &Option<String>, recorded: fn(&Member) -> &String| match has {
        true => told.clone().unwrap_or_default(),
        false => member.map(recorded).cloned().unwrap_or_default(),
    };
    let told = roster.columns.iter().cloned().zip(entry.extra.iter().cloned());
    let more = member.iter().flat_map(|member| &member.extra);
    let more = more.filter(|(column, _)| !roster.columns.contains(column)).cloned();
    Enrolled {
        sid: entry.sid.clone(),
        name: kept(roster.tells.name, &entry.name, |member| &member.name),
        email: kept(roster.tells.email, &entry.email, |member| &member.email),
        extra: told.chain(more).collect(),
    }
}

fn columns(was: &Member, now: &Enrolled) -> Vec<ColumnChange> {
    let recorded: BTreeMap<&str, &str> =
        was.extra.iter().map(|(column, text)| (column.as_str(), text.as_str())).collect();
    let own = [("name", &was.name, &now.name), ("email", &was.email, &now.email)];
    let own = own.into_iter().map(|(column, was, now)| (column, Some(was.as_str()), now));
    let extra = now.extra.iter();
    let extra =
        extra.map(|(column, now)| (column.as_str(), recorded.get(column.as_str()).copied(), now));
    own.chain(extra)
        .filter(|(_, was, now)| was.unwrap_or_default() != now.as_str())
        .map(|(column, was, now)| ColumnChange {
            column: column.to_owned(),
            was: was.map(str::to_owned),
            now: now.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
