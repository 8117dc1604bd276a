//! Courses, as people on Blackboard's machine set them up and look at them.

use std::path::Path;

use claim_core::{AssignmentRef, CourseId, PersonId, Sid, Timestamp};
use claim_course::api::{HandIn, WaitingClaims};
use claim_course::{AssignmentPlan, Change, Course, Extension, Member, StaffMember};
use claim_store::Faults;
use claim_store::blackboard::{
    AllowedOutage, BlackboardStore, Changed, Changer, ClaimOutline, NewCourse, OutageRow,
};

use super::{AdminError, open};
use crate::courses::hand_in;

/// Blackboard's courses; it may be serving at the same time.
pub struct Courses {
    store: BlackboardStore,
}

/// One of the claims for an assignment.
#[derive(Clone, Debug)]
pub struct LodgedClaim {
    /// A claim.
    pub claim: ClaimOutline,
    /// Whether it is the one that counts for its holder.
    pub counts: bool,
}

/// Opens the records of the Blackboard in this folder.
///
/// # Errors
/// [`AdminError`].
pub async fn courses(dir: &Path, database: Option<&str>) -> Result<Courses, AdminError> {
    courses_with(dir, database, Faults::none()).await
}

/// The same, with what a test makes go wrong at the points of the records.
///
/// # Errors
/// [`AdminError`].
pub async fn courses_with(
    dir: &Path,
    database: Option<&str>,
    faults: Faults,
) -> Result<Courses, AdminError> {
    Ok(Courses { store: open(dir, database, faults).await? })
}

impl Courses {
    /// Adds a course, with its first owner; returns whether there was none of that name.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn add(
        &self,
        course: &NewCourse,
        owner: Option<&PersonId>,
        at: Timestamp,
    ) -> Result<bool, AdminError> {
        Ok(self.store.add_course(course, owner, at).await?)
    }

    /// Makes changes of a course, all of them or none; from this revision, where somebody has looked at one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn change(
        &self,
        course: &CourseId,
        revision: Option<u64>,
        changes: &[Change],
        at: Timestamp,
    ) -> Result<Changed, AdminError> {
        let operator = claim_audit::operator();
        let by = Changer::Administrator(&operator);
        Ok(self.store.change_course(course, revision, changes, None, by, at).await?)
    }

    /// All courses, by short name.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn all(&self) -> Result<Vec<Course>, AdminError> {
        Ok(self.store.courses().await?)
    }

    /// One course.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn one(&self, course: &CourseId) -> Result<Option<Course>, AdminError> {
        Ok(self.store.course(course).await?)
    }

    /// The assignments of one course.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn plans(&self, course: &CourseId) -> Result<Vec<AssignmentPlan>, AdminError> {
        Ok(self.store.plans(course).await?)
    }

    /// Its extensions, also those that were taken back.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn extensions(&self, course: &CourseId) -> Result<Vec<Extension>, AdminError> {
        Ok(self.store.extensions(course).await?)
    }

    /// Its claims that wait for files at this moment, by assignment.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn waiting(
        &self,
        course: &CourseId,
        now: Timestamp,
    ) -> Result<Vec<WaitingClaims>, AdminError> {
        Ok(self.store.waiting(course, now).await?)
    }

    /// Its staff.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn staff(&self, course: &CourseId) -> Result<Vec<StaffMember>, AdminError> {
        Ok(self.store.staff(course).await?)
    }

    /// Its students, also those who left, by SID, after this one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn members(
        &self,
        course: &CourseId,
        after: Option<&Sid>,
        limit: u32,
    ) -> Result<Vec<Member>, AdminError> {
        Ok(self.store.members(course, after, limit).await?)
    }

    /// All claims for an assignment, by holder and in the order in which they were lodged.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn claims(&self, assignment: &AssignmentRef) -> Result<Vec<LodgedClaim>, AdminError> {
        let mut claims = Vec::new();
        for claim in self.store.claims_for(assignment).await? {
            let counting = self.store.counting(assignment, &claim.holder).await?;
            let counts = counting.is_some_and(|counting| counting.claim == claim.id);
            claims.push(LodgedClaim { counts, claim });
        }
        Ok(claims)
    }

    /// Everybody who should hand in for an assignment, or has, by SID, after this one; `None` where there is no such
    /// assignment.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn hand_ins(
        &self,
        assignment: &AssignmentRef,
        after: Option<&Sid>,
        limit: u32,
    ) -> Result<Option<Vec<HandIn>>, AdminError> {
        let found = self.store.hand_ins(assignment, after, limit).await?;
        let Some((plan, rows)) = found else { return Ok(None) };
        let claims: Vec<_> = rows.iter().flat_map(|row| &row.claims).collect();
        let signers = self.store.signers(&claims).await?;
        Ok(Some(rows.into_iter().map(|row| hand_in(&plan, row, &signers)).collect()))
    }

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

impl std::fmt::Debug for Courses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courses").finish_non_exhaustive()
    }
}
