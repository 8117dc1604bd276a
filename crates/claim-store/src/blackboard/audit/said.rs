//! What entries say of what was done.

use claim_core::claim::{ClaimId, Holder};
use claim_core::{AssignmentRef, CourseId, PersonId, Sid, Timestamp};
use claim_course::api::WaitingClaims;
use claim_course::{
    AssignmentPlan, Course, Enrolled, Extension, ExtensionScope, GroupName, GroupSet, Member, Role,
};
use serde_json::Value;

use super::{CourseEntry, Deed};
use crate::audit::{Concern, Entry};
use crate::blackboard::AllowedOutage;

/// That an assignment was set up or changed, and which claims waited for files where their time for that is another; `None`
/// where it is what it was.
pub(in crate::blackboard) fn assignment_recorded(
    was: Option<&AssignmentPlan>,
    is: &AssignmentPlan,
    waiting: Option<&WaitingClaims>,
) -> Option<Entry> {
    if was == Some(is) {
        return None;
    }
    let reference = is.reference();
    let said = |of: &dyn Fn(&AssignmentPlan) -> Value| (was.map_or(Value::Null, of), of(is));
    let mut entry = CourseEntry::new(Deed::AssignmentRecorded, &reference.course)
        .about(reference.to_string())
        .with("assignment", reference.assignment.as_str())
        .concerns_everybody();
    for (name, (was, is)) in [
        ("title", said(&|row| row.title.as_str().into())),
        ("visible_from", said(&|row| time(row.visible_from))),
        ("due", said(&|row| time(row.due))),
        ("until", said(&|row| time(row.until))),
        ("late", said(&|row| json(&row.late))),
        ("groups", said(&|row| json(&row.groups))),
        ("upload_seconds", said(&|row| row.upload_seconds.into())),
        ("max_files", said(&|row| row.limits.files.into())),
        ("max_bytes", said(&|row| row.limits.bytes.into())),
        ("max_attempts", said(&|row| row.limits.attempts.into())),
    ] {
        entry = entry.changed(name, was, is);
    }
    if let Some(WaitingClaims { claims, latest, .. }) = waiting {
        entry = entry.with("waiting_claims", *claims).with("waiting_until", latest.to_string());
    }
    Some(entry.into())
}

/// That people said when Blackboard could not be reached, which concerns everybody.
pub(in crate::blackboard) fn outage_allowed(
    since: Timestamp,
    until: Timestamp,
    allowed: &AllowedOutage,
) -> Entry {
    let mut entry = Entry::new(Deed::OutageAllowed)
        .with("since", since.to_string())
        .with("until", until.to_string())
        .with("reason", allowed.reason.as_str());
    entry.concerns.push(Concern { course: String::new(), person: String::new() });
    entry
}

/// That a course was set up or changed; `None` where it is what it was.
pub(in crate::blackboard) fn course_recorded(was: Option<&Course>, is: &Course) -> Option<Entry> {
    let said = |of: &dyn Fn(&Course) -> Value| (was.map_or(Value::Null, of), of(is));
    let same = |was: &Course| (&was.title, &was.zone, was.open) == (&is.title, &is.zone, is.open);
    if was.is_some_and(same) {
        return None;
    }
    let mut entry = CourseEntry::new(Deed::CourseRecorded, &is.course).concerns_everybody();
    for (name, (was, is)) in [
        ("title", said(&|course| course.title.as_str().into())),
        ("zone", said(&|course| course.zone.name().into())),
        ("open", said(&|course| course.open.into())),
    ] {
        entry = entry.changed(name, was, is);
    }
    Some(entry.into())
}

/// That a student is on the roster: new, with other particulars, or back again; `None` where nothing is new.
pub(in crate::blackboard) fn member_recorded(
    course: &CourseId,
    was: Option<&Member>,
    is: &Enrolled,
) -> Option<Entry> {
    let back = was.is_some_and(|was| was.dropped_at.is_some());
    let (name, email, extra) = match was {
        Some(was) => (json(&was.name), json(&was.email), json(&was.extra)),
        None => (Value::Null, Value::Null, Value::Null),
    };
    let (new_name, new_email, new_extra) = (json(&is.name), json(&is.email), json(&is.extra));
    if !back && (&name, &email, &extra) == (&new_name, &new_email, &new_extra) {
        return None;
    }
    let deed = if back { Deed::MemberRestored } else { Deed::MemberAdded };
    let entry = CourseEntry::new(deed, course)
        .about(is.sid.as_str())
        .concerns(&is.sid)
        .changed("name", name, new_name)
        .changed("email", email, new_email)
        .changed("extra", extra, new_extra);
    Some(entry.into())
}

/// That a student left.
pub(in crate::blackboard) fn member_dropped(course: &CourseId, sid: &Sid) -> Entry {
    CourseEntry::new(Deed::MemberDropped, course).about(sid.as_str()).concerns(sid).into()
}

/// That a student is in another group, or in none; `None` where nothing is new.
pub(in crate::blackboard) fn group_recorded(
    course: &CourseId,
    set: &GroupSet,
    sid: &Sid,
    was: Option<&GroupName>,
    is: Option<&GroupName>,
) -> Option<Entry> {
    let deed = if is.is_some() { Deed::GroupRecorded } else { Deed::GroupRemoved };
    let entry = CourseEntry::new(deed, course)
        .about(sid.as_str())
        .concerns(sid)
        .with("set", set.as_str())
        .changed("group", json(&was), json(&is));
    (was != is).then(|| entry.into())
}

/// That more time was granted, or taken back.
pub(in crate::blackboard) fn extension_recorded(
    deed: Deed,
    course: &CourseId,
    extension: &Extension,
    members: &[Sid],
) -> Entry {
    let entry = CourseEntry::new(deed, course)
        .about(format!("{course}/{}", extension.assignment))
        .with("assignment", extension.assignment.as_str())
        .with("number", extension.number)
        .with("for", json(&extension.scope))
        .with("due", extension.due.to_string())
        .with("reason", extension.reason.as_str());
    match &extension.scope {
        ExtensionScope::All => entry.concerns_everybody(),
        ExtensionScope::Student(sid) => entry.concerns(sid),
        ExtensionScope::Group(_) => entry.concerns_all_of(members),
    }
    .into()
}

/// That somebody has a role, or none any more; `None` where nothing is new.
pub(in crate::blackboard) fn staff_recorded(
    course: &CourseId,
    person: &PersonId,
    was: Option<Role>,
    is: Option<Role>,
) -> Option<Entry> {
    let deed = if is.is_some() { Deed::StaffRecorded } else { Deed::StaffRemoved };
    let entry = CourseEntry::new(deed, course)
        .about(person.as_str())
        .concerns_person(person)
        .changed("role", json(&was), json(&is));
    (was != is).then(|| entry.into())
}

/// That staff chose what counts, or took that back; `None` where nothing is new.
pub(in crate::blackboard) fn counting_recorded(
    assignment: &AssignmentRef,
    holder: &Holder,
    was: Option<ClaimId>,
    is: Option<ClaimId>,
    reason: &str,
) -> Option<Entry> {
    let deed = if is.is_some() { Deed::CountingChosen } else { Deed::CountingUnchosen };
    let id = |claim: Option<ClaimId>| json(&claim.map(|claim| claim.to_string()));
    let entry = CourseEntry::new(deed, &assignment.course)
        .about(assignment.to_string())
        .with("assignment", assignment.assignment.as_str())
        .with("sids", json(holder))
        .with("reason", reason)
        .changed("claim", id(was), id(is))
        .concerns_all_of(holder.sids());
    (was != is).then(|| entry.into())
}

/// Everything here serialises; what did not would say nothing.
fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn time(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| time.to_string().into())
}
