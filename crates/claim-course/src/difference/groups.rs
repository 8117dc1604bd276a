//! What the groups of a roster file change in a set of groups.

use std::collections::HashMap;

use claim_core::{Escaped, Sid};
use serde::Serialize;

use crate::change::{Change, GroupPlace};
use crate::model::{GroupName, GroupSet, Member};
use crate::roster::Roster;

use super::words::shortened;

/// What a roster's groups change in a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupsDifference {
    /// The set.
    pub set: GroupSet,
    /// Who comes into a group, leaves one, or changes it.
    pub moved: Vec<Moved>,
    /// Students with more than one group in the file, of whom the set can have but one; they stay where they are.
    pub several: Vec<Several>,
    /// Names that are none for groups; those students stay where they are.
    pub unfit: Vec<Several>,
    /// How many stay in their group.
    pub unchanged: usize,
}

/// A student who is to be in another group, or in none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Who.
    pub sid: Sid,
    /// From where.
    pub was: Option<GroupName>,
    /// Where to.
    pub now: Option<GroupName>,
}

/// A student with groups of whom none can be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Several {
    /// Who.
    pub sid: Sid,
    /// The groups.
    pub groups: Vec<String>,
}

/// Compares the groups that a roster tells with a set on record. Whoever the roster does not have stays where they are.
pub fn of_groups(roster: &Roster, recorded: &[Member], set: &GroupSet) -> GroupsDifference {
    let known: HashMap<&Sid, &Member> = recorded.iter().map(|one| (&one.sid, one)).collect();
    let mut difference = GroupsDifference {
        set: set.clone(),
        moved: Vec::new(),
        several: Vec::new(),
        unfit: Vec::new(),
        unchanged: 0,
    };
    for entry in &roster.entries {
        let was = known.get(&entry.sid).and_then(|member| member.groups.get(set)).cloned();
        let (sid, groups) = (entry.sid.clone(), entry.groups.clone());
        let now = match entry.groups.as_slice() {
            [] => None,
            [only] => match only.parse::<GroupName>() {
                Ok(name) => Some(name),
                Err(_) => {
                    difference.unfit.push(Several { sid, groups });
                    continue;
                }
            },
            _ => {
                difference.several.push(Several { sid, groups });
                continue;
            }
        };
        match was == now {
            true => difference.unchanged += 1,
            false => difference.moved.push(Moved { sid, was, now }),
        }
    }
    difference
}

impl GroupsDifference {
    /// What makes the set as the file says.
    pub fn changes(&self) -> Vec<Change> {
        let place = |one: &Moved| GroupPlace { sid: one.sid.clone(), group: one.now.clone() };
        let places: Vec<_> = self.moved.iter().map(place).collect();
        let change = |places: &[GroupPlace]| Change::Groups {
            set: self.set.clone(),
            places: places.to_vec(),
        };
        places.chunks(Change::MAX_ENTRIES).map(change).collect()
    }

    /// What is to change, a line each; long lists are shortened.
    pub fn lines(&self) -> Vec<String> {
        let group = |group: &Option<GroupName>| match group {
            Some(group) => Escaped(group.as_str()).to_string(),
            None => "no group".to_owned(),
        };
        let moved = self
            .moved
            .iter()
            .map(|one| format!("  ~ {}  {} → {}", one.sid, group(&one.was), group(&one.now)));
        let left = |one: &Several, why: &str| {
            format!("  ! {}  {}: {why}, stays", one.sid, Escaped(&one.groups.join(", ")))
        };
        let several = self.several.iter().map(|one| left(one, "more than one group"));
        let unfit = self.unfit.iter().map(|one| left(one, "no name for a group"));
        let mut lines = shortened(&moved.collect::<Vec<_>>(), "~");
        lines.extend(shortened(&several.chain(unfit).collect::<Vec<_>>(), "!"));
        lines
    }
}
