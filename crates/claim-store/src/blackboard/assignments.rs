//! Assignments, and the last claim of each holder.

use claim_core::claim::{ClaimId, Holder};
use claim_core::hand_in::Limits;
use claim_core::{AssignmentRef, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::BlackboardStore;
use super::audit::assignment_recorded;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// An assignment on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentRow {
    /// Course and assignment.
    pub reference: AssignmentRef,
    /// What people call it.
    pub title: String,
    /// The IANA name of the zone in which its times are shown.
    pub zone: String,
    /// The last moment that is in time.
    pub due: Option<Timestamp>,
    /// The last moment at which a claim is taken at all.
    pub until: Option<Timestamp>,
    /// How long files may follow after lodging, in seconds.
    pub upload_seconds: i64,
    /// What a claim may be at most.
    pub limits: Limits,
}

/// What a holder has lodged for one assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HolderRow {
    /// The last claim lodged, whatever became of it.
    pub last_claim: Option<ClaimId>,
    /// How many were lodged.
    pub attempts: u64,
}

impl BlackboardStore {
    /// Adds an assignment, or replaces what is on record of it.
    ///
    /// # Errors
    /// [`StoreError::NulCharacter`], or whatever befalls the database.
    pub async fn put_assignment(&self, assignment: &AssignmentRow) -> Result<(), StoreError> {
        if assignment.title.contains('\0') {
            return Err(StoreError::NulCharacter { column: "title" });
        }
        retry!(async {
            let mut write = self.database.begin(Point::Assignment).await?;
            let was = held(write.connection(), &assignment.reference).await?;
            insert(write.connection(), assignment, ON_CONFLICT_REPLACE).await?;
            let entry = assignment_recorded(was.as_ref(), assignment);
            self.recorder.record(&mut write, entry.as_slice()).await?;
            write.commit().await
        })
    }

    /// Adds an assignment unless there is any; returns whether it was added.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn put_first_assignment(
        &self,
        assignment: &AssignmentRow,
    ) -> Result<bool, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Assignment).await?;
            let row = sqlx::query("SELECT COUNT(*) AS count FROM assignments")
                .fetch_one(write.connection())
                .await?;
            let first = Columns::new("assignments", &row).int("count")? == 0;
            if first {
                insert(write.connection(), assignment, ON_CONFLICT_KEEP).await?;
                let entry = assignment_recorded(None, assignment);
                self.recorder.record(&mut write, entry.as_slice()).await?;
            }
            write.commit().await?;
            Ok(first)
        })
    }

    /// All assignments, by course and name.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn assignments(&self) -> Result<Vec<AssignmentRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT course, assignment, title, zone, due, until, upload_seconds, max_files, \
             max_bytes, max_attempts FROM assignments ORDER BY course, assignment",
        )
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }

    /// All assignments, by course and name, each with what this holder has lodged for it.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn assignments_of(
        &self,
        holder: &Holder,
    ) -> Result<Vec<(AssignmentRow, HolderRow)>, StoreError> {
        let rows = sqlx::query(
            "SELECT assignments.course, assignments.assignment, title, zone, due, until, upload_seconds, \
             max_files, max_bytes, max_attempts, last_claim, COALESCE(attempts, 0) AS attempts \
             FROM assignments LEFT JOIN holders ON holders.course = assignments.course \
             AND holders.assignment = assignments.assignment AND holders.holder = $1 \
             ORDER BY assignments.course, assignments.assignment",
        )
        .bind(holder_key(holder))
        .read_all(&self.database)
        .await?;
        rows.iter().map(|row| Ok((read(row)?, read_holder(row)?))).collect()
    }
}

const ON_CONFLICT_REPLACE: &str = "INSERT INTO assignments (course, assignment, title, zone, due, until, \
     upload_seconds, max_files, max_bytes, max_attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     ON CONFLICT (course, assignment) DO UPDATE SET title = excluded.title, zone = excluded.zone, \
     due = excluded.due, until = excluded.until, upload_seconds = excluded.upload_seconds, \
     max_files = excluded.max_files, max_bytes = excluded.max_bytes, max_attempts = excluded.max_attempts";

const ON_CONFLICT_KEEP: &str = "INSERT INTO assignments (course, assignment, title, zone, due, until, \
     upload_seconds, max_files, max_bytes, max_attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     ON CONFLICT (course, assignment) DO NOTHING";

async fn insert(
    connection: &mut AnyConnection,
    assignment: &AssignmentRow,
    sql: &'static str,
) -> Result<(), StoreError> {
    let AssignmentRow { reference, title, zone, due, until, upload_seconds, limits } = assignment;
    sqlx::query(sql)
        .bind(reference.course.as_str())
        .bind(reference.assignment.as_str())
        .bind(title.as_str())
        .bind(zone.as_str())
        .bind(due.map(Timestamp::as_millis))
        .bind(until.map(Timestamp::as_millis))
        .bind(*upload_seconds)
        .bind(stored(limits.files))
        .bind(stored(limits.bytes))
        .bind(stored(limits.attempts))
        .execute(connection)
        .await?;
    Ok(())
}

/// One assignment, as the transaction sees it.
pub(super) async fn find(
    connection: &mut AnyConnection,
    reference: &AssignmentRef,
) -> Result<Option<AssignmentRow>, StoreError> {
    let row = sqlx::query(
        "SELECT course, assignment, title, zone, due, until, upload_seconds, max_files, max_bytes, \
         max_attempts FROM assignments WHERE course = $1 AND assignment = $2",
    )
    .bind(reference.course.as_str())
    .bind(reference.assignment.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read).transpose()
}

/// The same, and nobody else changes it until the end of the transaction.
async fn held(
    connection: &mut AnyConnection,
    reference: &AssignmentRef,
) -> Result<Option<AssignmentRow>, StoreError> {
    let row = sqlx::query(
        "UPDATE assignments SET title = title WHERE course = $1 AND assignment = $2 RETURNING course, assignment, \
         title, zone, due, until, upload_seconds, max_files, max_bytes, max_attempts",
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

fn read(row: &AnyRow) -> Result<AssignmentRow, StoreError> {
    let columns = Columns::new("assignments", row);
    Ok(AssignmentRow {
        reference: AssignmentRef {
            course: columns.parsed("course")?,
            assignment: columns.parsed("assignment")?,
        },
        title: columns.text("title")?,
        zone: columns.text("zone")?,
        due: columns.optional_time("due")?,
        until: columns.optional_time("until")?,
        upload_seconds: columns.int("upload_seconds")?,
        limits: Limits {
            files: columns.count("max_files")?,
            bytes: columns.count("max_bytes")?,
            attempts: columns.count("max_attempts")?,
        },
    })
}
