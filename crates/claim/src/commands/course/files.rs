//! Rosters and whole courses from files: what changes is shown, then asked about, then all of it is done or nothing.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use claim_blackboard::NewCourse;
use claim_core::CourseId;
use claim_course::plan::{self, OnRecord, Plan};
use claim_course::{Change, Course, GroupSet, Member, difference, roster, table};
use serde_json::json;

use super::desk::Setup;
use super::{Context, Desk, Done, Undone, course, waiting};
use crate::cli::course::ApplyArgs;
use crate::commands::student::consent::Consent;

/// `roster import`.
pub(super) async fn roster(
    id: &CourseId,
    file: &Path,
    groups: Option<&GroupSet>,
    apply: ApplyArgs,
    desk: &mut Desk,
    context: &Context,
) -> Done {
    let roster = roster::read(&read(file, table::MAX_BYTES)?).map_err(|error| Undone::Usage {
        what: format!("{}: {error}", file.display()),
        advice: "Correct the file, or export it again; nothing was changed.".to_owned(),
    })?;
    let course = course(desk, id).await?;
    let mut recorded = members(desk, id).await?;
    let students = difference::of(&roster, &recorded);
    roster.understood().iter().for_each(|line| context.terminal.say(line));
    let lines = students.lines(&course.zone);
    let document = json!({ "event": "roster", "course": id, "difference": students });
    show(&lines, &document, context);
    if students.drops_most() {
        context.terminal.say("Most of the roster would have left: is it the right file?");
    }
    let mut changes = students.changes();
    if let Some(set) = groups {
        // Whoever is new can be put into a group in the same change.
        recorded.extend(students.added.iter().map(|one| Member {
            sid: one.sid.clone(),
            name: one.name.clone(),
            email: one.email.clone(),
            extra: one.extra.clone(),
            groups: BTreeMap::new(),
            dropped_at: None,
        }));
        let groups = difference::of_groups(&roster, &recorded, set);
        let document = json!({ "event": "groups", "course": id, "difference": groups });
        show(&groups.lines(), &document, context);
        changes.extend(groups.changes());
    }
    if settle(desk, &course, &changes, apply, context).await? {
        context.terminal.say(&students.summary(true));
    }
    Ok(())
}

/// `course apply`.
pub(super) async fn apply(
    file: &Path,
    apply: ApplyArgs,
    desk: &mut Desk,
    context: &Context,
) -> Done {
    let wrong = |what: String| Undone::Usage {
        what: format!("{}: {what}", file.display()),
        advice: "Correct the file; nothing was changed. `course export` writes one.".to_owned(),
    };
    let text = String::from_utf8(read(file, plan::MAX_BYTES)?);
    let text = text.map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
    let plan = plan::read(&text).map_err(|error| wrong(error.to_string()))?;
    let before = desk.course(&plan.course).await?;
    let difference = match &before {
        None => plan::difference(&plan, &nothing()),
        Some(_) => compare(desk, &plan).await?.1,
    };
    let document = json!({ "event": "course", "course": plan.course, "difference": difference });
    show(&difference.lines(), &document, context);
    if let Some(seen) = before {
        settle(desk, &seen, &difference.changes(), apply, context).await?;
        return Ok(());
    }
    if apply.dry_run {
        told_nothing(context);
        return Ok(());
    }
    if !agreed(apply, context).await? {
        return Ok(());
    }
    let Plan { course, title, zone, open, .. } = &plan;
    let (course, title, zone) = (course.clone(), title.clone(), zone.clone());
    desk.add(&NewCourse { course, title, zone, open: *open }, None).await?;
    let (seen, difference) = compare(desk, &plan).await?;
    waiting::change_assignments(desk, &seen, &difference.changes(), context).await?;
    context.terminal.say("Done.");
    Ok(())
}

/// `course export`.
pub(super) async fn export(id: &CourseId, desk: &mut Desk, context: &Context) -> Done {
    let Setup { course, assignments, extensions, staff, .. } = desk.setup(id).await?;
    let members = members(desk, id).await?;
    let recorded = OnRecord {
        course: Some(&course),
        assignments: &assignments,
        members: &members,
        extensions: &extensions,
        staff: &staff,
    };
    if let Some(plan) = Plan::of(&recorded) {
        let text = plan::render(&plan);
        context.terminal.result(text.trim_end(), &json!({ "course": id, "toml": text }));
    }
    Ok(())
}

/// What a file changes in a course that is there.
async fn compare(desk: &mut Desk, plan: &Plan) -> Done<(Course, plan::PlanDifference)> {
    let Setup { course, assignments, extensions, staff, .. } = desk.setup(&plan.course).await?;
    let members = members(desk, &plan.course).await?;
    let recorded = OnRecord {
        course: Some(&course),
        assignments: &assignments,
        members: &members,
        extensions: &extensions,
        staff: &staff,
    };
    let difference = plan::difference(plan, &recorded);
    Ok((course, difference))
}

fn nothing() -> OnRecord<'static> {
    OnRecord { course: None, assignments: &[], members: &[], extensions: &[], staff: &[] }
}

async fn members(desk: &mut Desk, id: &CourseId) -> Done<Vec<Member>> {
    let mut members = Vec::new();
    desk.members(id, |member| members.push(member)).await?;
    Ok(members)
}

fn show(lines: &[String], document: &serde_json::Value, context: &Context) {
    if context.terminal.is_json() {
        context.terminal.result("", document);
    } else {
        lines.iter().for_each(|line| context.terminal.say(line));
    }
}

/// Makes the changes, if there are any and somebody agrees; returns whether they were made.
async fn settle(
    desk: &mut Desk,
    seen: &Course,
    changes: &[Change],
    apply: ApplyArgs,
    context: &Context,
) -> Done<bool> {
    if changes.is_empty() {
        context.terminal.say("Nothing is to be changed.");
        return Ok(false);
    }
    if apply.dry_run {
        told_nothing(context);
        return Ok(false);
    }
    if !agreed(apply, context).await? {
        return Ok(false);
    }
    waiting::change_assignments(desk, seen, changes, context).await?;
    context.terminal.say("Done.");
    Ok(true)
}

fn told_nothing(context: &Context) {
    context.terminal.say("Nothing was changed (--dry-run).");
}

async fn agreed(apply: ApplyArgs, context: &Context) -> Done<bool> {
    let consent = Consent::new(apply.yes, context.terminal).map_err(Undone::Told)?;
    Ok(consent.obtain("Change it? [y/N] ", context.terminal).await?)
}

fn read(file: &Path, most: usize) -> Done<Vec<u8>> {
    let unreadable = |what: String| Undone::Usage {
        what: format!("{}: {what}", file.display()),
        advice: "Name a file that can be read.".to_owned(),
    };
    let opened = std::fs::File::open(file).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let read = opened.take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(error.to_string()))?;
    Ok(bytes)
}
