//! Assignments, and the last claim of each holder.

use claim_core::claim::{ClaimId, Holder};
use claim_core::hand_in::Limits;
use claim_core::{AssignmentRef, CourseId, Timestamp};
use claim_course::AssignmentPlan;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::BlackboardStore;
use super::audit::{assignment_recorded, course_recorded};
use super::courses::{self, NewCourse, insert_course};
use crate::database::Database;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// What a holder has lodged for one assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HolderRow {
    /// The last claim lodged, whatever became of it.
    pub last_claim: Option<ClaimId>,
    /// How many were lodged.
    pub attempts: u64,
}

impl BlackboardStore {
    /// Adds a course that is open to everybody, with one assignment, unless there is any course; returns whether it was added.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn put_first_assignment(
        &self,
        course: &NewCourse,
        plan: &AssignmentPlan,
    ) -> Result<bool, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Course).await?;
            let row = sqlx::query("SELECT COUNT(*) AS count FROM courses")
                .fetch_one(write.connection())
                .await?;
            let first = Columns::new("courses", &row).int("count")? == 0;
            if first && insert_course(write.connection(), course).await? {
                put(write.connection(), plan).await?;
                let course = courses::find(write.connection(), &plan.course).await?;
                let made = course.and_then(|course| course_recorded(None, &course));
                let entries: Vec<_> =
                    made.into_iter().chain(assignment_recorded(None, plan, None)).collect();
                self.recorder.record(&mut write, &entries).await?;
            }
            write.commit().await?;
            Ok(first)
        })
    }
}

/// The assignments of one course, by name.
pub(super) async fn of_course(
    database: &Database,
    course: &CourseId,
) -> Result<Vec<AssignmentPlan>, StoreError> {
    let rows = sqlx::query(
        "SELECT course, assignment, title, visible_from, due, until, late, upload_seconds, max_files, \
         max_bytes, max_attempts, group_set FROM assignments WHERE course = $1 ORDER BY assignment",
    )
    .bind(course.as_str())
    .read_all(database)
    .await?;
    rows.iter().map(read).collect()
}

/// Adds an assignment, or replaces what is on record of it.
pub(super) async fn put(
    connection: &mut AnyConnection,
    plan: &AssignmentPlan,
) -> Result<(), StoreError> {
    let limits = &plan.limits;
    // A policy always serialises.
    let late = serde_json::to_string(&plan.late).unwrap_or_default();
    sqlx::query(
        "INSERT INTO assignments (course, assignment, title, visible_from, due, until, late, upload_seconds, \
         max_files, max_bytes, max_attempts, group_set) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (course, assignment) DO UPDATE SET title = excluded.title, \
         visible_from = excluded.visible_from, due = excluded.due, until = excluded.until, late = excluded.late, \
         upload_seconds = excluded.upload_seconds, max_files = excluded.max_files, \
         max_bytes = excluded.max_bytes, max_attempts = excluded.max_attempts, group_set = excluded.group_set",
    )
    .bind(plan.course.as_str())
    .bind(plan.assignment.as_str())
    .bind(plan.title.as_str())
    .bind(plan.visible_from.map(Timestamp::as_millis))
    .bind(plan.due.map(Timestamp::as_millis))
    .bind(plan.until.map(Timestamp::as_millis))
    .bind(late)
    .bind(plan.upload_seconds)
    .bind(stored(limits.files))
    .bind(stored(limits.bytes))
    .bind(stored(limits.attempts))
    .bind(plan.groups.as_ref().map(|set| set.as_str().to_owned()))
    .execute(connection)
    .await?;
    Ok(())
}

/// One assignment, as the transaction sees it.
pub(super) async fn find(
    connection: &mut AnyConnection,
    reference: &AssignmentRef,
) -> Result<Option<AssignmentPlan>, StoreError> {
    let row = sqlx::query(
        "SELECT course, assignment, title, visible_from, due, until, late, upload_seconds, max_files, \
         max_bytes, max_attempts, group_set FROM assignments WHERE course = $1 AND assignment = $2",
    )
    .bind(reference.course.as_str())
    .bind(reference.assignment.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read).transpose()
}

/// A holder as the tables name it.
pub(super) fn holder_key(holder: &Holder) -> String {
    let sids: Vec<_> = holder.sids().iter().map(claim_core::Sid::as_str).collect();
    sids.join(",")
}

/// The holder in the column of that name.
pub(super) fn read_holder_key(columns: &Columns<'_>) -> Result<Holder, StoreError> {
    let sids = columns.text("holder")?;
    let sids: Result<Vec<_>, _> = sids.split(',').map(str::parse).collect();
    let holder = sids.ok().and_then(|sids| Holder::new(sids).ok());
    holder.ok_or_else(|| columns.foreign("holder"))
}

/// Limits beyond what a column holds are no limits.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn read_holder(row: &AnyRow) -> Result<HolderRow, StoreError> {
    let columns = Columns::new("holders", row);
    Ok(HolderRow {
        last_claim: columns.optional_parsed("last_claim")?,
        attempts: columns.count("attempts")?,
    })
}

pub(super) fn read(row: &AnyRow) -> Result<AssignmentPlan, StoreError> {
    let columns = Columns::new("assignments", row);
    Ok(AssignmentPlan {
        course: columns.parsed("course")?,
        assignment: columns.parsed("assignment")?,
        title: columns.text("title")?,
        visible_from: columns.optional_time("visible_from")?,
        due: columns.optional_time("due")?,
        until: columns.optional_time("until")?,
        late: serde_json::from_str(&columns.text("late")?).map_err(|_| columns.foreign("late"))?,
        upload_seconds: columns.int("upload_seconds")?,
        limits: Limits {
            files: columns.count("max_files")?,
            bytes: columns.count("max_bytes")?,
            attempts: columns.count("max_attempts")?,
        },
        groups: columns.optional_parsed("group_set")?,
    })
}
