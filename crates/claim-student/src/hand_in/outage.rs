//! Handing in while Blackboard cannot be reached: signed by what it told last, stamped by CUHK, finished later.

mod error;

use std::time::Duration;

use claim_core::Timestamp;
use claim_core::claim::{ClaimId, Manifest};
use claim_core::hand_in::Assignments;
use claim_core::outage::{OutageClaim, QUERY, REPLY, TSA};
use claim_core::{Digest, Origin, PersonId};
use claim_http::{ProblemAnswer, ReachError, TlsIdentity, https_client, retry_after, send};
use claim_pki::{ContentType, SignedData, Signer, TimestampRequest, TimestampToken};
use http::{StatusCode, header};

use super::lodge::Lodged;
use super::pending::{Pending, PendingFile};
use super::place::Place;
use super::plan::{By, Plan, SignedClaim};
use super::{HandInError, MAX_DOCUMENT};
use crate::config::Timeouts;
use crate::error::{Foreign, Refused, Service, is_temporary};
use crate::event::Event;
use crate::exchange::{Ask, AskError, Haste};
use crate::post::content_of;
use crate::retry::{Patience, pauses};
use crate::session::OpenSession;
use crate::student::Student;
use crate::wallet::{Held, WalletError};

pub use error::OutageHandInError;

/// What came of sending a claim that CUHK has stamped.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one of them at a time, and moved once")]
pub enum Finishing {
    /// Blackboard has it.
    Lodged(Lodged),
    /// Blackboard does not take it by CUHK's time; the reason is its own. It may be handed in anew.
    NotTaken(AskError),
}

impl Student {
    /// What the configured Blackboard told this person last; `None` when it never did.
    pub fn last_told(&self, id: &PersonId) -> Option<Assignments> {
        self.wallet().last_told(id, &self.config.blackboard)
    }

    /// Signs what is planned, by this machine's clock, as signed while Blackboard cannot be reached.
    ///
    /// # Errors
    /// [`HandInError::Sign`], [`HandInError::Manifest`], [`HandInError::Wallet`].
    pub fn sign_in_outage(&self, id: &PersonId, plan: Plan) -> Result<SignedClaim, HandInError> {
        let held = self.held_now(id)?;
        let [certificate, issuer, ..] = held.certificates.as_slice() else {
            return Err(HandInError::IssuerMissing { id: id.clone() });
        };
        let signer = Signer::new(&held.credential.key, certificate, issuer)?;
        let blackboard = &self.config.blackboard;
        let by = By { blackboard, signer: &signer, outage: true, at: self.now() };
        plan.sign(&by, self)
    }

    /// Has CUHK stamp the signed claim, verifies what comes back, and keeps both in `lab1.pending`.
    ///
    /// `sent` is the claim of the same files that was sent to Blackboard before it went away, where nobody knows whether
    /// it was lodged: when Blackboard is back it is asked for that one first, so that there are never two.
    ///
    /// # Errors
    /// [`OutageHandInError`]; nothing was handed in then, and nothing is kept.
    pub async fn stamp(
        &self,
        id: &PersonId,
        signed: &SignedClaim,
        place: &Place,
        sent: Option<ClaimId>,
    ) -> Result<Pending, OutageHandInError> {
        let root = self.root()?;
        let held = self.held_now(id)?;
        let identity = TlsIdentity::from_pki(&held.certificates, &held.credential.key)?;
        let cuhk = &self.config.cuhk;
        let trust = self.code_trust(&root, cuhk);
        let client = https_client(&trust, Some(&identity), self.config.timeouts.exchange)?;
        let request = TimestampRequest::new(*Digest::of(&signed.cms).as_bytes()).to_der()?;
        let timestamp = self.ask_for_timestamp(&client, cuhk, &request).await?;
        let stamped = OutageClaim { claim: signed.cms.clone(), timestamp };
        let Plan { collected, assignment, .. } = &signed.plan;
        let (blackboard, zone) = (&self.config.blackboard, &assignment.zone);
        let file = PendingFile::new(id, blackboard, zone, place, collected, sent, stamped);
        // Nothing is kept, or told, of a timestamp that does not hold.
        let pending = Pending::keep(file, place, &root)?;
        self.tell(Event::Stamped {
            claim: pending.id(),
            stamped_at: pending.stamped_at(),
            path: pending.path().to_owned(),
        });
        Ok(pending)
    }

    /// Reads a hand-in that waits for Blackboard.
    ///
    /// # Errors
    /// [`OutageHandInError`].
    pub fn pending(&self, path: &std::path::Path) -> Result<Pending, OutageHandInError> {
        Ok(Pending::open(path, &*self.root()?)?)
    }

    async fn ask_for_timestamp(
        &self,
        client: &reqwest::Client,
        cuhk: &Origin,
        request: &[u8],
    ) -> Result<Vec<u8>, OutageHandInError> {
        let mut patience = Patience::new(&self.config.timeouts);
        loop {
            let post = client
                .post(cuhk.join(TSA))
                .header(header::CONTENT_TYPE, QUERY)
                .body(request.to_vec());
            let (error, may_pass, retry_after): (OutageHandInError, _, _) =
                match send(post, TimestampToken::MAX_SIZE).await {
                    Ok(answer)
                        if answer.status == StatusCode::OK && answer.media_type() == REPLY =>
                    {
                        return Ok(answer.body.to_vec());
                    }
                    Ok(answer) => match ProblemAnswer::from_answer(&answer) {
                        Some(problem) => {
                            let retry_after = problem.retry_after;
                            let problem = Box::new(problem);
                            let refused = Refused { service: Service::Cuhk, problem };
                            let may_pass = refused.is_temporary();
                            (refused.into(), may_pass, retry_after)
                        }
                        None => {
                            let (status, defect) = (answer.status, content_of(&answer));
                            let (service, origin) = (Service::Cuhk, cuhk.clone());
                            let retry_after = retry_after(&answer.headers);
                            let foreign = Foreign { service, origin, status, defect, retry_after };
                            (foreign.into(), is_temporary(status), retry_after)
                        }
                    },
                    Err(source) => {
                        let may_pass =
                            matches!(source, ReachError::Timeout | ReachError::Interrupted(_));
                        (self.unreached(Service::Cuhk, cuhk, source).into(), may_pass, None)
                    }
                };
            let retry_after = retry_after.map(Duration::from_secs);
            let pause = if may_pass { patience.next_pause(retry_after) } else { None };
            let Some(after) = pause else { return Err(error) };
            self.tell(Event::Retrying { why: error.to_string(), after });
            tokio::time::sleep(after).await;
        }
    }

    fn held_now(&self, id: &PersonId) -> Result<Held, WalletError> {
        let now = self.now();
        let held = self.wallet().held(id, &*self.root()?, now)?;
        match held.is_expired(now) {
            true => {
                let not_after = held.person.not_after();
                Err(WalletError::Expired { id: id.clone(), not_after, at: now })
            }
            false => Ok(held),
        }
    }

    /// The pauses of somebody who waits for Blackboard, for as long as it takes: from two seconds to twenty.
    pub fn waiting(&self) -> impl Iterator<Item = Duration> + use<> {
        let Timeouts { first_pause, longest_pause, .. } = self.config.timeouts;
        pauses(first_pause.saturating_mul(4), longest_pause.saturating_mul(2))
    }

    /// Waits before Blackboard is asked again, and tells of it.
    pub async fn wait_for_blackboard(&self, after: Duration) {
        self.tell(Event::AwaitingBlackboard { after });
        tokio::time::sleep(after).await;
    }
}

impl OpenSession {
    /// Sends a claim that CUHK has stamped, and verifies the timestamps that come back.
    ///
    /// # Errors
    /// [`HandInError`]; it is safe to repeat.
    pub async fn finish(&mut self, pending: &Pending) -> Result<Finishing, HandInError> {
        let content = serde_json::to_vec(&pending.file.stamped).map_err(|error| {
            HandInError::File(claim_files::FileError::System {
                action: "write",
                path: pending.path.clone(),
                source: error.into(),
            })
        })?;
        let ask = Ask::post(claim_core::outage::OUTAGES, claim_core::messages::JSON, content);
        let status = match self.ask_json(&ask.at_most(MAX_DOCUMENT)).await {
            Ok(status) => status,
            Err(error @ AskError::Refused(_)) => return Ok(Finishing::NotTaken(error)),
            Err(error) => self.look_whether_lodged(pending.id, error, Haste::Patient).await?,
        };
        let (collected, manifest) = (pending.collected(), pending.manifest.clone());
        let ours = pending.file.stamped.claim.clone();
        let lodged = self.verified(collected, manifest, pending.id, ours, status)?;
        if let Some(sent) = pending.file.sent {
            // Blackboard did not have it; where this stays, the next look at it finds that.
            let _ = self.party.student.forget(sent);
        }
        Ok(Finishing::Lodged(lodged))
    }

    /// Asks for the claim that was sent before CUHK stamped another one: where Blackboard has it, that one goes on, and
    /// the stamped one is never sent.
    ///
    /// # Errors
    /// [`HandInError`]; it is safe to repeat.
    pub async fn lodged_before(
        &mut self,
        pending: &Pending,
    ) -> Result<Option<Lodged>, HandInError> {
        let Some((id, manifest, cms)) = self.sent_before(pending) else { return Ok(None) };
        match self.on_record(id, Haste::Patient).await {
            Ok(Some(status)) => {
                self.verified(pending.collected(), manifest, id, cms, status).map(Some)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(HandInError::NotLodged(error)),
        }
    }

    /// What is to be lodged by Blackboard's time after all: the claim that was sent before where there is one, so that
    /// a copy of it that comes late finds itself; else one that is signed anew.
    ///
    /// # Errors
    /// As [`OpenSession::sign`].
    pub fn sign_after(&self, pending: &Pending, plan: Plan) -> Result<SignedClaim, HandInError> {
        match self.sent_before(pending) {
            Some((id, manifest, cms)) => Ok(SignedClaim { plan, manifest, id, cms, earlier: true }),
            None => self.sign(plan),
        }
    }

    fn sent_before(&self, pending: &Pending) -> Option<(ClaimId, Manifest, Vec<u8>)> {
        let id = pending.file.sent?;
        let cms = self.party.student.wallet().kept_claim(id)?;
        let signed = SignedData::from_der(ContentType::Claim, &cms).ok()?;
        let content = signed.unverified_content();
        let manifest = Manifest::from_slice(content).ok()?;
        // By its id it is the very list that was signed here.
        let same = ClaimId::of_manifest(content) == id && manifest.files == pending.manifest.files;
        same.then_some((id, manifest, cms))
    }
}

impl Pending {
    /// Whether handing in anew, in the ordinary way, would still be in time by this clock.
    pub fn is_still_in_time(&self, assignments: &Assignments, now: Timestamp) -> bool {
        let reference = self.manifest.assignment_ref();
        let mut all = assignments.assignments.iter();
        all.find(|one| one.reference() == reference).is_some_and(|one| {
            one.sids == self.manifest.sids && one.due.is_none_or(|due| now <= due)
        })
    }
}
