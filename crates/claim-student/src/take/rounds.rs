//! All claims, several at once, until everything is there or cannot be had.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use claim_core::claim::ClaimId;
use claim_course::taking::Failed;
use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::error::ClaimError;
use super::folder::Folder;
use super::plan::{Job, What};
use super::stage::{Halt, Staged, Way};
use super::{Take, TakeError, TakeOutcome, failed};
use crate::event::Event;
use crate::exchange::Hindrance;
use crate::hand_in::{AT_ONCE, narrowed};
use crate::retry::Patience;
use crate::session::OpenSession;

/// What came of going through the claims once.
#[derive(Default)]
struct Round {
    /// What is settled, for better or worse.
    settled: HashSet<ClaimId>,
    /// What was kept from it.
    held: HashSet<ClaimId>,
    /// By what.
    hindered: Option<Hindrance>,
    /// What would keep every claim from it.
    fatal: Option<TakeError>,
}

impl OpenSession {
    /// Fetches everything; what cannot be had is in the answer. Why it stopped before that is told in the outcome.
    pub(super) async fn fetch_all(
        &mut self,
        mut jobs: Vec<Job>,
        take: &Take,
        folder: &mut Folder,
        outcome: &mut TakeOutcome,
    ) -> Vec<Failed> {
        let mut lost = Vec::new();
        let timeouts = self.party.student.config.timeouts;
        let (mut patience, mut width) = (Patience::new(&timeouts), AT_ONCE);
        while !jobs.is_empty() {
            if let Err(error) = self.reopen_if_over().await {
                outcome.stopped = Some(error.into());
                break;
            }
            let way = Way {
                stop: AtomicBool::new(false),
                permits: Semaphore::new(width),
                pieces: AtomicUsize::new(0),
                late_proofs: AtomicBool::new(false),
            };
            let round = self.round_of(&jobs, take, folder, &way, (outcome, &mut lost)).await;
            let progress = way.pieces.into_inner() + round.settled.len();
            jobs.retain(|job| !round.settled.contains(&job.claim.claim));
            // What cannot be had keeps nothing else waiting.
            jobs.sort_by_key(|job| round.held.contains(&job.claim.claim));
            // Patience is for standing still.
            if progress > 0 {
                patience = Patience::new(&timeouts);
            }
            if let Some(error) = round.fatal {
                outcome.stopped = Some(error);
                break;
            }
            let Some(hindrance) = round.hindered.filter(|_| !jobs.is_empty()) else { continue };
            width = narrowed(width, progress);
            let Some(after) = patience.pause_after(&hindrance) else {
                outcome.stopped = Some(TakeError::NoAnswer { last: Box::new(hindrance) });
                break;
            };
            if let Err(error) = self.overcome(&hindrance, after).await {
                outcome.stopped = Some(error.into());
                break;
            }
        }
        let why = outcome.stopped.as_ref().map(ToString::to_string).unwrap_or_default();
        let why = format!("not taken yet: {why}");
        lost.extend(jobs.iter().map(|job| failed(job.claim.claim, &job.claim.sids, &why)));
        lost
    }

    /// Goes through the claims; begins no more of them once something hinders.
    async fn round_of(
        &self,
        jobs: &[Job],
        take: &Take,
        folder: &mut Folder,
        way: &Way,
        (outcome, lost): (&mut TakeOutcome, &mut Vec<Failed>),
    ) -> Round {
        let mut round = Round::default();
        let root = folder.root.clone();
        let stage = |job| {
            let root = &root;
            async move {
                let staged = match way.stop.load(Ordering::Relaxed) {
                    true => Err(Halt::Stopped),
                    false => self.stage(job, root, take.layout, way).await,
                };
                (job, staged)
            }
        };
        let mut staged = stream::iter(jobs).map(stage).buffer_unordered(AT_ONCE);
        while let Some((job, result)) = staged.next().await {
            let result = match result {
                Ok(staged) => self.place(job, staged, take, folder, outcome).map_err(Halt::from),
                Err(halt) => Err(halt),
            };
            match result {
                Ok(()) => {}
                Err(Halt::Stopped) => continue,
                Err(Halt::Hindered(hindrance)) => {
                    way.stop.store(true, Ordering::Relaxed);
                    round.held.insert(job.claim.claim);
                    round.hindered = Some(hindrance);
                    continue;
                }
                Err(Halt::Failed(ClaimError::Take(error))) if error.is_of_all() => {
                    way.stop.store(true, Ordering::Relaxed);
                    round.fatal = Some(error);
                    continue;
                }
                Err(Halt::Failed(error)) => self.give_up(job, &error, lost),
            }
            round.settled.insert(job.claim.claim);
        }
        round
    }

    /// It cannot be had, which is told at once and in the list.
    fn give_up(&self, job: &Job, why: &impl Display, lost: &mut Vec<Failed>) {
        let failed = failed(job.claim.claim, &job.claim.sids, why);
        let (claim, place, why) = (failed.claim, job.place.clone(), failed.why.clone());
        self.party.student.tell(Event::NotTaken { claim, place, why });
        lost.push(failed);
    }

    /// The claim is whole: what makes room for it goes, and it comes to its place.
    fn place(
        &self,
        job: &Job,
        staged: Staged,
        take: &Take,
        folder: &mut Folder,
        outcome: &mut TakeOutcome,
    ) -> Result<(), TakeError> {
        if let Some(aside) = job.aside {
            outcome.moved.extend(folder.move_aside(aside, take.layout)?);
        }
        let Staged { step, mislisted, bytes } = staged;
        let files = step.claim.files.len();
        folder.commit(step)?;
        // What is left over of putting it together; where it stays it does no harm.
        let _ = std::fs::remove_dir_all(folder.parts_of(job.claim.claim));
        outcome.mislisted.extend(mislisted);
        match job.what {
            What::Everything => outcome.new += 1,
            What::Missing { .. } => outcome.mended += 1,
        }
        self.party.student.tell(Event::ClaimTaken {
            claim: job.claim.claim,
            place: job.place.clone(),
            files,
            bytes,
        });
        Ok(())
    }
}
