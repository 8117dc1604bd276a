//! Lodging: the claim goes to Blackboard, its timestamp comes back and is verified.

use claim_core::claim::{ClaimId, Manifest};
use claim_core::hand_in::{CMS, ClaimStatus};
use claim_core::{PersonId, Sid, Timestamp};
use claim_pki::{Certificate, ContentType, SignedData, VerifiedToken};

use super::change::{Change, First};
use super::collect::Collected;
use super::error::HandInError;
use super::plan::{Plan, SignedClaim};
use super::{MAX_DOCUMENT, evidence, target};
use crate::event::Event;
use crate::exchange::{Ask, AskError, Haste};
use crate::session::OpenSession;

/// How often a claim is signed anew because Blackboard's records changed.
const MOST_CHANGES: usize = 5;

/// A claim that Blackboard has, with a timestamp that was verified.
#[derive(Clone, Debug)]
pub struct Lodged {
    pub(super) collected: Collected,
    pub(super) manifest: Manifest,
    pub(super) cms: Vec<u8>,
    pub(super) token: VerifiedToken,
    pub(super) status: ClaimStatus,
}

/// What came of lodging.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one of them at a time, and moved once")]
pub enum Lodging {
    /// It is lodged.
    Lodged(Lodged),
    /// It is not: something changed that the student may mind. The plan is the one that fits now.
    Changed {
        /// As it would be signed now.
        plan: Plan,
        /// What changed.
        change: Change,
    },
}

impl Lodged {
    /// The claim's id.
    pub fn id(&self) -> ClaimId {
        self.status.claim
    }

    /// What it says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The timestamp's time.
    pub fn lodged_at(&self) -> Timestamp {
        self.token.gen_time()
    }

    /// The files that it was made from.
    pub fn collected(&self) -> &Collected {
        &self.collected
    }

    /// By how many milliseconds it was late; 0 when in time.
    pub fn late_ms(&self) -> i64 {
        self.status.late_ms
    }

    /// Blackboard's word on the claim, as it was last heard.
    pub fn status(&self) -> &ClaimStatus {
        &self.status
    }

    /// Who signed the claim that Blackboard has, by id.
    pub fn signers(&self) -> Vec<PersonId> {
        signers_of(&self.cms)
    }

    /// Who hands in together.
    pub fn sids(&self) -> &[Sid] {
        self.manifest.sids.sids()
    }
}

/// Whom the certificates of those name who signed a claim that was verified, or was made here.
fn signers_of(cms: &[u8]) -> Vec<PersonId> {
    let signed = SignedData::from_der(ContentType::Claim, cms);
    let signers = signed.iter().flat_map(SignedData::unverified_signers);
    let mut signers: Vec<_> = signers.filter_map(Certificate::person_id).collect();
    signers.sort();
    signers
}

impl OpenSession {
    /// Lodges the claim, and verifies the timestamp that comes back.
    ///
    /// The signed claim is kept in the folder before it is sent. Where Blackboard's records changed meanwhile and
    /// nothing got worse for the student, it is signed anew ([`Event::SignedAnew`] tells).
    ///
    /// # Errors
    /// [`HandInError`]; [`HandInError::LodgingUnknown`] when it may be lodged or not: the same files handed in
    /// again settle it.
    pub async fn lodge(&mut self, signed: SignedClaim) -> Result<Lodging, HandInError> {
        self.lodge_in(signed, Haste::Patient).await
    }

    /// The same, for somebody who can have CUHK stamp the claim while Blackboard is away.
    ///
    /// # Errors
    /// [`HandInError`], as [`OpenSession::lodge`]; [`HandInError::is_outage`] tells when CUHK should be asked.
    pub async fn lodge_in(
        &mut self,
        mut signed: SignedClaim,
        haste: Haste,
    ) -> Result<Lodging, HandInError> {
        for _ in 0..=MOST_CHANGES {
            self.party.student.wallet().keep_claim(signed.id, &signed.cms)?;
            self.keep_draft(&signed)?;
            let ask = Ask::post("/v1/claims", CMS, signed.cms.clone()).at_most(MAX_DOCUMENT);
            let error = match self.ask_json(&ask.in_haste(haste)).await {
                Ok(status) => return Ok(Lodging::Lodged(self.lodged(signed, status)?)),
                Err(error) => error,
            };
            let assignment = &signed.plan.assignment;
            let Some(change) = Change::in_refusal(&error, assignment, self.id()) else {
                let status = self.look_whether_lodged(signed.id, error, haste).await?;
                return Ok(Lodging::Lodged(self.lodged(signed, status)?));
            };
            let change = self.with_first(change).await;
            let mut plan = signed.plan;
            change.apply(&mut plan.assignment);
            let on_behalf = plan.by.is_some();
            // What others have signed as well is not signed anew without them.
            let several = signers_of(&signed.cms).len() > 1;
            if several || change.needs_a_word(&plan.assignment.sids, on_behalf) {
                return Ok(Lodging::Changed { plan, change });
            }
            let zone = plan.assignment.zone.clone();
            self.party.student.tell(Event::SignedAnew { change, zone });
            signed = self.sign_new(plan)?;
        }
        Err(HandInError::KeepsChanging)
    }

    /// With who was first, where another claim came between; whoever cannot be asked leaves it untold.
    pub(super) async fn with_first(&mut self, change: Change) -> Change {
        let Change::Replaces { was, now: Some(now), first: None } = change else { return change };
        let first = match self.on_record(now, Haste::Hurried).await {
            Ok(Some(ClaimStatus { lodged_at, signers, .. })) => Some(First { lodged_at, signers }),
            _ => None,
        };
        Change::Replaces { was, now: Some(now), first }
    }

    fn lodged(&self, signed: SignedClaim, status: ClaimStatus) -> Result<Lodged, HandInError> {
        let SignedClaim { plan: Plan { collected, .. }, manifest, id, cms, .. } = signed;
        self.verified(collected, manifest, id, cms, status)
    }

    /// What Blackboard says of a claim, once its timestamps are verified; tells of it.
    pub(super) fn verified(
        &self,
        collected: Collected,
        manifest: Manifest,
        id: ClaimId,
        ours: Vec<u8>,
        status: ClaimStatus,
    ) -> Result<Lodged, HandInError> {
        let root = &self.party.root;
        let cms = evidence::stored_claim(root, &status, id, ours)?;
        let token = evidence::token(root, &manifest, &cms, &status)?;
        self.party.student.tell(Event::ClaimLodged {
            claim: status.claim,
            lodged_at: status.lodged_at,
            due: status.due,
            late_ms: status.late_ms,
        });
        Ok(Lodged { collected, manifest, cms, token, status })
    }

    /// The lodging itself got no answer that could be used: perhaps asking does.
    pub(super) async fn look_whether_lodged(
        &mut self,
        claim: ClaimId,
        error: AskError,
        haste: Haste,
    ) -> Result<ClaimStatus, HandInError> {
        if !error.may_have_arrived() {
            return Err(HandInError::NotLodged(error));
        }
        match self.on_record(claim, haste).await {
            Ok(Some(status)) => Ok(status),
            // Whoever says that it takes nothing, and does not have it, has not lodged it.
            Ok(None) => Err(match error.takes_nothing() {
                Ok(refused) => HandInError::TakesNothing(refused),
                Err(error) => HandInError::LodgingUnknown { claim, last: Box::new(error) },
            }),
            Err(_) => Err(HandInError::LodgingUnknown { claim, last: Box::new(error) }),
        }
    }

    /// What Blackboard has on record of a claim; `None` when it says that it has no such claim.
    pub(super) async fn on_record(
        &mut self,
        claim: ClaimId,
        haste: Haste,
    ) -> Result<Option<ClaimStatus>, AskError> {
        let ask = Ask::get(target(claim, "")).at_most(MAX_DOCUMENT).in_haste(haste);
        match self.ask_json(&ask).await {
            Ok(status) => Ok(Some(status)),
            Err(error) if error.slug() == Some("not-found") => Ok(None),
            Err(error) => Err(error),
        }
    }
}
