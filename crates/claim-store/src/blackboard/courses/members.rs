//! Who is on the roster.

use std::collections::BTreeMap;

use claim_core::{CourseId, Sid, Timestamp};
use claim_course::{Enrolled, Member};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::change::Refused;
use crate::StoreError;
use crate::database::Database;
use crate::readers::Read;
use crate::row::Columns;

pub(super) async fn page(
    database: &Database,
    course: &CourseId,
    after: Option<&Sid>,
    limit: u32,
) -> Result<Vec<Member>, StoreError> {
    let rows = sqlx::query(
        "SELECT sid, name, email, extra, dropped_at FROM members \
         WHERE course = $1 AND sid > $2 ORDER BY sid LIMIT $3",
    )
    .bind(course.as_str())
    .bind(after.map_or("", Sid::as_str))
    .bind(i64::from(limit))
    .read_all(database)
    .await?;
    let mut members = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let Some(last) = members.last() else { return Ok(members) };
    let places = sqlx::query(
        "SELECT sid, group_set, group_name FROM group_members \
         WHERE course = $1 AND sid > $2 AND sid <= $3",
    )
    .bind(course.as_str())
    .bind(after.map_or("", Sid::as_str))
    .bind(last.sid.as_str())
    .read_all(database)
    .await?;
    for row in &places {
        let columns = Columns::new("group_members", row);
        let sid: Sid = columns.parsed("sid")?;
        if let Ok(at) = members.binary_search_by(|member| member.sid.cmp(&sid)) {
            let place = (columns.parsed("group_set")?, columns.parsed("group_name")?);
            members[at].groups.extend([place]);
        }
    }
    Ok(members)
}

fn read(row: &AnyRow) -> Result<Member, StoreError> {
    let columns = Columns::new("members", row);
    Ok(Member {
        sid: columns.parsed("sid")?,
        name: columns.text("name")?,
        email: columns.text("email")?,
        extra: serde_json::from_str(&columns.text("extra")?)
            .map_err(|_| columns.foreign("extra"))?,
        groups: BTreeMap::new(),
        dropped_at: columns.optional_time("dropped_at")?,
    })
}

/// Puts a student on the roster, with these particulars; one who left is back again. Returns what was on record before.
pub(super) async fn put(
    connection: &mut AnyConnection,
    course: &CourseId,
    member: &Enrolled,
) -> Result<Option<Member>, StoreError> {
    let before = sqlx::query(
        "SELECT sid, name, email, extra, dropped_at FROM members WHERE course = $1 AND sid = $2",
    )
    .bind(course.as_str())
    .bind(member.sid.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    // Pairs of texts always serialise.
    let extra = serde_json::to_string(&member.extra).unwrap_or_default();
    sqlx::query(
        "INSERT INTO members (course, sid, name, email, extra, dropped_at) \
         VALUES ($1, $2, $3, $4, $5, NULL) ON CONFLICT (course, sid) DO UPDATE SET \
         name = excluded.name, email = excluded.email, extra = excluded.extra, dropped_at = NULL",
    )
    .bind(course.as_str())
    .bind(member.sid.as_str())
    .bind(member.name.as_str())
    .bind(member.email.as_str())
    .bind(extra)
    .execute(connection)
    .await?;
    before.as_ref().map(read).transpose()
}

/// Marks a student as one who left.
pub(super) async fn drop(
    connection: &mut AnyConnection,
    course: &CourseId,
    sid: &Sid,
    at: Timestamp,
) -> Result<Result<(), Refused>, StoreError> {
    let dropped = sqlx::query(
        "UPDATE members SET dropped_at = COALESCE(dropped_at, $3) WHERE course = $1 AND sid = $2",
    )
    .bind(course.as_str())
    .bind(sid.as_str())
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(match dropped.rows_affected() {
        0 => Err(Refused::NotOnRoster { sid: sid.clone() }),
        _ => Ok(()),
    })
}

/// Whether the student is on the roster now.
pub(super) async fn is_member(
    connection: &mut AnyConnection,
    course: &CourseId,
    sid: &Sid,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT sid FROM members WHERE course = $1 AND sid = $2 AND dropped_at IS NULL",
    )
    .bind(course.as_str())
    .bind(sid.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}
