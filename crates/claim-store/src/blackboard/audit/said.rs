//! What entries say of what was done.

use claim_core::Timestamp;
use serde_json::Value;

use super::{CourseEntry, Deed};
use crate::audit::{Concern, Entry};
use crate::blackboard::{AllowedOutage, AssignmentRow};

/// That an assignment was set up or changed; `None` where it is what it was.
pub(in crate::blackboard) fn assignment_recorded(
    was: Option<&AssignmentRow>,
    is: &AssignmentRow,
) -> Option<Entry> {
    if was == Some(is) {
        return None;
    }
    let reference = &is.reference;
    let said = |of: &dyn Fn(&AssignmentRow) -> Value| (was.map_or(Value::Null, of), of(is));
    let mut entry = CourseEntry::new(Deed::AssignmentRecorded, &reference.course)
        .about(reference.to_string())
        .with("assignment", reference.assignment.as_str())
        .concerns_everybody();
    for (name, (was, is)) in [
        ("title", said(&|row| row.title.as_str().into())),
        ("zone", said(&|row| row.zone.as_str().into())),
        ("due", said(&|row| time(row.due))),
        ("until", said(&|row| time(row.until))),
        ("upload_seconds", said(&|row| row.upload_seconds.into())),
        ("max_files", said(&|row| row.limits.files.into())),
        ("max_bytes", said(&|row| row.limits.bytes.into())),
        ("max_attempts", said(&|row| row.limits.attempts.into())),
    ] {
        entry = entry.changed(name, was, is);
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

fn time(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| time.to_string().into())
}
