//! Taking a claim back.

use claim_core::claim::{ClaimId, sign_withdrawal};
use claim_core::hand_in::{CMS, ClaimState, ClaimStatus};

use super::error::HandInError;
use super::evidence::EvidenceError;
use super::{MAX_DOCUMENT, target};
use crate::event::Event;
use crate::exchange::Ask;
use crate::session::OpenSession;

impl OpenSession {
    /// Withdraws a claim: signed, and on record for good.
    ///
    /// # Errors
    /// [`HandInError`].
    pub async fn withdraw(&mut self, claim: ClaimId) -> Result<ClaimStatus, HandInError> {
        let signed = sign_withdrawal(claim, &self.signer()?, self.server_now())?;
        let ask = Ask::post(target(claim, "/withdrawal"), CMS, signed.der().to_vec());
        let answer = self.ask_json(&ask.at_most(MAX_DOCUMENT)).await;
        let status: ClaimStatus = answer.map_err(HandInError::Withdrawing)?;
        if status.claim != claim {
            return Err(EvidenceError::OtherClaim { found: status.claim }.into());
        }
        if status.state != ClaimState::Withdrawn {
            return Err(EvidenceError::Contradiction { what: "whether it is withdrawn" }.into());
        }
        self.party.student.tell(Event::ClaimWithdrawn { claim });
        Ok(status)
    }
}
