//! The receipt: fetched as soon as there is one, checked, stored.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use claim_core::claim::ClaimId;
use claim_core::hand_in::{ClaimStatus, MAX_WAIT_SECONDS, ZIP};
use claim_core::receipt::MAX_RECEIPT;

use super::error::HandInError;
use super::evidence::{self, Verified};
use super::kept::Extension;
use super::lodge::Lodged;
use super::place::Place;
use super::target;
use crate::event::Event;
use crate::exchange::{Ask, AskError};
use crate::retry::Patience;
use crate::session::OpenSession;

/// Handed in: all files are received, and the receipt shows it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The claim.
    pub claim: ClaimId,
    /// Blackboard's last word on it.
    pub status: ClaimStatus,
    /// Where the receipt is.
    pub receipt: PathBuf,
    /// What the receipt, which is genuine, does not show, in words: such as a time that no witness confirms in time.
    pub incomplete: Vec<String>,
}

impl OpenSession {
    /// Fetches the proof of lodging, as far as it goes yet, and stores it beside where the receipt will be.
    ///
    /// # Errors
    /// [`HandInError::Proof`], [`HandInError::Evidence`], [`HandInError::File`]: none of these takes back the lodging.
    pub async fn keep_lodged(
        &mut self,
        lodged: &Lodged,
        place: &Place,
    ) -> Result<PathBuf, HandInError> {
        let zip = self.receipt(lodged, 0).await.map_err(|last| proof(lodged, last))?;
        evidence::receipt(&self.party.root, lodged, &zip)?;
        let path = place.save(Extension::Lodged, &zip)?;
        self.party.student.wallet().keep_proof(lodged.id(), Extension::Lodged, &zip)?;
        self.party.student.tell(Event::ProofSaved { claim: lodged.id(), path: path.clone() });
        Ok(path)
    }

    /// Waits for the receipt of a claim whose files are received, with both proofs, verifies it completely and stores it.
    ///
    /// # Errors
    /// [`HandInError::Incomplete`] when the log's proof does not come in time: the same files handed in again
    /// fetch it.
    pub async fn receive(
        &mut self,
        lodged: Lodged,
        place: &Place,
    ) -> Result<Received, HandInError> {
        let mut patience = Patience::new(&self.party.student.config.timeouts);
        self.party.student.tell(Event::AwaitingReceipt { claim: lodged.id() });
        loop {
            let zip = self.receipt(&lodged, MAX_WAIT_SECONDS).await;
            let zip = zip.map_err(|last| proof(&lodged, last))?;
            let verified = evidence::receipt(&self.party.root, &lodged, &zip)?;
            if verified.is_received {
                return self.keep_received(lodged, place, &zip, verified).await;
            }
            let Some(pause) = patience.next_pause(None) else {
                let claim = lodged.id();
                let path = place.save(Extension::Lodged, &zip)?;
                self.party.student.wallet().keep_proof(claim, Extension::Lodged, &zip)?;
                return Err(HandInError::Incomplete { claim, path });
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn keep_received(
        &mut self,
        mut lodged: Lodged,
        place: &Place,
        zip: &[u8],
        verified: Verified,
    ) -> Result<Received, HandInError> {
        let receipt = place.save(Extension::Receipt, zip)?;
        self.party.student.wallet().keep_proof(lodged.id(), Extension::Receipt, zip)?;
        // Where it stays it does no harm: the next look at it finds that the claim is received.
        let _ = self.party.student.wallet().remove_draft(lodged.id());
        let path = receipt.clone();
        self.party.student.tell(Event::ReceiptSaved { claim: lodged.id(), path });
        // Whether it counts was not known before; that it cannot be asked changes nothing about the receipt.
        let _ = self.refresh(&mut lodged).await;
        let Verified { incomplete, .. } = verified;
        Ok(Received { claim: lodged.id(), status: lodged.status, receipt, incomplete })
    }

    async fn receipt(&mut self, lodged: &Lodged, wait: u64) -> Result<Bytes, AskError> {
        self.receipt_of(lodged.id(), wait).await
    }

    pub(super) async fn receipt_of(
        &mut self,
        claim: ClaimId,
        wait: u64,
    ) -> Result<Bytes, AskError> {
        let query = if wait > 0 { format!("/receipt?wait={wait}") } else { "/receipt".to_owned() };
        let ask = Ask::get(target(claim, &query)).at_most(MAX_RECEIPT);
        self.ask_bytes(&ask.with_time(Duration::from_secs(wait)), ZIP).await
    }
}

fn proof(lodged: &Lodged, last: AskError) -> HandInError {
    HandInError::Proof { claim: lodged.id(), last: Box::new(last) }
}
