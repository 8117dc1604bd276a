//! Making one change after the other, and gathering what the audit log is to say of them.

use claim_core::{AssignmentRef, CourseId, Timestamp};
use claim_course::{Change, Extension, ExtensionScope};
use sqlx::AnyConnection;

use super::change::Refused;
use super::choices::Reason;
use super::{choices, extensions, find, groups, judging, members, staff, waiting};
use crate::StoreError;
use crate::blackboard::assignments;
use crate::blackboard::audit::{
    Deed, Entry, assignment_recorded, counting_recorded, course_recorded, extension_recorded,
    group_recorded, member_dropped, member_recorded, staff_recorded,
};

/// Who changes which course, and when, and what the audit log is to say of it.
pub(super) struct Changing<'a> {
    course: &'a CourseId,
    by: &'a str,
    at: Timestamp,
    entries: Vec<Entry>,
}

/// The answer to one change: made, or refused.
type Made = Result<(), Refused>;

impl<'a> Changing<'a> {
    pub(super) fn new(course: &'a CourseId, by: &'a str, at: Timestamp) -> Self {
        Self { course, by, at, entries: Vec::new() }
    }

    /// What the audit log is to say.
    pub(super) fn entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Makes one of the changes.
    pub(super) async fn make(
        &mut self,
        connection: &mut AnyConnection,
        change: &Change,
    ) -> Result<Made, StoreError> {
        match change {
            Change::Course { title, zone, open } => {
                let before = find(connection, self.course).await?;
                sqlx::query(
                    "UPDATE courses SET title = $2, zone = $3, open = $4 WHERE course = $1",
                )
                .bind(self.course.as_str())
                .bind(title.as_str())
                .bind(zone.name())
                .bind(i64::from(*open))
                .execute(&mut *connection)
                .await?;
                if let Some(is) = find(connection, self.course).await? {
                    self.entries.extend(course_recorded(before.as_ref(), &is));
                }
            }
            Change::Assignment(plan) => {
                if plan.course != *self.course {
                    return Ok(Err(Refused::OtherCourse { reference: plan.reference() }));
                }
                let before = assignments::find(connection, &plan.reference()).await?;
                assignments::put(connection, plan).await?;
                let waiting =
                    waiting::window_changed(connection, before.as_ref(), plan, self.at).await?;
                self.entries.extend(assignment_recorded(before.as_ref(), plan, waiting.as_ref()));
                judging::judge_again(connection, plan).await?;
            }
            Change::Members { members } => {
                for member in members {
                    let before = members::put(connection, self.course, member).await?;
                    self.entries.extend(member_recorded(self.course, before.as_ref(), member));
                }
            }
            Change::Drop { sids } => {
                for sid in sids {
                    let dropped = members::drop(connection, self.course, sid, self.at).await?;
                    if dropped.is_err() {
                        return Ok(dropped);
                    }
                    self.entries.push(member_dropped(self.course, sid));
                }
            }
            Change::Groups { set, places } => {
                for place in places {
                    let (sid, is) = (&place.sid, place.group.as_ref());
                    let before = groups::of(connection, self.course, set, sid).await?;
                    let put = groups::put(connection, self.course, set, place).await?;
                    if put.is_err() {
                        return Ok(put);
                    }
                    self.entries.extend(group_recorded(self.course, set, sid, before.as_ref(), is));
                }
            }
            Change::Extend { assignment, scope, due, until, reason } => {
                let new = Extension {
                    number: 0,
                    assignment: assignment.clone(),
                    scope: scope.clone(),
                    due: *due,
                    until: *until,
                    reason: reason.clone(),
                    granted_by: self.by.to_owned(),
                    granted_at: self.at,
                    revoked_at: None,
                };
                return self.extend(connection, &new).await;
            }
            Change::RevokeExtension { number } => return self.revoke(connection, *number).await,
            Change::Staff { person, role } => {
                match staff::put(connection, self.course, person, *role, self.at).await? {
                    Ok(was) => {
                        self.entries.extend(staff_recorded(self.course, person, was, *role));
                    }
                    Err(refused) => return Ok(Err(refused)),
                }
            }
            Change::Choose { assignment, sids, claim, reason } => {
                let reference = self.reference(assignment);
                if assignments::find(connection, &reference).await?.is_none() {
                    let assignment = assignment.clone();
                    return Ok(Err(Refused::NoAssignment { assignment }));
                }
                let why = Reason { reason, by: self.by, at: self.at };
                match choices::put(connection, &reference, sids, *claim, why).await? {
                    Ok(was) => {
                        let entry = counting_recorded(&reference, sids, was, *claim, reason);
                        self.entries.extend(entry);
                    }
                    Err(refused) => return Ok(Err(refused)),
                }
            }
        }
        Ok(Ok(()))
    }

    fn reference(&self, assignment: &claim_core::AssignmentId) -> AssignmentRef {
        AssignmentRef { course: self.course.clone(), assignment: assignment.clone() }
    }

    async fn extend(
        &mut self,
        connection: &mut AnyConnection,
        new: &Extension,
    ) -> Result<Made, StoreError> {
        let reference = self.reference(&new.assignment);
        let Some(plan) = assignments::find(connection, &reference).await? else {
            return Ok(Err(Refused::NoAssignment { assignment: new.assignment.clone() }));
        };
        let Some(due) = plan.due else { return Ok(Err(Refused::NoDueTime)) };
        if new.due <= due {
            return Ok(Err(Refused::NotLater { due }));
        }
        let mut members = Vec::new();
        match (&new.scope, &plan.groups) {
            (ExtensionScope::All, _) => {}
            (ExtensionScope::Student(sid), Some(_)) => {
                return Ok(Err(Refused::HandsInWithGroup { sid: sid.clone() }));
            }
            (ExtensionScope::Student(sid), None) => {
                let is_open =
                    find(connection, self.course).await?.is_some_and(|course| course.open);
                if !is_open && !members::is_member(connection, self.course, sid).await? {
                    return Ok(Err(Refused::NotOnRoster { sid: sid.clone() }));
                }
            }
            (ExtensionScope::Group(_), None) => return Ok(Err(Refused::HandsInAlone)),
            (ExtensionScope::Group(group), Some(set)) => {
                match groups::holder(connection, self.course, set, group).await? {
                    Some(holder) => members = holder.into(),
                    None => return Ok(Err(Refused::NoGroup { group: group.clone() })),
                }
            }
        }
        let granted = extensions::grant(connection, self.course, new).await?;
        let deed = Deed::ExtensionGranted;
        self.entries.push(extension_recorded(deed, self.course, &granted, &members));
        judging::judge_again(connection, &plan).await?;
        Ok(Ok(()))
    }

    async fn revoke(
        &mut self,
        connection: &mut AnyConnection,
        number: u64,
    ) -> Result<Made, StoreError> {
        let revoked = extensions::revoke(connection, self.course, number, self.at).await?;
        let Some(revoked) = revoked else { return Ok(Err(Refused::NoExtension { number })) };
        let reference = self.reference(&revoked.assignment);
        if let Some(plan) = assignments::find(connection, &reference).await? {
            let members = match (&revoked.scope, &plan.groups) {
                (ExtensionScope::Group(group), Some(set)) => {
                    let holder = groups::holder(connection, self.course, set, group).await?;
                    holder.map(Vec::from).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            let deed = Deed::ExtensionRevoked;
            self.entries.push(extension_recorded(deed, self.course, &revoked, &members));
            judging::judge_again(connection, &plan).await?;
        }
        Ok(Ok(()))
    }
}
