//! Lodging what several have signed.

use claim_core::hand_in::{Assignment, CMS};

use super::{Change, SharedClaim, TogetherError};
use crate::exchange::{Ask, Haste};
use crate::hand_in::collect::Collected;
use crate::hand_in::lodge::Lodged;
use crate::hand_in::place::Place;
use crate::hand_in::plan::{Plan, SignedClaim};
use crate::hand_in::{HandInError, MAX_DOCUMENT};
use crate::session::OpenSession;

impl OpenSession {
    /// Lodges the claim with all signatures that it has, and verifies the timestamp that comes back. From there on it goes
    /// as with any other claim.
    ///
    /// Where Blackboard's records changed, nothing is signed anew: all would have to.
    ///
    /// # Errors
    /// [`TogetherError::NotSigned`], [`TogetherError::OtherFiles`], [`TogetherError::Changed`];
    /// [`TogetherError::HandIn`], after which it is safe to repeat.
    pub async fn lodge_together(
        &mut self,
        shared: &SharedClaim,
        collected: Collected,
        assignment: Assignment,
        place: &Place,
    ) -> Result<Lodged, TogetherError> {
        self.may_lodge(shared, &collected)?;
        let (manifest, zone) = (shared.manifest().clone(), assignment.zone.clone());
        let note = manifest.note.clone();
        let plan = Plan { collected, assignment, note, by: None, place: Some(place.clone()) };
        let (id, cms) = (shared.id(), shared.cms().to_vec());
        let signed = SignedClaim { plan, manifest, id, cms, earlier: false };
        self.party.student.wallet().keep_claim(id, &signed.cms)?;
        self.keep_draft(&signed)?;
        let ask = Ask::post("/v1/claims", CMS, signed.cms.clone()).at_most(MAX_DOCUMENT);
        let status = match self.ask_json(&ask).await {
            Ok(status) => status,
            Err(error) => {
                let change = Change::in_refusal(&error, &signed.plan.assignment, self.id());
                if let Some(change) = change {
                    let change = self.with_first(change).await;
                    // Nothing of it can be lodged any more.
                    let _ = self.party.student.forget(id);
                    let change = Box::new(change);
                    return Err(TogetherError::Changed { change, zone });
                }
                let looked = self.look_whether_lodged(id, error, Haste::Patient).await;
                if matches!(looked, Err(HandInError::NotLodged(_))) {
                    // The file has it still; an ordinary hand-in of the same files is not to go on with it.
                    let _ = self.party.student.forget(id);
                }
                looked?
            }
        };
        let SignedClaim { plan: Plan { collected, .. }, manifest, cms, .. } = signed;
        Ok(self.verified(collected, manifest, id, cms, status)?)
    }

    /// Whether this person may lodge the claim with these files: found out before anything is asked.
    ///
    /// # Errors
    /// [`TogetherError::NotSigned`], [`TogetherError::OtherFiles`].
    pub fn may_lodge(
        &self,
        shared: &SharedClaim,
        collected: &Collected,
    ) -> Result<(), TogetherError> {
        if !shared.claim.is_signed_by(self.id()) {
            let (id, path) = (self.id().clone(), shared.path.clone());
            return Err(TogetherError::NotSigned { id, path });
        }
        let compared = shared.compared(collected.files());
        match compared.is_complete() {
            true => Ok(()),
            false => Err(TogetherError::OtherFiles { compared: Box::new(compared) }),
        }
    }
}
