//! Which claim counts where staff chose it.

use claim_core::claim::{ClaimId, Holder};
use claim_core::{AssignmentRef, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::change::Refused;
use crate::StoreError;
use crate::blackboard::assignments::{holder_key, read_holder_key};
use crate::database::Database;
use crate::readers::Read;
use crate::row::Columns;

/// A choice on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoiceRow {
    /// For which assignment.
    pub reference: AssignmentRef,
    /// Whose claim.
    pub holder: Holder,
    /// The claim that counts.
    pub claim: ClaimId,
    /// Why.
    pub reason: String,
    /// Who chose it.
    pub chosen_by: String,
    /// When.
    pub chosen_at: Timestamp,
}

/// Why and by whom one is made.
pub(super) struct Reason<'a> {
    pub(super) reason: &'a str,
    pub(super) by: &'a str,
    pub(super) at: Timestamp,
}

pub(in crate::blackboard) async fn for_assignment(
    database: &Database,
    assignment: &AssignmentRef,
) -> Result<Vec<ChoiceRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT course, assignment, holder, claim, reason, chosen_by, chosen_at FROM choices \
         WHERE course = $1 AND assignment = $2 ORDER BY holder",
    )
    .bind(assignment.course.as_str())
    .bind(assignment.assignment.as_str())
    .read_all(database)
    .await?;
    rows.iter().map(read).collect()
}

/// The choice for one holder, if there is one.
pub(in crate::blackboard) async fn of_holder(
    database: &Database,
    assignment: &AssignmentRef,
    holder: &Holder,
) -> Result<Option<ChoiceRow>, StoreError> {
    let row = sqlx::query(
        "SELECT course, assignment, holder, claim, reason, chosen_by, chosen_at FROM choices \
         WHERE course = $1 AND assignment = $2 AND holder = $3",
    )
    .bind(assignment.course.as_str())
    .bind(assignment.assignment.as_str())
    .bind(holder_key(holder))
    .read_optional(database)
    .await?;
    row.as_ref().map(read).transpose()
}

/// The choices for all holders to which a student belonged.
pub(in crate::blackboard) async fn of_student(
    database: &Database,
    sid: &claim_core::Sid,
) -> Result<Vec<ChoiceRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT choices.course AS course, choices.assignment AS assignment, holder, choices.claim AS claim, \
         reason, chosen_by, chosen_at FROM claim_members JOIN choices \
         ON choices.course = claim_members.course AND choices.assignment = claim_members.assignment \
         AND choices.claim = claim_members.claim WHERE sid = $1",
    )
    .bind(sid.as_str())
    .read_all(database)
    .await?;
    rows.iter().map(read).collect()
}

/// Makes a claim count, whatever the rule says; `None`: the rule again. Returns what was chosen before.
pub(super) async fn put(
    connection: &mut AnyConnection,
    assignment: &AssignmentRef,
    holder: &Holder,
    claim: Option<ClaimId>,
    reason: Reason<'_>,
) -> Result<Result<Option<ClaimId>, Refused>, StoreError> {
    if let Some(claim) = claim
        && !can_be_chosen(connection, assignment, holder, claim).await?
    {
        return Ok(Err(Refused::NotChoosable { claim }));
    }
    let before = sqlx::query(
        "DELETE FROM choices WHERE course = $1 AND assignment = $2 AND holder = $3 RETURNING claim",
    )
    .bind(assignment.course.as_str())
    .bind(assignment.assignment.as_str())
    .bind(holder_key(holder))
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(claim) = claim {
        sqlx::query(
            "INSERT INTO choices (course, assignment, holder, claim, reason, chosen_by, chosen_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(assignment.course.as_str())
        .bind(assignment.assignment.as_str())
        .bind(holder_key(holder))
        .bind(claim.to_string())
        .bind(reason.reason)
        .bind(reason.by)
        .bind(reason.at.as_millis())
        .execute(connection)
        .await?;
    }
    Ok(Ok(before.map(|row| Columns::new("choices", &row).parsed("claim")).transpose()?))
}

/// It is this holder's, for this assignment, received in full and not withdrawn.
async fn can_be_chosen(
    connection: &mut AnyConnection,
    assignment: &AssignmentRef,
    holder: &Holder,
    claim: ClaimId,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT id FROM claims WHERE id = $1 AND course = $2 AND assignment = $3 AND holder = $4 \
         AND state = 'received'",
    )
    .bind(claim.to_string())
    .bind(assignment.course.as_str())
    .bind(assignment.assignment.as_str())
    .bind(holder_key(holder))
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

fn read(row: &AnyRow) -> Result<ChoiceRow, StoreError> {
    let columns = Columns::new("choices", row);
    Ok(ChoiceRow {
        reference: AssignmentRef {
            course: columns.parsed("course")?,
            assignment: columns.parsed("assignment")?,
        },
        holder: read_holder_key(&columns)?,
        claim: columns.parsed("claim")?,
        reason: columns.text("reason")?,
        chosen_by: columns.text("chosen_by")?,
        chosen_at: columns.time("chosen_at")?,
    })
}
