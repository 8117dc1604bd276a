//! Staff takes what was handed in: every claim that counts, with its files and its receipt, into one folder.
//!
//! A file is at its place only when all of it is there, is what the claim lists, and is on disk. What was interrupted goes
//! on where it stopped; what is there already is not fetched again; what somebody has changed there is left as it is, and
//! told. A claim that counts no longer is moved aside with everything that lies in its folder, never mixed with the next.

mod commit;
mod error;
mod folder;
mod inspect;
mod part;
mod plan;
mod rounds;
mod stage;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use claim_core::claim::{ClaimId, FileName, Holder};
use claim_core::{AssignmentRef, Sid};
use claim_course::Member;
use claim_course::api::HandIn;
use claim_course::taking::{Failed, Layout, Student, Taken, Version, wanted};

pub use error::TakeError;

use crate::event::Event;
use crate::exchange::AskError;
use crate::session::OpenSession;
use folder::Folder;
use plan::Plan;

/// What is to be taken, and where it goes.
#[derive(Clone, Debug)]
pub struct Take {
    /// For which assignment.
    pub assignment: AssignmentRef,
    /// How the folder is laid out.
    pub layout: Layout,
    /// Every claim that was received, not only those that count.
    pub all: bool,
    /// The folder; it is made when it is missing.
    pub into: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub struct TakeOutcome {
    /// What lies in the folder, and what does not.
    pub manifest: Taken,
    /// How many claims are new there.
    pub new: usize,
    /// Of how many others something was missing there, and is back.
    pub mended: usize,
    /// Files there that are not what was handed in any more; they were left as they are.
    pub altered: Vec<FileName>,
    /// Claims that were moved because they count no more, or again: from where, to where.
    pub moved: Vec<(FileName, FileName)>,
    /// Files for which the claim lists another SHA-256 than they have, though every piece is the one that it lists.
    pub mislisted: Vec<FileName>,
    /// Why it ended before everything was there, where that is not about one claim.
    pub stopped: Option<TakeError>,
}

/// Everybody, with what was handed in.
struct List {
    rows: Vec<HandIn>,
    members: HashMap<Sid, Member>,
}

impl OpenSession {
    /// Takes what is missing in the folder.
    ///
    /// # Errors
    /// [`TakeError`] when nothing was changed in the folder; what keeps it from going on later is told in the outcome.
    pub async fn take(&mut self, take: &Take) -> Result<TakeOutcome, TakeError> {
        let list = self.list(&take.assignment).await?;
        let mut folder = Folder::open(&take.into, self.session.origin(), take)?;
        let wanted = wanted(&list.rows, &list.members, take.all);
        let Plan { jobs, altered, moved } = plan::plan(&mut folder, wanted, take.layout).await?;
        let expected = list.expected(take.all);
        self.party.student.tell(Event::Taking { claims: expected, missing: jobs.len() });
        let mut outcome = TakeOutcome {
            manifest: self.manifest(take, &folder, &list, expected, Vec::new()),
            new: 0,
            mended: 0,
            altered,
            moved,
            mislisted: Vec::new(),
            stopped: None,
        };
        // Whoever looks before it is done is not to be told of the time before as if it were the present.
        outcome.manifest.complete = jobs.is_empty();
        folder.write(&outcome.manifest)?;
        let failed = self.fetch_all(jobs, take, &mut folder, &mut outcome).await;
        outcome.manifest = self.manifest(take, &folder, &list, expected, failed);
        let written =
            folder.write(&outcome.manifest).and_then(|()| match outcome.manifest.complete {
                true => folder.tidy(),
                false => Ok(()),
            });
        if let Err(error) = written {
            outcome.manifest.complete = false;
            outcome.stopped.get_or_insert(error);
        }
        Ok(outcome)
    }

    /// All rows of the assignment, and what the roster says of the students.
    async fn list(&mut self, assignment: &AssignmentRef) -> Result<List, AskError> {
        let mut list = List { rows: Vec::new(), members: HashMap::new() };
        let mut after: Option<Sid> = None;
        loop {
            let page = self.hand_ins(assignment, after.as_ref()).await?.hand_ins;
            let Some(last) = page.last() else { break };
            after = Some(last.sid.clone());
            list.rows.extend(page);
        }
        after = None;
        loop {
            let page = self.members(&assignment.course, after.as_ref()).await?.members;
            let Some(last) = page.last() else { return Ok(list) };
            after = Some(last.sid.clone());
            list.members.extend(page.into_iter().map(|member| (member.sid.clone(), member)));
        }
    }

    fn manifest(
        &self,
        take: &Take,
        folder: &Folder,
        list: &List,
        expected: usize,
        failed: Vec<Failed>,
    ) -> Taken {
        let wanted: HashMap<ClaimId, _> = list.claims(take.all).collect();
        let mut claims: Vec<_> = folder.claims().cloned().collect();
        for claim in &mut claims {
            // By what is said of it now; what is in no list any more keeps what was said of it last.
            claim.counts = wanted.get(&claim.claim).is_some_and(|(_, counts)| *counts);
            if let Some((lodged, _)) = wanted.get(&claim.claim) {
                (claim.late_ms, claim.penalty) = (lodged.late_ms, lodged.penalty);
            }
        }
        claims.sort_by(|a, b| (a.place.as_str(), a.claim).cmp(&(b.place.as_str(), b.claim)));
        let there = claims.iter().filter(|claim| wanted.contains_key(&claim.claim)).count();
        Taken {
            taken: Version::V1,
            blackboard: self.session.origin().clone(),
            assignment: take.assignment.clone(),
            layout: take.layout,
            all: take.all,
            taken_at: self.server_now(),
            taken_by: self.id().to_string(),
            complete: failed.is_empty() && there == expected,
            expected,
            claims,
            students: list.rows.iter().map(Student::from).collect(),
            failed,
        }
    }
}

impl List {
    /// The claims that are to be there, and whether they count.
    fn claims(
        &self,
        all: bool,
    ) -> impl Iterator<Item = (ClaimId, (&claim_course::api::Lodged, bool))> {
        let counting = |row: &HandIn| row.told().map(|claim| claim.claim);
        let counts: std::collections::HashSet<ClaimId> =
            self.rows.iter().filter_map(counting).collect();
        let received = claim_core::hand_in::ClaimState::Received;
        let every = self.rows.iter().flat_map(|row| &row.claims);
        every.filter_map(move |claim| {
            let counts = counts.contains(&claim.claim);
            let is_wanted = counts || all && claim.state == received;
            is_wanted.then_some((claim.claim, (claim, counts)))
        })
    }

    fn expected(&self, all: bool) -> usize {
        self.claims(all).map(|(claim, _)| claim).collect::<std::collections::HashSet<_>>().len()
    }
}

/// A claim that was not taken.
fn failed(claim: ClaimId, sids: &Holder, why: &impl std::fmt::Display) -> Failed {
    Failed { claim, sids: sids.clone(), why: crate::error::tamed(why) }
}

/// A path in the folder.
fn at(root: &Path, name: &FileName) -> PathBuf {
    root.join(name.as_str())
}
