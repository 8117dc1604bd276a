//! Who is staff, and as what.

use claim_core::{CourseId, PersonId, Timestamp};
use claim_course::{Course, Role, StaffMember};
use sqlx::AnyConnection;

use super::change::Refused;
use crate::StoreError;
use crate::database::Database;
use crate::readers::Read;
use crate::row::Columns;

pub(super) async fn of_course(
    database: &Database,
    course: &CourseId,
) -> Result<Vec<StaffMember>, StoreError> {
    let rows =
        sqlx::query("SELECT person, role, since FROM staff WHERE course = $1 ORDER BY person")
            .bind(course.as_str())
            .read_all(database)
            .await?;
    let read = |row| {
        let columns = Columns::new("staff", row);
        Ok(StaffMember {
            person: columns.parsed("person")?,
            role: columns.parsed("role")?,
            since: columns.time("since")?,
        })
    };
    rows.iter().map(read).collect()
}

pub(super) async fn courses_of(
    database: &Database,
    person: &PersonId,
) -> Result<Vec<(Course, Role)>, StoreError> {
    let rows = sqlx::query(
        "SELECT courses.course AS course, title, zone, open, revision, role FROM staff \
         JOIN courses ON courses.course = staff.course WHERE person = $1 ORDER BY courses.course",
    )
    .bind(person.as_str())
    .read_all(database)
    .await?;
    let read = |row| Ok((super::read(row)?, Columns::new("staff", row).parsed("role")?));
    rows.iter().map(read).collect()
}

/// Gives somebody a role, or takes it; returns the one before. A course that has an owner keeps one.
pub(super) async fn put(
    connection: &mut AnyConnection,
    course: &CourseId,
    person: &PersonId,
    role: Option<Role>,
    at: Timestamp,
) -> Result<Result<Option<Role>, Refused>, StoreError> {
    let rows = sqlx::query("SELECT person, role FROM staff WHERE course = $1")
        .bind(course.as_str())
        .fetch_all(&mut *connection)
        .await?;
    let (mut before, mut owners) = (None, 0);
    for row in &rows {
        let columns = Columns::new("staff", row);
        let known: Role = columns.parsed("role")?;
        owners += u32::from(known == Role::Owner);
        if columns.text("person")? == person.as_str() {
            before = Some(known);
        }
    }
    if before == Some(Role::Owner) && owners == 1 && role != Some(Role::Owner) {
        return Ok(Err(Refused::LastOwner { person: person.clone() }));
    }
    let query = match role {
        Some(role) => sqlx::query(
            "INSERT INTO staff (course, person, role, since) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (course, person) DO UPDATE SET role = excluded.role",
        )
        .bind(course.as_str())
        .bind(person.as_str())
        .bind(role.name())
        .bind(at.as_millis()),
        None => sqlx::query("DELETE FROM staff WHERE course = $1 AND person = $2")
            .bind(course.as_str())
            .bind(person.as_str()),
    };
    query.execute(connection).await?;
    Ok(Ok(before))
}
