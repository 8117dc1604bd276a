//! What the audit log says of a claim that staff lodges for somebody, in the transaction of the lodging.

use claim_core::PersonId;

use super::{Lodged, NewClaim};
use crate::StoreError;
use crate::audit::{By, Entry, Recorder};
use crate::blackboard::audit::{CourseEntry, Deed, LOG};
use crate::database::Write;

/// So much of a note goes into an entry, in characters; the claim has all of it.
const MAX_REASON: usize = 1_000;

/// Appends an entry for each claim of staff that is new. The last thing to be done in the transaction.
pub(super) async fn record(
    write: &mut Write<'_>,
    jobs: &[&NewClaim],
    outcomes: &[Lodged],
) -> Result<(), StoreError> {
    let new = jobs.iter().zip(outcomes).filter(|(_, outcome)| matches!(outcome, Lodged::First(_)));
    let told: Vec<Entry> = new.filter_map(|(job, _)| entry(job)).collect();
    let Some(at) = jobs.iter().map(|job| job.lodged_at).max() else { return Ok(()) };
    Recorder::of(&LOG).acting(By::known("", LOG.server), move || at).record(write, &told).await
}

fn entry(claim: &NewClaim) -> Option<Entry> {
    let PersonId::Staff(_) = &claim.person else { return None };
    let sids: Vec<&str> = claim.holder.sids().iter().map(claim_core::Sid::as_str).collect();
    let mut entry = CourseEntry::new(Deed::HandedInOnBehalf, &claim.reference.course)
        .by(By::certificate(claim.person.as_str(), claim.serial.as_str()))
        .about(claim.reference.to_string())
        .with("assignment", claim.reference.assignment.as_str())
        .with("claim", claim.id.to_string())
        .with("lodged_at", claim.lodged_at.to_string())
        .with("sids", sids)
        .concerns_all_of(claim.holder.sids());
    if let Some(reason) = &claim.note {
        entry = entry.with("reason", reason.chars().take(MAX_REASON).collect::<String>());
    }
    Some(entry.into())
}
