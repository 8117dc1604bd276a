//! Claims that wait for files, and what becomes of them when the upload window of their assignment changes.

use claim_core::{CourseId, Timestamp};
use claim_course::AssignmentPlan;
use claim_course::api::WaitingClaims;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::StoreError;
use crate::blackboard::BlackboardStore;
use crate::readers::Read;
use crate::row::Columns;

impl BlackboardStore {
    /// How many claims of a course wait for files at this moment, by assignment, and until when.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn waiting(
        &self,
        course: &CourseId,
        now: Timestamp,
    ) -> Result<Vec<WaitingClaims>, StoreError> {
        let rows = sqlx::query(
            "SELECT assignment, COUNT(*) AS claims, MIN(upload_until) AS earliest, MAX(upload_until) AS latest \
             FROM claims WHERE state = 'waiting' AND upload_until >= $2 AND course = $1 \
             GROUP BY assignment ORDER BY assignment",
        )
        .bind(course.as_str())
        .bind(now.as_millis())
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }
}

/// Gives those claims more time that were lodged before the window became longer; what each was promised when it was lodged
/// is never shortened. Returns those that wait, where the window is another and there are any.
pub(super) async fn window_changed(
    connection: &mut AnyConnection,
    was: Option<&AssignmentPlan>,
    is: &AssignmentPlan,
    now: Timestamp,
) -> Result<Option<WaitingClaims>, StoreError> {
    if was.is_none_or(|was| was.upload_seconds == is.upload_seconds) {
        return Ok(None);
    }
    // The gaps in which Blackboard was away are in what was promised; a longer window counts from lodging on. What has
    // lapsed stays so, whether the next minute mark has said it yet or not.
    sqlx::query(
        "UPDATE claims SET upload_until = lodged_at + $3 WHERE course = $1 AND assignment = $2 \
         AND state = 'waiting' AND upload_until >= $4 AND upload_until < lodged_at + $3",
    )
    .bind(is.course.as_str())
    .bind(is.assignment.as_str())
    .bind(is.upload_seconds.saturating_mul(1000))
    .bind(now.as_millis())
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query(
        "SELECT assignment, COUNT(*) AS claims, MIN(upload_until) AS earliest, MAX(upload_until) AS latest \
         FROM claims WHERE state = 'waiting' AND upload_until >= $3 AND course = $1 AND assignment = $2 \
         GROUP BY assignment",
    )
    .bind(is.course.as_str())
    .bind(is.assignment.as_str())
    .bind(now.as_millis())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<WaitingClaims, StoreError> {
    let columns = Columns::new("claims", row);
    Ok(WaitingClaims {
        assignment: columns.parsed("assignment")?,
        claims: columns.count("claims")?,
        earliest: columns.time("earliest")?,
        latest: columns.time("latest")?,
    })
}
