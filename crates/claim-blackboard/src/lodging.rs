//! Lodging, receiving and withdrawing: what the requests of PROTOCOL.md §9 do.

mod erased;
mod outage;
mod sending;
mod signers;
mod status;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use claim_core::claim::{ClaimError, ClaimId, Holder, Manifest, VerifiedClaim, VerifiedWithdrawal};
use claim_core::hand_in::{ClaimStatus, PieceRef};
use claim_core::{CourseId, Digest, PersonId, Problem, ProblemType, Timestamp};
use claim_course::{Request, Standing};
use claim_http::system_rng;
use claim_pki::{ContentType, MakeTokenError, SerialNumber, SignedData};
use claim_store::blackboard::{
    ClaimOutline, ClaimRow, Lodged, Marked, NewClaim, NewPiece, NewWithdrawal, Withdrawn,
};
use claim_store::{Need, ObjectName};
use rand_core::Rng;

use crate::blackboard::Blackboard;
use crate::courses::{no_student, not_allowed};
use crate::error;
use crate::event::Event;
use crate::evidence::Evidence;
use crate::generations::Generations;

pub(crate) use sending::sendable_outline;
pub(crate) use status::status_of;

/// Seconds until somebody may have certified the next timestamp key, where the year of the last is over.
const KEY_RETRY_AFTER: u64 = 60;

/// How many manifests are remembered, twice over.
const MAX_MANIFESTS: usize = 512;

/// The manifests of claims whose files are arriving, so that each piece does not read its claim anew.
pub(crate) struct Manifests(Mutex<Generations<ClaimId, Manifest>>);

impl Manifests {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Generations::new(MAX_MANIFESTS)))
    }

    /// The claim's manifest, if it is remembered.
    fn known(&self, id: ClaimId) -> Option<Arc<Manifest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id)
    }

    /// Remembers the manifest of a claim that is on record.
    fn remember(&self, id: ClaimId, manifest: Arc<Manifest>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, manifest);
    }

    pub(crate) fn of(&self, row: &ClaimRow) -> Result<Arc<Manifest>, Problem> {
        if let Some(known) = self.known(row.id) {
            return Ok(known);
        }
        // It was verified before it was stored.
        let signed = SignedData::from_der(ContentType::Claim, &row.cms)
            .map_err(|error| error::internal(&error))?;
        let manifest = Manifest::from_slice(signed.unverified_content())
            .map_err(|error| error::internal(&error))?;
        let manifest = Arc::new(manifest);
        self.remember(row.id, Arc::clone(&manifest));
        Ok(manifest)
    }
}

/// The claim, if this person is among its holder. Staff of its course may see it, and no more; to everybody else it is not
/// there.
pub(crate) async fn own_claim(
    blackboard: &Blackboard,
    person: &PersonId,
    id: &str,
) -> Result<ClaimRow, Problem> {
    let row = known_claim(blackboard, id).await?;
    may_hand_in(blackboard, person, &row.holder, &row.reference.course).await?;
    Ok(row)
}

/// The claim, if this person is among its holder, or may take what was handed in for its course.
pub(crate) async fn readable_claim(
    blackboard: &Blackboard,
    person: &PersonId,
    id: &str,
) -> Result<ClaimRow, Problem> {
    let row = known_claim(blackboard, id).await?;
    may_read(blackboard, person, &row.holder, &row.reference.course).await?;
    Ok(row)
}

/// The same without the signed claim, for what is asked for each piece.
pub(crate) async fn readable_outline(
    blackboard: &Blackboard,
    person: &PersonId,
    id: &str,
) -> Result<ClaimOutline, Problem> {
    let row = known_outline(blackboard, id).await?;
    may_read(blackboard, person, &row.holder, &row.reference.course).await?;
    Ok(row)
}

/// The claim of this id, whoever asks.
async fn known_claim(blackboard: &Blackboard, id: &str) -> Result<ClaimRow, Problem> {
    let id: ClaimId = id.parse().map_err(|_| no_claim())?;
    let row = blackboard.store.claim(id).await.map_err(|error| error::storage(&error))?;
    erased::unless(blackboard, id, row).await?.ok_or_else(no_claim)
}

/// The same without the signed claim.
async fn known_outline(blackboard: &Blackboard, id: &str) -> Result<ClaimOutline, Problem> {
    let id: ClaimId = id.parse().map_err(|_| no_claim())?;
    let row = blackboard.store.outline(id).await.map_err(|error| error::storage(&error))?;
    erased::unless(blackboard, id, row).await?.ok_or_else(no_claim)
}

async fn may_read(
    blackboard: &Blackboard,
    person: &PersonId,
    holder: &Holder,
    course: &CourseId,
) -> Result<(), Problem> {
    if holder.includes(person) {
        return Ok(());
    }
    match standing(blackboard, person, course).await?.may(Request::TakeFiles) {
        true => Ok(()),
        false => Err(no_claim()),
    }
}

async fn may_hand_in(
    blackboard: &Blackboard,
    person: &PersonId,
    holder: &Holder,
    course: &CourseId,
) -> Result<(), Problem> {
    if holder.includes(person) {
        return Ok(());
    }
    Err(match standing(blackboard, person, course).await? {
        Standing::Staff(role) if Standing::Staff(role).may(Request::TakeFiles) => {
            not_allowed(role, Request::HandIn)
        }
        _ => no_claim(),
    })
}

async fn standing(
    blackboard: &Blackboard,
    person: &PersonId,
    course: &CourseId,
) -> Result<Standing, Problem> {
    let standing = blackboard.store.standing(course, person).await;
    standing.map_err(|error| error::storage(&error))
}

/// To this person the claim is not there.
fn no_claim() -> Problem {
    Problem::new(ProblemType::NotFound, "you have no such claim")
}

/// `POST /v1/claims`, and with CUHK's timestamp `POST /v1/outages`: whether it is new, and what is on record now.
pub(crate) async fn lodge(
    blackboard: &Arc<Blackboard>,
    person: &PersonId,
    cms: Bytes,
    stamp: Option<Vec<u8>>,
) -> Result<(bool, ClaimStatus), Problem> {
    // The claim's last byte has just been read.
    let lodged_at = blackboard.clock.now();
    let evidence = blackboard.evidence()?;
    let claim = verify(blackboard, cms.clone(), lodged_at).await?;
    fits(blackboard, person, &claim)?;
    let outage = outage::check(blackboard, &claim, &cms, stamp, lodged_at).await?;
    let stored =
        blackboard.store.claim(claim.id()).await.map_err(|error| error::storage(&error))?;
    let outcome = match stored {
        Some(row) => Lodged::Repeat(row),
        None => {
            blackboard.log_is_whole()?;
            blackboard.revocations.vouch_for(&evidence)?;
            blackboard.has_room(Need::Record)?;
            let revocation = signers::judge(blackboard, &claim, lodged_at)?;
            let new = NewClaim {
                outage,
                ..new_claim(&evidence, person, &claim, &cms, revocation, lodged_at)?
            };
            blackboard.store.lodge(new).await.map_err(|error| blackboard.not_recorded(&error))?
        }
    };
    match outcome {
        Lodged::First(row) => {
            blackboard.log.staged();
            blackboard.manifests.remember(row.id, Arc::new(claim.manifest().clone()));
            blackboard.tell(Event::Lodged {
                claim: row.id,
                assignment: row.reference.clone(),
                id: person.clone(),
                lodged_at: row.lodged_at,
                late_ms: row.late_ms,
            });
            Ok((true, status_of(blackboard, &row).await?))
        }
        Lodged::Repeat(row) => {
            let status = status_of(blackboard, &row).await?;
            Ok((false, ClaimStatus { cms: Some(row.cms), ..status }))
        }
        refused => Err(refusal(&refused)),
    }
}

/// Signatures and paths; it takes a processor for a while, so it does not hold up the others.
async fn verify(
    blackboard: &Arc<Blackboard>,
    cms: Bytes,
    now: Timestamp,
) -> Result<VerifiedClaim, Problem> {
    let people = Arc::clone(&blackboard.people);
    let verified = tokio::task::spawn_blocking(move || {
        VerifiedClaim::open(&cms, |chain| people.verify_signer(chain, now))
    });
    let verified = verified.await.map_err(|error| error::internal(&error))?;
    verified.map_err(|error| match error {
        ClaimError::Signer { .. } => error::repeating(ProblemType::ClaimSigner, &error),
        other => error::repeating(ProblemType::ClaimUnreadable, &other),
    })
}

/// Whether it is a claim for this Blackboard by whoever lodges it.
fn fits(blackboard: &Blackboard, person: &PersonId, claim: &VerifiedClaim) -> Result<(), Problem> {
    let manifest = claim.manifest();
    let refused = |detail: String| Err(Problem::new(ProblemType::ClaimUnreadable, detail));
    if manifest.blackboard != blackboard.origin {
        return refused(format!(
            "the claim is for {}, and this is {}",
            manifest.blackboard, blackboard.origin
        ));
    }
    if !claim.is_signed_by(person) {
        let detail = format!("{person} lodges the claim, but has not signed it");
        return Err(Problem::new(ProblemType::ClaimSigner, detail));
    }
    // Of whom the holder consists, the records tell when it is lodged.
    Ok(())
}

fn new_claim(
    evidence: &Evidence,
    person: &PersonId,
    claim: &VerifiedClaim,
    cms: &[u8],
    revocation: Vec<u8>,
    lodged_at: Timestamp,
) -> Result<NewClaim, Problem> {
    let mut serial = [0; 16];
    system_rng().fill_bytes(&mut serial);
    let serial = SerialNumber::from_random(serial);
    let token = evidence.timestamp.sign(Digest::of(cms).as_bytes(), lodged_at, &serial).map_err(
        |error| match error {
            // Its year is over, and nobody has certified the next one.
            MakeTokenError::OutsideKeyUsage { .. } => {
                Problem::new(ProblemType::EvidencePending, error.to_string())
                    .with("retry_after", KEY_RETRY_AFTER)
            }
            error => error::internal(&error),
        },
    )?;
    let manifest = claim.manifest();
    let files = manifest.files.entries();
    let lodger = claim.signers().iter().find(|signer| signer.person().id() == person);
    Ok(NewClaim {
        id: claim.id(),
        reference: manifest.assignment_ref(),
        holder: manifest.sids.clone(),
        person: person.clone(),
        due: manifest.due,
        replaces: manifest.replaces,
        lodged_at,
        files: files.len() as u64,
        bytes: manifest.files.total_size(),
        pieces: files.iter().map(claim_core::claim::FileEntry::piece_count).sum(),
        cms: cms.to_vec(),
        token: token.der().to_vec(),
        revocation,
        outage: None,
        serial: lodger.map(|signer| signer.person().serial().to_string()).unwrap_or_default(),
        note: manifest.note.clone(),
    })
}

/// What the records did not take.
fn refusal(outcome: &Lodged) -> Problem {
    match outcome {
        Lodged::NoAssignment => Problem::new(
            ProblemType::NotFound,
            "there is no such assignment that you may hand in to",
        ),
        Lodged::OnlyInLog => Problem::new(
            ProblemType::ClaimRecordLost,
            "this very claim is in the log, and Blackboard has no other record of it",
        ),
        Lodged::Erased(erasure) => erased::problem(erasure),
        Lodged::NotAllowed { role, request } => not_allowed(*role, *request),
        Lodged::NoStudent { sid } => no_student(sid),
        Lodged::NoGroup { ask } => {
            let detail = "groups hand in to this assignment, and you are in none";
            Problem::new(ProblemType::NoGroup, detail).with("ask", ask.clone())
        }
        Lodged::HolderChanged { holder } => {
            let sids: Vec<_> = holder.sids().iter().map(ToString::to_string).collect();
            let detail = format!("the claim must name {holder}");
            Problem::new(ProblemType::HolderChanged, detail).with("sids", sids)
        }
        Lodged::Closed { until } => Problem::new(
            ProblemType::AssignmentClosed,
            format!("the assignment took claims until {until}"),
        ),
        Lodged::DueChanged { due } => {
            let due = due.map(|due| due.to_string());
            let detail = match &due {
                Some(due) => format!("the due time is {due}"),
                None => "the assignment has no due time".to_owned(),
            };
            Problem::new(ProblemType::DueChanged, detail).with("due", due)
        }
        Lodged::ReplacesChanged { last_claim } => {
            let last = last_claim.map(|id| id.to_string());
            let detail = match &last {
                Some(last) => format!("your last claim is {last}"),
                None => "you have no claim for this assignment yet".to_owned(),
            };
            Problem::new(ProblemType::ReplacesChanged, detail).with("last_claim", last)
        }
        Lodged::NoOutage { at } => Problem::new(
            ProblemType::OutageUnproven,
            format!("CUHK stamped the claim at {at}, and Blackboard was serving then"),
        ),
        Lodged::OutageTooLate { until } => Problem::new(
            ProblemType::OutageTooLate,
            format!("the claim was stamped in an outage, and was taken until {until}"),
        ),
        Lodged::LimitExceeded { assignment, attempts } => {
            let limits = assignment.limits;
            Problem::new(
                ProblemType::LimitExceeded,
                format!(
                    "the assignment takes at most {} files, {} bytes in all, and {} claims, of which you have {attempts}",
                    limits.files, limits.bytes, limits.attempts
                ),
            )
        }
        // The caller has dealt with them.
        Lodged::First(_) | Lodged::Repeat(_) => Problem::new(ProblemType::InternalError, ""),
    }
}

/// `PUT /v1/claims/{id}/files/{n}/{index}`, with the digest of the content: every byte is hashed once. Returns whether
/// the claim was waiting for this piece.
pub(crate) async fn keep_piece(
    blackboard: &Arc<Blackboard>,
    row: &ClaimOutline,
    piece: PieceRef,
    digest: Digest,
    content: Vec<Bytes>,
) -> Result<bool, Problem> {
    use claim_core::hand_in::ClaimState::{Received, Waiting};
    let manifest = manifest_of(blackboard, row.id).await?;
    let file = piece.file_in(&manifest.files).ok_or_else(no_piece)?;
    if file.piece_digest(piece.index) != Some(digest) {
        let detail = "the bytes are not those that the claim lists for this piece";
        return Err(Problem::new(ProblemType::PieceMismatch, detail));
    }
    match row.state {
        Waiting => {}
        Received => return Ok(false),
        state => return Err(ended(state)),
    }
    blackboard.has_room(Need::Piece)?;
    let name = ObjectName::piece(row.id, piece);
    blackboard.log.objects.keep_parts(&name, content).await.map_err(|e| error::objects(&e))?;
    let new = NewPiece { claim: row.id, piece, at: blackboard.clock.now() };
    let marked = blackboard.store.mark_piece(new).await.map_err(|error| error::storage(&error))?;
    match marked {
        Marked::Waiting { now } => Ok(now),
        Marked::Received { now: false } => Ok(false),
        Marked::Received { now: true } => {
            blackboard.log.staged();
            blackboard.tell(Event::Received {
                claim: row.id,
                assignment: manifest.assignment_ref(),
                id: row.person.clone(),
                files: manifest.files.entries().len(),
                bytes: manifest.files.total_size(),
            });
            Ok(true)
        }
        Marked::Ended { state } => Err(ended(state)),
        Marked::NoClaim => Err(no_piece()),
    }
}

/// What the claim with this id lists; it is on record.
async fn manifest_of(blackboard: &Blackboard, id: ClaimId) -> Result<Arc<Manifest>, Problem> {
    if let Some(known) = blackboard.manifests.known(id) {
        return Ok(known);
    }
    let row = blackboard.store.claim(id).await.map_err(|error| error::storage(&error))?;
    blackboard.manifests.of(&row.ok_or_else(no_claim)?)
}

/// `GET` of the same address.
pub(crate) async fn piece(
    blackboard: &Blackboard,
    claim: ClaimId,
    piece: PieceRef,
) -> Result<Bytes, Problem> {
    let found = blackboard.log.objects.read(&ObjectName::piece(claim, piece)).await;
    if let Some(found) = found.map_err(|error| error::objects(&error))? {
        return Ok(found);
    }
    // It may be going at this moment.
    erased::unless(blackboard, claim, None::<()>).await?;
    let durable = blackboard.store.durable_pieces(claim).await;
    if durable.map_err(|error| error::storage(&error))?.contains(&piece) {
        return Err(error::lost(claim, piece));
    }
    Err(Problem::new(ProblemType::NotFound, "that piece is not here (yet)"))
}

/// There is no such piece in the claim.
pub(crate) fn no_piece() -> Problem {
    Problem::new(ProblemType::NotFound, "the claim has no such piece")
}

fn ended(state: claim_core::hand_in::ClaimState) -> Problem {
    use claim_core::hand_in::ClaimState::{Lapsed, Received, Superseded, Waiting, Withdrawn};
    let detail = match state {
        Superseded => "another claim was lodged before all its files were there",
        Lapsed => "its files did not come in time",
        Withdrawn => "it was withdrawn",
        Waiting | Received => "it is complete",
    };
    Problem::new(ProblemType::ClaimEnded, detail)
}

/// `POST /v1/claims/{id}/withdrawal`.
pub(crate) async fn withdraw(
    blackboard: &Arc<Blackboard>,
    person: &PersonId,
    row: &ClaimRow,
    cms: Bytes,
) -> Result<ClaimStatus, Problem> {
    let now = blackboard.clock.now();
    blackboard.log_is_whole()?;
    let withdrawal =
        VerifiedWithdrawal::open(&cms, row.id, |chain| blackboard.people.verify_signer(chain, now));
    let withdrawal =
        withdrawal.map_err(|error| error::repeating(ProblemType::ClaimUnreadable, &error))?;
    if withdrawal.person() != person {
        let detail = format!("{} signed the withdrawal, {person} sent it", withdrawal.person());
        return Err(Problem::new(ProblemType::ClaimSigner, detail));
    }
    blackboard.has_room(Need::Record)?;
    let new = NewWithdrawal { claim: row.id, cms: cms.to_vec(), at: now };
    let outcome = blackboard.store.withdraw(&new).await.map_err(|error| error::storage(&error))?;
    match outcome {
        Withdrawn::Yes(row) => {
            blackboard.log.staged();
            status_of(blackboard, &row).await
        }
        Withdrawn::TooLate { until } => Err(Problem::new(
            ProblemType::WithdrawalTooLate,
            format!("it could be withdrawn until {until}"),
        )),
        Withdrawn::Ended { state } => Err(ended(state)),
        Withdrawn::NoClaim => Err(Problem::new(ProblemType::NotFound, "you have no such claim")),
    }
}
