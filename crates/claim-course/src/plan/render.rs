//! A course written as the file that [`super::read`] reads as the same.

use std::fmt::{self, Write};

use super::{Plan, PlannedExtension, Span};
use crate::model::{AssignmentPlan, ExtensionScope, LatePolicy, Role};
use crate::time::Zone;

/// Writes a course as TOML.
pub fn render(plan: &Plan) -> String {
    let mut text = String::new();
    // A `String` takes whatever is written.
    let _ = write(plan, &mut text);
    text
}

fn write(plan: &Plan, out: &mut String) -> fmt::Result {
    let Plan { course, title, zone, open, assignments, groups, extensions, staff } = plan;
    writeln!(out, "course = {}", quoted(course.as_str()))?;
    writeln!(out, "title = {}", quoted(title))?;
    writeln!(out, "zone = {}", quoted(zone.name()))?;
    writeln!(out, "open = {open}")?;
    if !staff.is_empty() {
        writeln!(out, "\n[staff]")?;
    }
    for (person, role) in staff {
        let role = role.map_or("none", Role::name);
        writeln!(out, "{} = {}", quoted(person.as_str()), quoted(role))?;
    }
    assignments.iter().try_for_each(|plan| assignment(plan, zone, out))?;
    for (set, groups) in groups {
        writeln!(out, "\n[groups.{}]", quoted(set.as_str()))?;
        for (name, sids) in groups {
            let sids: Vec<_> = sids.iter().map(|sid| quoted(sid.as_str())).collect();
            writeln!(out, "{} = [{}]", quoted(name.as_str()), sids.join(", "))?;
        }
    }
    extensions.iter().try_for_each(|one| extension(one, zone, out))
}

fn assignment(plan: &AssignmentPlan, zone: &Zone, out: &mut String) -> fmt::Result {
    let AssignmentPlan { assignment, title, visible_from, due, until, late, .. } = plan;
    writeln!(out, "\n[[assignment]]")?;
    writeln!(out, "name = {}", quoted(assignment.as_str()))?;
    writeln!(out, "title = {}", quoted(title))?;
    if let Some(from) = visible_from {
        writeln!(out, "visible-from = {}", quoted(&zone.as_first_moment(*from)))?;
    }
    for (key, time) in [("due", due), ("until", until)] {
        if let Some(time) = time {
            writeln!(out, "{key} = {}", quoted(&zone.as_last_moment(*time)))?;
        }
    }
    match late {
        LatePolicy::Refuse => writeln!(out, "late = \"refuse\"")?,
        LatePolicy::Accept => writeln!(out, "late = \"accept\"")?,
        LatePolicy::Penalty { steps } => {
            let step =
                |after: Span, percent| format!("{{ after = \"{after}\", percent = {percent} }}");
            let steps = steps.steps().iter().map(|one| {
                step(Span::from_seconds(u64::from(one.after_minutes) * 60), one.percent)
            });
            writeln!(out, "penalty = [{}]", steps.collect::<Vec<_>>().join(", "))?;
        }
    }
    let window = Span::from_seconds(plan.upload_seconds.unsigned_abs());
    writeln!(out, "upload-window = \"{window}\"")?;
    writeln!(out, "max-files = {}", plan.limits.files)?;
    writeln!(out, "max-bytes = {}", plan.limits.bytes)?;
    writeln!(out, "max-attempts = {}", plan.limits.attempts)?;
    match &plan.groups {
        Some(set) => writeln!(out, "groups = {}", quoted(set.as_str())),
        None => Ok(()),
    }
}

fn extension(extension: &PlannedExtension, zone: &Zone, out: &mut String) -> fmt::Result {
    let PlannedExtension { assignment, scope, due, until, reason } = extension;
    writeln!(out, "\n[[extension]]")?;
    writeln!(out, "assignment = {}", quoted(assignment.as_str()))?;
    match scope {
        ExtensionScope::All => writeln!(out, "for = \"all\"")?,
        ExtensionScope::Group(name) => {
            writeln!(out, "for = {{ group = {} }}", quoted(name.as_str()))?;
        }
        ExtensionScope::Student(sid) => {
            writeln!(out, "for = {{ student = {} }}", quoted(sid.as_str()))?;
        }
    }
    writeln!(out, "due = {}", quoted(&zone.as_last_moment(*due)))?;
    if let Some(until) = until {
        writeln!(out, "until = {}", quoted(&zone.as_last_moment(*until)))?;
    }
    writeln!(out, "reason = {}", quoted(reason))
}

/// A basic string (TOML 1.0), which may be a key too.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
