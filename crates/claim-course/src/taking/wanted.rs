//! Which claims are taken.

use std::collections::{HashMap, HashSet};

use claim_core::Sid;
use claim_core::claim::ClaimId;
use claim_core::hand_in::ClaimState;

use super::Whose;
use super::manifest::{State, Student};
use crate::api::{HandIn, Lodged};
use crate::model::{GroupName, Member};

/// A claim that is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub claim: Lodged,
    /// Whether it is taken because it counts (or, where none does, is the last to be received late).
    pub counts: bool,
    /// Whose it is.
    pub whose: Whose,
}

impl HandIn {
    /// What is told of the student: the claim that counts; where none does, the last that was received late.
    pub fn told(&self) -> Option<&Lodged> {
        let counted = self.claims.iter().find(|claim| Some(claim.claim) == self.counting);
        counted.or_else(|| self.claims.iter().find(|claim| claim.state == ClaimState::Received))
    }
}

impl From<&HandIn> for Student {
    fn from(row: &HandIn) -> Self {
        let told = row.told();
        let waits = row.claims.iter().any(|claim| claim.state == ClaimState::Waiting);
        let state = match told {
            Some(claim) if claim.late_ms > 0 => State::Late,
            Some(_) => State::InTime,
            None if waits => State::FilesMissing,
            None => State::Nothing,
        };
        let HandIn { sid, name, on_roster, group, due, .. } = row.clone();
        let claim = told.map(|claim| claim.claim);
        Self { sid, name, on_roster, group, due, state, claim }
    }
}

/// The claims that are to be taken, each once, those that count first; with `all` every one that was received.
pub fn wanted(rows: &[HandIn], members: &HashMap<Sid, Member>, all: bool) -> Vec<Wanted> {
    let mut sizes: HashMap<&GroupName, usize> = HashMap::new();
    for group in rows.iter().filter_map(|row| row.group.as_ref()) {
        *sizes.entry(group).or_default() += 1;
    }
    let by_sid: HashMap<&Sid, &HandIn> = rows.iter().map(|row| (&row.sid, row)).collect();
    let whose = |claim: &Lodged, row: &HandIn| {
        let count = claim.sids.sids().len();
        // Of the one who handed in alone before there was a group, the group does not get the name.
        let group = row.group.as_ref().filter(|group| count > 1 || sizes.get(group) == Some(&1));
        // The first of whom it names stands for the others: so it is the same whoever's line comes first.
        let sid = claim.sids.sids().first().unwrap_or(&row.sid);
        let first = by_sid.get(sid).copied().unwrap_or(row);
        Whose {
            sid: sid.clone(),
            name: first.name.clone(),
            member: members.get(sid).cloned(),
            group: group.map(ToString::to_string),
            members: count,
        }
    };
    let mut seen: HashSet<ClaimId> = HashSet::new();
    let mut list = Vec::new();
    let counting = rows.iter().filter_map(|row| Some((row.told()?, row)));
    for (claim, row) in counting {
        if seen.insert(claim.claim) {
            list.push(Wanted { claim: claim.clone(), counts: true, whose: whose(claim, row) });
        }
    }
    let others = rows.iter().flat_map(|row| row.claims.iter().map(move |claim| (claim, row)));
    for (claim, row) in others.filter(|_| all) {
        if claim.state == ClaimState::Received && seen.insert(claim.claim) {
            list.push(Wanted { claim: claim.clone(), counts: false, whose: whose(claim, row) });
        }
    }
    list
}
