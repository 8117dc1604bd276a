//! What is to be done: what is moved, what is fetched, what is left alone.

use std::collections::{HashMap, HashSet};

use claim_core::claim::{ClaimId, FileName, FileNameError};
use claim_course::api::Lodged;
use claim_course::taking::{EARLIER, Layout, Stems, TakenClaim, Wanted};

use super::TakeError;
use super::commit::Step;
use super::folder::Folder;
use super::inspect::{Found, Inspected, inspect};

/// What is to be done, after what could be done at once.
pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    pub(super) altered: Vec<FileName>,
    pub(super) moved: Vec<(FileName, FileName)>,
}

/// A claim of which something is to be fetched.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) claim: Lodged,
    pub(super) counts: bool,
    /// Where it goes.
    pub(super) place: String,
    pub(super) what: What,
    /// What makes room for it.
    pub(super) aside: Option<ClaimId>,
}

/// What of a claim is fetched.
#[derive(Clone, Debug)]
pub(super) enum What {
    Everything,
    /// What is missing of one that is there: these files, and perhaps the receipt.
    Missing {
        kept: Box<TakenClaim>,
        files: Vec<usize>,
        receipt: Found,
    },
}

/// Plans, and moves what has to be moved for nothing that is fetched.
pub(super) async fn plan(
    folder: &mut Folder,
    wanted: Vec<Wanted>,
    layout: Layout,
) -> Result<Plan, TakeError> {
    let mut plan = Plan { jobs: Vec::new(), altered: Vec::new(), moved: Vec::new() };
    let counting: HashSet<ClaimId> =
        wanted.iter().filter(|one| one.counts).map(|one| one.claim.claim).collect();
    let mut stems = Stems::default();
    let (mut outdated, mut stay) = (HashMap::new(), HashSet::new());
    for claim in folder.claims() {
        match (is_aside(&claim.place), counting.contains(&claim.claim)) {
            (false, false) => {
                outdated.insert(claim.place.folded(), claim.claim);
            }
            (false, true) => {
                stems.reserve(claim.place.as_str());
                stay.insert(claim.claim);
            }
            _ => {}
        }
    }
    let mut back = Vec::new();
    for Wanted { claim, counts, whose } in wanted {
        let kept = folder.claims.get(&claim.claim);
        if kept.is_some_and(|kept| !counts || stay.contains(&kept.claim)) {
            stay.insert(claim.claim);
            continue;
        }
        let stem = layout.stem(&whose, claim.late_ms > 0);
        let place = match counts {
            true => stems.unique(&stem),
            false => aside_of(&stem, claim.claim),
        };
        let aside = outdated.remove(&name(&place)?.folded());
        if kept.is_some() {
            back.push((claim.claim, place, aside));
            stay.insert(claim.claim);
        } else {
            plan.jobs.push(Job { claim, counts, place, what: What::Everything, aside });
        }
    }
    for claim in outdated.into_values().chain(back.iter().filter_map(|(_, _, aside)| *aside)) {
        plan.moved.extend(folder.move_aside(claim, layout)?);
    }
    for (claim, place, _) in back {
        plan.moved.extend(folder.relocate(claim, &place, layout)?);
    }
    // What makes room for another is looked at where it is then.
    for job in &plan.jobs {
        stay.retain(|claim| job.aside != Some(*claim));
    }
    plan.look_at(folder, &stay, &counting)?;
    Ok(plan)
}

impl Plan {
    /// Looks at what stays: what is missing there is fetched, what was changed is told.
    fn look_at(
        &mut self,
        folder: &Folder,
        stay: &HashSet<ClaimId>,
        counting: &HashSet<ClaimId>,
    ) -> Result<(), TakeError> {
        for kept in folder.claims().filter(|kept| stay.contains(&kept.claim)) {
            let Inspected { missing, altered, receipt } = inspect(&folder.root, kept)?;
            let path = |number: &usize| kept.files.get(*number).map(|file| file.path.clone());
            self.altered.extend(altered.iter().filter_map(path));
            if receipt == Found::Other {
                self.altered.push(kept.receipt.clone());
            }
            let wants_receipt =
                receipt == Found::Nothing || receipt == Found::Same && !kept.receipt_complete;
            if missing.is_empty() && !wants_receipt {
                continue;
            }
            self.jobs.push(Job {
                claim: lodged(kept),
                counts: counting.contains(&kept.claim),
                place: kept.place.to_string(),
                what: What::Missing { kept: Box::new(kept.clone()), files: missing, receipt },
                aside: None,
            });
        }
        Ok(())
    }
}

impl Folder {
    /// Moves a claim that counts no more, with everything that lies in its folder, to where such claims are.
    pub(super) fn move_aside(
        &mut self,
        claim: ClaimId,
        layout: Layout,
    ) -> Result<Option<(FileName, FileName)>, TakeError> {
        let Some(place) = self.claims.get(&claim).map(|kept| kept.place.to_string()) else {
            return Ok(None);
        };
        self.relocate(claim, &aside_of(&place, claim), layout)
    }

    /// Moves a claim to another place.
    fn relocate(
        &mut self,
        claim: ClaimId,
        place: &str,
        layout: Layout,
    ) -> Result<Option<(FileName, FileName)>, TakeError> {
        let Some(old) = self.claims.get(&claim).cloned() else { return Ok(None) };
        let new = moved(&old, place, layout)?;
        let units = |claim: &TakenClaim| {
            let paths = claim.files.iter().map(|file| file.path.as_str());
            layout.units(claim.place.as_str(), paths)
        };
        let mut moves = Vec::new();
        for (from, to) in units(&old).iter().zip(units(&new)) {
            moves.push((name(from)?, name(&to)?));
        }
        moves.push((old.receipt.clone(), new.receipt.clone()));
        let told = (old.place.clone(), new.place.clone());
        self.commit(Step { moves, claim: new })?;
        Ok(Some(told))
    }
}

/// The same claim at another place.
fn moved(old: &TakenClaim, place: &str, layout: Layout) -> Result<TakenClaim, FileNameError> {
    let mut new = old.clone();
    new.place = name(place)?;
    new.receipt = name(&layout.receipt(place))?;
    for file in &mut new.files {
        let rest = file.path.as_str().strip_prefix(old.place.as_str()).unwrap_or_default();
        file.path = name(&format!("{place}{rest}"))?;
    }
    Ok(new)
}

/// What the list of hand-ins said of a claim that is there.
fn lodged(kept: &TakenClaim) -> Lodged {
    Lodged {
        claim: kept.claim,
        sids: kept.sids.clone(),
        by: kept.by.clone(),
        // Its receipt beside it tells who signed, and by which due time.
        signers: Vec::new(),
        lodged_at: kept.lodged_at,
        late_ms: kept.late_ms,
        due: None,
        signed_late_ms: None,
        penalty: kept.penalty,
        state: claim_core::hand_in::ClaimState::Received,
        received_at: None,
    }
}

fn is_aside(place: &FileName) -> bool {
    place.as_str().starts_with(&format!("{EARLIER}/"))
}

/// Where a claim goes that does not count.
fn aside_of(stem: &str, claim: ClaimId) -> String {
    format!("{EARLIER}/{stem} {:.12}", claim.to_string())
}

pub(super) fn name(text: &str) -> Result<FileName, FileNameError> {
    FileName::try_from(text.to_owned())
}
