//! Who is in which group.

use claim_core::claim::{Holder, MAX_MEMBERS};
use claim_core::{CourseId, Sid};
use claim_course::{GroupName, GroupPlace, GroupSet};
use sqlx::AnyConnection;

use super::change::Refused;
use super::{find, members};
use crate::StoreError;
use crate::row::Columns;

/// Puts a student into a group of the set, or out of every one.
pub(super) async fn put(
    connection: &mut AnyConnection,
    course: &CourseId,
    set: &GroupSet,
    place: &GroupPlace,
) -> Result<Result<(), Refused>, StoreError> {
    let GroupPlace { sid, group } = place;
    let Some(group) = group else {
        sqlx::query("DELETE FROM group_members WHERE course = $1 AND group_set = $2 AND sid = $3")
            .bind(course.as_str())
            .bind(set.as_str())
            .bind(sid.as_str())
            .execute(connection)
            .await?;
        return Ok(Ok(()));
    };
    let is_open = find(connection, course).await?.is_some_and(|course| course.open);
    if !is_open && !members::is_member(connection, course, sid).await? {
        return Ok(Err(Refused::NotOnRoster { sid: sid.clone() }));
    }
    sqlx::query(
        "INSERT INTO group_members (course, group_set, sid, group_name) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (course, group_set, sid) DO UPDATE SET group_name = excluded.group_name",
    )
    .bind(course.as_str())
    .bind(set.as_str())
    .bind(sid.as_str())
    .bind(group.as_str())
    .execute(&mut *connection)
    .await?;
    Ok(match sids(connection, course, set, group).await?.len() {
        0..=MAX_MEMBERS => Ok(()),
        _ => Err(Refused::GroupTooLarge { group: group.clone() }),
    })
}

/// The group of a student.
pub(super) async fn of(
    connection: &mut AnyConnection,
    course: &CourseId,
    set: &GroupSet,
    sid: &Sid,
) -> Result<Option<GroupName>, StoreError> {
    let row = sqlx::query(
        "SELECT group_name FROM group_members WHERE course = $1 AND group_set = $2 AND sid = $3",
    )
    .bind(course.as_str())
    .bind(set.as_str())
    .bind(sid.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|row| Columns::new("group_members", &row).parsed("group_name")).transpose()
}

/// The members of a group who have not left the course, as the holder that they are.
pub(in crate::blackboard) async fn holder(
    connection: &mut AnyConnection,
    course: &CourseId,
    set: &GroupSet,
    group: &GroupName,
) -> Result<Option<Holder>, StoreError> {
    Ok(Holder::new(sids(connection, course, set, group).await?).ok())
}

async fn sids(
    connection: &mut AnyConnection,
    course: &CourseId,
    set: &GroupSet,
    group: &GroupName,
) -> Result<Vec<Sid>, StoreError> {
    // In a course that is open there need not be a roster, so only those are left out of whom it is known that they left.
    let rows = sqlx::query(
        "SELECT group_members.sid AS sid FROM group_members LEFT JOIN members \
         ON members.course = group_members.course AND members.sid = group_members.sid \
         WHERE group_members.course = $1 AND group_set = $2 AND group_name = $3 \
         AND members.dropped_at IS NULL ORDER BY group_members.sid",
    )
    .bind(course.as_str())
    .bind(set.as_str())
    .bind(group.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Columns::new("group_members", row).parsed("sid")).collect()
}
