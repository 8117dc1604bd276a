//! One claim, fetched and put together beside where it will be.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use claim_core::Digest;
use claim_core::claim::{FileName, Manifest};
use claim_core::encoding::RequestNonce;
use claim_core::hand_in::ZIP;
use claim_core::receipt::{
    Container, Evidence, Finding, MAX_RECEIPT, Member, Severity, Verdict, verify,
};
use claim_course::taking::{Layout, TakenClaim, TakenFile};
use claim_files::{Mode, make_folder, replace};
use claim_http::system_rng;
use http::StatusCode;
use tokio::sync::Semaphore;

use super::TakeError;
use super::commit::{Step, sync_up_to};
use super::error::ClaimError;
use super::folder::parts_of;
use super::inspect::Found;
use super::plan::{Job, What, name};
use crate::exchange::{Ask, AskError, Hindrance, Signed};
use crate::hand_in::target;
use crate::post::content_of;
use crate::session::OpenSession;

/// How long a receipt is waited for that has no proof yet, in seconds.
const WAIT: u64 = 10;

/// What all that is fetched at once shares.
#[derive(Debug)]
pub(super) struct Way {
    /// Nothing more is begun.
    pub(super) stop: AtomicBool,
    /// How many requests may be under way.
    pub(super) permits: Semaphore,
    /// How many pieces are new on disk.
    pub(super) pieces: AtomicUsize,
    /// Whether the log's proofs come late: then nobody waits for them.
    pub(super) late_proofs: AtomicBool,
}

/// Why a claim was not put together.
#[derive(Debug)]
pub(super) enum Halt {
    /// Something hinders; the next attempt may fare better.
    Hindered(Hindrance),
    /// It was not begun, or not gone on with, since something hinders another one.
    Stopped,
    /// It cannot be had.
    Failed(ClaimError),
}

impl<E: Into<ClaimError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A claim that is whole, beside its place.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) step: Step,
    /// Files whose whole has another SHA-256 than the claim says.
    pub(super) mislisted: Vec<FileName>,
    /// How many bytes its files have.
    pub(super) bytes: u64,
}

/// A receipt as it came, and what it says.
struct Receipt {
    zip: Bytes,
    manifest: Manifest,
    is_complete: bool,
}

impl OpenSession {
    /// Fetches what is missing of a claim.
    pub(super) async fn stage(
        &self,
        job: &Job,
        root: &std::path::Path,
        layout: Layout,
        way: &Way,
    ) -> Result<Staged, Halt> {
        let receipt = self.receipt_for(job, way).await?;
        if let Some(kept) = job.nothing_new(&receipt) {
            let step = Step { moves: Vec::new(), claim: kept.clone() };
            return Ok(Staged { step, mislisted: Vec::new(), bytes: 0 });
        }
        let (claim, numbers) = described(job, &receipt, layout)?;
        let parts = parts_of(job.claim.claim);
        let whole = format!("{parts}/whole");
        let (mut moves, mut mislisted, mut folders) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut bytes = 0;
        for number in numbers {
            let entries = receipt.manifest.files.entries();
            let (Some(entry), Some(file)) = (entries.get(number), claim.files.get(number)) else {
                continue;
            };
            let staged = root.join(&whole).join(file.path.as_str());
            let part = root.join(&parts).join(format!("{number}.part"));
            let is_as_listed = self.fetch_part(job, number, entry, &part, &staged, way).await?;
            if !is_as_listed {
                mislisted.push(file.path.clone());
            }
            folders.extend(staged.parent().map(PathBuf::from));
            bytes += file.size;
            if let What::Missing { .. } = job.what {
                moves.push((name(&format!("{whole}/{}", file.path))?, file.path.clone()));
            }
        }
        let take = |error: TakeError| Halt::from(error);
        if let What::Everything = job.what {
            for unit in layout.units(&job.place, claim.files.iter().map(|file| file.path.as_str()))
            {
                moves.push((name(&format!("{whole}/{unit}"))?, name(&unit)?));
            }
        }
        let staged = root.join(&parts).join("receipt");
        if let What::Missing { receipt: Found::Same, .. } = job.what {
            // What is there goes less far than what came now.
            moves.push((claim.receipt.clone(), name(&format!("{parts}/receipt.before"))?));
            let before = root.join(&parts).join("receipt.before");
            // Left over from somebody who was interrupted after it was replaced.
            let _ = fs::remove_file(before);
        }
        if !matches!(job.what, What::Missing { receipt: Found::Other, .. }) {
            make_folder(&root.join(&parts)).map_err(|error| take(error.into()))?;
            replace(&staged, &receipt.zip, Mode::Public).map_err(|error| take(error.into()))?;
            moves.push((name(&format!("{parts}/receipt"))?, claim.receipt.clone()));
        }
        sync_up_to(&root.join(&parts), folders).map_err(take)?;
        Ok(Staged { step: Step { moves, claim }, mislisted, bytes })
    }

    /// The receipt of the claim, verified; the one that shows that all files were received, if it comes in time.
    async fn receipt_for(&self, job: &Job, way: &Way) -> Result<Receipt, Halt> {
        let receipt = self.receipt_at(job, 0, way).await?;
        if receipt.is_complete || way.late_proofs.load(Ordering::Relaxed) {
            return Ok(receipt);
        }
        let receipt = self.receipt_at(job, WAIT, way).await?;
        if !receipt.is_complete {
            way.late_proofs.store(true, Ordering::Relaxed);
        }
        Ok(receipt)
    }

    async fn receipt_at(&self, job: &Job, wait: u64, way: &Way) -> Result<Receipt, Halt> {
        let query = if wait > 0 { format!("/receipt?wait={wait}") } else { "/receipt".to_owned() };
        let ask = Ask::get(target(job.claim.claim, &query)).at_most(MAX_RECEIPT);
        let ask = ask.with_time(std::time::Duration::from_secs(wait));
        let zip = self.request(&ask, ZIP, way).await?;
        let root = &self.party.root;
        let evidence =
            Evidence { receipt: &zip, root, files: &[], witness: None, newer_lists: &[] };
        let report = verify(&evidence);
        if report.verdict() == Verdict::NotVerified {
            let wrong = report
                .findings()
                .find(|finding: &&Finding| finding.severity() == Severity::Failure);
            let finding = wrong.map(ToString::to_string).unwrap_or_default();
            return Err(ClaimError::NotVerified { finding }.into());
        }
        let is_complete = Container::from_zip(&zip)
            .is_ok_and(|container| container.content(Member::ReceivedProof).is_some());
        match report.claim {
            Some(claim) if claim.id == job.claim.claim => {
                Ok(Receipt { zip, manifest: claim.manifest, is_complete })
            }
            Some(claim) => Err(ClaimError::OtherClaim { found: claim.id }.into()),
            None => Err(ClaimError::NotVerified { finding: String::new() }.into()),
        }
    }

    /// One request, when there is room for it, and once.
    pub(super) async fn request(
        &self,
        ask: &Ask,
        media_type: &str,
        way: &Way,
    ) -> Result<Bytes, Halt> {
        // The semaphore is never closed.
        let _permit = way.permits.acquire().await.map_err(|_| Halt::Stopped)?;
        if way.stop.load(Ordering::Relaxed) {
            return Err(Halt::Stopped);
        }
        let nonce = RequestNonce::random(&mut system_rng());
        match self.exchange(ask, &nonce).await {
            Ok(Signed::Answer(answer))
                if answer.status == StatusCode::OK && answer.media_type() == media_type =>
            {
                Ok(answer.body)
            }
            Ok(Signed::Answer(answer)) => {
                let (status, defect) = (answer.status, content_of(&answer));
                Err(AskError::Unreadable { status, defect }.into())
            }
            Ok(Signed::Refused(refused)) => Err(AskError::Refused(refused).into()),
            Err(hindrance) => Err(Halt::Hindered(hindrance)),
        }
    }
}

impl Job {
    /// The claim as it is there, where only its receipt could have come to show more, and does not.
    fn nothing_new(&self, receipt: &Receipt) -> Option<&TakenClaim> {
        match &self.what {
            What::Missing { kept, files, receipt: Found::Same } if files.is_empty() => {
                (!receipt.is_complete).then_some(&**kept)
            }
            _ => None,
        }
    }
}

/// What will lie there, and which of its files are fetched.
fn described(
    job: &Job,
    receipt: &Receipt,
    layout: Layout,
) -> Result<(TakenClaim, Vec<usize>), TakeError> {
    let (receipt_sha256, receipt_complete) = (Digest::of(&receipt.zip), receipt.is_complete);
    if let What::Missing { kept, files, receipt: found } = &job.what {
        let mut claim = (**kept).clone();
        if *found != Found::Other {
            (claim.receipt_sha256, claim.receipt_complete) = (receipt_sha256, receipt_complete);
        }
        return Ok((claim, files.clone()));
    }
    let files = &receipt.manifest.files;
    let mut taken = Vec::new();
    for (entry, path) in files.entries().iter().zip(layout.paths(&job.place, files)) {
        let (name, size, sha256) = (entry.name().clone(), entry.size(), entry.sha256());
        taken.push(TakenFile { name, path: self::name(&path)?, size, sha256 });
    }
    let claim = TakenClaim {
        claim: job.claim.claim,
        counts: job.counts,
        sids: receipt.manifest.sids.clone(),
        by: job.claim.by.clone(),
        lodged_at: job.claim.lodged_at,
        late_ms: job.claim.late_ms,
        penalty: job.claim.penalty,
        place: name(&job.place)?,
        receipt: name(&layout.receipt(&job.place))?,
        receipt_sha256,
        receipt_complete,
        files: taken,
    };
    let numbers = (0..claim.files.len()).collect();
    Ok((claim, numbers))
}

impl From<claim_core::claim::FileNameError> for ClaimError {
    fn from(error: claim_core::claim::FileNameError) -> Self {
        Self::Take(error.into())
    }
}
