//! How files differ from those of a claim that still waits for them.

use std::collections::BTreeMap;

use claim_core::Timestamp;
use claim_core::claim::{ClaimId, FileEntry, FileName, Files, Manifest};
use claim_core::hand_in::ClaimState;
use claim_pki::{ContentType, SignedData};

use super::plan::Plan;
use crate::session::OpenSession;

/// What is on disk now, seen from a claim that was signed here, is lodged, and still waits for its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The claim.
    pub claim: ClaimId,
    /// When it was lodged.
    pub lodged_at: Timestamp,
    /// The files whose content is another.
    pub changed: Vec<FileName>,
    /// The files that are not among those of now.
    pub gone: Vec<FileName>,
    /// The files that the claim does not have.
    pub new: Vec<FileName>,
    /// Whether the note is another.
    pub note: bool,
}

impl OpenSession {
    /// What keeps these files from going on with the claim that waits for its own; `None` when they are the same, or no
    /// claim that was signed here is waiting.
    pub fn difference(&self, plan: &Plan) -> Option<Difference> {
        let assignment = plan.assignment();
        let last = assignment.last_claim?;
        let summary = assignment.claims.iter().find(|claim| claim.claim == last)?;
        if summary.state != ClaimState::Waiting {
            return None;
        }
        let cms = self.party.student.wallet().kept_claim(last)?;
        let signed = SignedData::from_der(ContentType::Claim, &cms).ok()?;
        let manifest = Manifest::from_slice(signed.unverified_content()).ok()?;
        let difference = Difference {
            note: manifest.note.as_deref() != plan.note(),
            ..Difference::between(
                last,
                summary.lodged_at,
                &manifest.files,
                plan.collected().files(),
            )
        };
        (!difference.is_none()).then_some(difference)
    }
}

impl Difference {
    fn between(claim: ClaimId, lodged_at: Timestamp, was: &Files, is: &Files) -> Self {
        let mut before: BTreeMap<&FileName, &FileEntry> =
            was.entries().iter().map(|entry| (entry.name(), entry)).collect();
        let (mut changed, mut new) = (Vec::new(), Vec::new());
        for entry in is.entries() {
            match before.remove(entry.name()) {
                Some(old) if old.same_content(entry) => {}
                Some(_) => changed.push(entry.name().clone()),
                None => new.push(entry.name().clone()),
            }
        }
        let gone = before.into_keys().cloned().collect();
        Self { claim, lodged_at, changed, gone, new, note: false }
    }

    fn is_none(&self) -> bool {
        let Self { changed, gone, new, note, .. } = self;
        changed.is_empty() && gone.is_empty() && new.is_empty() && !note
    }
}
