//! The list of what was taken, as a table for people.

use std::collections::HashMap;

use claim_core::claim::ClaimId;

use super::manifest::{Failed, Student, Taken, TakenClaim};
use crate::table::csv_line;

const HEADER: [&str; 14] = [
    "sid",
    "name",
    "on roster",
    "group",
    "state",
    "late (ms)",
    "penalty (percent)",
    "lodged at",
    "claim",
    "place",
    "files",
    "bytes",
    "receipt",
    "problem",
];

/// A line a student, also for who has handed in nothing. What a spreadsheet would compute is made text; lines end in CR and
/// LF (RFC 4180 §2).
pub fn csv(taken: &Taken) -> String {
    let claims: HashMap<ClaimId, &TakenClaim> =
        taken.claims.iter().map(|claim| (claim.claim, claim)).collect();
    let failed: HashMap<ClaimId, &Failed> =
        taken.failed.iter().map(|failed| (failed.claim, failed)).collect();
    let mut text = csv_line(&HEADER) + "\r\n";
    for student in &taken.students {
        let claim = student.claim.and_then(|claim| claims.get(&claim).copied());
        let failed = student.claim.and_then(|claim| failed.get(&claim).copied());
        text.push_str(&line(student, claim, failed));
        text.push_str("\r\n");
    }
    text
}

fn line(student: &Student, claim: Option<&TakenClaim>, failed: Option<&Failed>) -> String {
    let Student { sid, name, on_roster, group, state, claim: id, .. } = student;
    let of = |tell: fn(&TakenClaim) -> String| claim.map(tell).unwrap_or_default();
    let fields = [
        sid.to_string(),
        name.clone(),
        if *on_roster { "yes" } else { "no" }.to_owned(),
        group.as_ref().map(ToString::to_string).unwrap_or_default(),
        state.words().to_owned(),
        of(|claim| claim.late_ms.to_string()),
        of(|claim| claim.penalty.to_string()),
        of(|claim| claim.lodged_at.to_string()),
        id.as_ref().map(ToString::to_string).unwrap_or_default(),
        of(|claim| claim.place.to_string()),
        of(|claim| claim.files.len().to_string()),
        of(|claim| claim.files.iter().map(|file| file.size).sum::<u64>().to_string()),
        of(|claim| claim.receipt.to_string()),
        failed.map(|failed| failed.why.clone()).unwrap_or_default(),
    ];
    csv_line(&fields.each_ref().map(String::as_str))
}
