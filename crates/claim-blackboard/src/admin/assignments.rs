//! Assignments, as people who run Blackboard set them up and look at them.

use std::path::Path;

use claim_core::claim::ClaimId;
use claim_core::{AssignmentRef, Timestamp};
use claim_store::Faults;
use claim_store::blackboard::{
    AllowedOutage, AssignmentRow, BlackboardStore, ClaimOutline, OutageRow,
};

use super::{AdminError, open};

/// Blackboard's assignments; it may be serving at the same time.
pub struct Assignments {
    store: BlackboardStore,
}

/// One holder's claims for an assignment.
#[derive(Clone, Debug)]
pub struct HandIn {
    /// A claim.
    pub claim: ClaimOutline,
    /// Whether it is the one that counts for its holder.
    pub counts: bool,
}

/// Opens the records of the Blackboard in this folder.
///
/// # Errors
/// [`AdminError`].
pub async fn assignments(dir: &Path, database: Option<&str>) -> Result<Assignments, AdminError> {
    assignments_with(dir, database, Faults::none()).await
}

/// The same, with what a test makes go wrong at the points of the records.
///
/// # Errors
/// [`AdminError`].
pub async fn assignments_with(
    dir: &Path,
    database: Option<&str>,
    faults: Faults,
) -> Result<Assignments, AdminError> {
    Ok(Assignments { store: open(dir, database, faults).await? })
}

impl Assignments {
    /// Adds an assignment, or replaces what is on record of it.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn put(&self, assignment: &AssignmentRow) -> Result<(), AdminError> {
        Ok(self.store.put_assignment(assignment).await?)
    }

    /// All of them, by course and name.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn all(&self) -> Result<Vec<AssignmentRow>, AdminError> {
        Ok(self.store.assignments().await?)
    }

    /// All claims for one of them, by holder and in the order in which they were lodged.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn hand_ins(&self, assignment: &AssignmentRef) -> Result<Vec<HandIn>, AdminError> {
        let mut hand_ins = Vec::new();
        for claim in self.store.claims_for(assignment).await? {
            let counting: Option<ClaimId> = self.store.counting(assignment, &claim.holder).await?;
            hand_ins.push(HandIn { counts: counting == Some(claim.id), claim });
        }
        Ok(hand_ins)
    }
}

impl Assignments {
    /// Says that Blackboard could not be reached from then until then: what CUHK stamped meanwhile is judged by its time.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn allow_outage(
        &self,
        since: Timestamp,
        until: Timestamp,
        allowed: &AllowedOutage,
    ) -> Result<(), AdminError> {
        Ok(self.store.allow_outage(since, until, allowed).await?)
    }

    /// When Blackboard could not be reached, the earliest first.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn outages(&self) -> Result<Vec<OutageRow>, AdminError> {
        Ok(self.store.outages().await?)
    }
}

impl std::fmt::Debug for Assignments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assignments").finish_non_exhaustive()
    }
}
