//! More time: granted, looked up, taken back.

use claim_core::{AssignmentRef, CourseId, Timestamp};
use claim_course::{Extension, ExtensionScope};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::StoreError;
use crate::blackboard::assignments::stored;
use crate::database::Database;
use crate::readers::Read;
use crate::row::Columns;

pub(super) async fn of_course(
    database: &Database,
    course: &CourseId,
) -> Result<Vec<Extension>, StoreError> {
    let rows = sqlx::query(
        "SELECT number, assignment, scope, who, due, until, reason, granted_by, granted_at, revoked_at \
         FROM extensions WHERE course = $1 ORDER BY number",
    )
    .bind(course.as_str())
    .read_all(database)
    .await?;
    rows.iter().map(read).collect()
}

/// Those of an assignment that hold, as the transaction sees them.
pub(super) async fn holding(
    connection: &mut AnyConnection,
    assignment: &AssignmentRef,
) -> Result<Vec<Extension>, StoreError> {
    let rows = sqlx::query(
        "SELECT number, assignment, scope, who, due, until, reason, granted_by, granted_at, revoked_at \
         FROM extensions WHERE course = $1 AND assignment = $2 AND revoked_at IS NULL ORDER BY number",
    )
    .bind(assignment.course.as_str())
    .bind(assignment.assignment.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

/// Those of a course that hold.
pub(in crate::blackboard) async fn holding_in_course(
    connection: &mut AnyConnection,
    course: &CourseId,
) -> Result<Vec<Extension>, StoreError> {
    let rows = sqlx::query(
        "SELECT number, assignment, scope, who, due, until, reason, granted_by, granted_at, revoked_at \
         FROM extensions WHERE course = $1 AND revoked_at IS NULL ORDER BY number",
    )
    .bind(course.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

/// Grants one; its number is made here. The course's row is locked.
pub(super) async fn grant(
    connection: &mut AnyConnection,
    course: &CourseId,
    new: &Extension,
) -> Result<Extension, StoreError> {
    let row =
        sqlx::query("SELECT COALESCE(MAX(number), 0) AS number FROM extensions WHERE course = $1")
            .bind(course.as_str())
            .fetch_one(&mut *connection)
            .await?;
    let number = Columns::new("extensions", &row).count("number")?.saturating_add(1);
    let granted = Extension { number, ..new.clone() };
    let (scope, who) = stored_scope(&granted.scope);
    sqlx::query(
        "INSERT INTO extensions (course, number, assignment, scope, who, due, until, reason, granted_by, granted_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(course.as_str())
    .bind(stored(number))
    .bind(granted.assignment.as_str())
    .bind(scope)
    .bind(who)
    .bind(granted.due.as_millis())
    .bind(granted.until.map(Timestamp::as_millis))
    .bind(granted.reason.as_str())
    .bind(granted.granted_by.as_str())
    .bind(granted.granted_at.as_millis())
    .execute(connection)
    .await?;
    Ok(granted)
}

/// Takes one back; `None` where there is none of this number that holds.
pub(super) async fn revoke(
    connection: &mut AnyConnection,
    course: &CourseId,
    number: u64,
    at: Timestamp,
) -> Result<Option<Extension>, StoreError> {
    let row = sqlx::query(
        "UPDATE extensions SET revoked_at = $3 WHERE course = $1 AND number = $2 \
         AND revoked_at IS NULL RETURNING number, assignment, scope, who, due, until, reason, \
         granted_by, granted_at, revoked_at",
    )
    .bind(course.as_str())
    .bind(stored(number))
    .bind(at.as_millis())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read).transpose()
}

fn stored_scope(scope: &ExtensionScope) -> (&'static str, &str) {
    match scope {
        ExtensionScope::All => ("all", ""),
        ExtensionScope::Group(name) => ("group", name.as_str()),
        ExtensionScope::Student(sid) => ("student", sid.as_str()),
    }
}

fn read(row: &AnyRow) -> Result<Extension, StoreError> {
    let columns = Columns::new("extensions", row);
    Ok(Extension {
        number: columns.count("number")?,
        assignment: columns.parsed("assignment")?,
        scope: match columns.text("scope")?.as_str() {
            "all" => ExtensionScope::All,
            "group" => ExtensionScope::Group(columns.parsed("who")?),
            "student" => ExtensionScope::Student(columns.parsed("who")?),
            _ => return Err(columns.foreign("scope")),
        },
        due: columns.time("due")?,
        until: columns.optional_time("until")?,
        reason: columns.text("reason")?,
        granted_by: columns.text("granted_by")?,
        granted_at: columns.time("granted_at")?,
        revoked_at: columns.optional_time("revoked_at")?,
    })
}
