//! Assignments.

use claim_blackboard::{DEFAULT_LIMITS, DEFAULT_UPLOAD_SECONDS, NewCourse};
use claim_core::late::{LatePolicy, PenaltySteps};
use claim_core::{AssignmentRef, Escaped, Timestamp};
use claim_course::time::{TimeError, Zone};
use claim_course::{AssignmentPlan, Change, Course};
use serde_json::json;

use super::desk::Setup;
use super::{Context, Desk, DeskError, Done, Undone, course, gradebook, waiting};
use crate::cli::course::{AssignmentCommand, AssignmentSettings, GroupsArg, LateArg};

pub(super) async fn run(command: AssignmentCommand, desk: &mut Desk, context: &Context) -> Done {
    match command {
        AssignmentCommand::Add { assignment, settings, zone } => {
            let course = course_for(desk, &assignment, zone, context).await?;
            put(desk, &course, blank(&assignment), settings, context).await
        }
        AssignmentCommand::Set { assignment, settings } => {
            let Setup { course, assignments, .. } = desk.setup(&assignment.course).await?;
            let mut assignments = assignments.into_iter();
            let plan = assignments.find(|plan| plan.assignment == assignment.assignment);
            let plan = plan.ok_or(DeskError::NoAssignment { assignment })?;
            put(desk, &course, plan, settings, context).await
        }
        AssignmentCommand::Gradebook { assignment, format } => {
            gradebook::write(&assignment, format, desk, context).await
        }
        AssignmentCommand::List { course } => {
            for one in desk.all().await? {
                if course.as_ref().is_none_or(|course| one.course == *course) {
                    let Setup { course, assignments, .. } = desk.setup(&one.course).await?;
                    assignments.iter().for_each(|plan| tell(plan, &course.zone, context));
                }
            }
            Ok(())
        }
    }
}

/// The course of a new assignment; where there is none, one is made that is open to everybody.
async fn course_for(
    desk: &mut Desk,
    assignment: &AssignmentRef,
    zone: Option<Zone>,
    context: &Context,
) -> Done<Course> {
    let id = &assignment.course;
    if let Some(course) = desk.course(id).await? {
        return match zone.filter(|zone| *zone != course.zone) {
            None => Ok(course),
            Some(zone) => Err(Undone::Usage {
                what: format!("the times of {id} are in {}, not in {zone}", course.zone),
                advice: format!(
                    "Leave --zone out, or change it for the whole course: claim blackboard course set {id} --zone {zone}"
                ),
            }),
        };
    }
    let zone = zone.unwrap_or_else(Zone::utc);
    let new = NewCourse { course: id.clone(), title: id.to_string(), zone, open: true };
    desk.add(&new, None).await?;
    context
        .terminal
        .say(&format!("The course {id} is new, and open to everybody with a certificate."));
    course(desk, id).await
}

fn blank(assignment: &AssignmentRef) -> AssignmentPlan {
    AssignmentPlan {
        course: assignment.course.clone(),
        assignment: assignment.assignment.clone(),
        title: assignment.assignment.to_string(),
        visible_from: None,
        due: None,
        until: None,
        late: LatePolicy::Accept,
        upload_seconds: DEFAULT_UPLOAD_SECONDS,
        limits: DEFAULT_LIMITS,
        groups: None,
    }
}

async fn put(
    desk: &mut Desk,
    course: &Course,
    plan: AssignmentPlan,
    settings: AssignmentSettings,
    context: &Context,
) -> Done {
    let plan = with(plan, settings, &course.zone)?;
    let changes = [Change::Assignment(plan.clone())];
    waiting::change_assignments(desk, course, &changes, context).await?;
    tell(&plan, &course.zone, context);
    Ok(())
}

/// The plan with what was typed.
fn with(plan: AssignmentPlan, settings: AssignmentSettings, zone: &Zone) -> Done<AssignmentPlan> {
    let last = |text: &str| zone.last_moment(text);
    let late = match (settings.late, settings.penalty) {
        (None, steps) if steps.is_empty() => plan.late,
        (None, steps) => {
            let steps = PenaltySteps::new(steps).map_err(|error| Undone::Usage {
                what: error.to_string(),
                advice:
                    "Name each step from how late on and how much: --penalty 0h:10 --penalty 24h:20"
                        .to_owned(),
            })?;
            LatePolicy::Penalty { steps }
        }
        (Some(LateArg::Refuse), _) => LatePolicy::Refuse,
        (Some(LateArg::Accept), _) => LatePolicy::Accept,
    };
    let mut limits = plan.limits;
    limits.files = settings.max_files.unwrap_or(limits.files);
    limits.bytes = settings.max_bytes.unwrap_or(limits.bytes);
    limits.attempts = settings.max_attempts.unwrap_or(limits.attempts);
    Ok(AssignmentPlan {
        title: settings.title.unwrap_or(plan.title),
        due: typed(settings.due, plan.due, last)?,
        until: typed(settings.until, plan.until, last)?,
        visible_from: typed(settings.visible_from, plan.visible_from, |text| {
            zone.first_moment(text)
        })?,
        late,
        upload_seconds: match settings.upload_hours {
            Some(hours) => i64::from(hours) * 60 * 60,
            None => plan.upload_seconds,
        },
        limits,
        groups: settings.groups.map_or(plan.groups, |GroupsArg(set)| set),
        course: plan.course,
        assignment: plan.assignment,
    })
}

/// A time that was typed, one that was taken away by "none", or the one before.
fn typed(
    text: Option<String>,
    before: Option<Timestamp>,
    read: impl Fn(&str) -> Result<Timestamp, TimeError>,
) -> Result<Option<Timestamp>, TimeError> {
    match text.as_deref() {
        None => Ok(before),
        Some("none") => Ok(None),
        Some(text) => read(text).map(Some),
    }
}

pub(super) fn tell(plan: &AssignmentPlan, zone: &Zone, context: &Context) {
    context.terminal.result(&line(plan, zone), &document(plan, zone));
}

/// An assignment in a line.
fn line(plan: &AssignmentPlan, zone: &Zone) -> String {
    let mut line = format!("{}  {}  ", plan.reference(), Escaped(&plan.title));
    match plan.due {
        Some(due) => line.push_str(&format!("due {}", zone.shown(due))),
        None => line.push_str("no due time"),
    }
    match &plan.late {
        LatePolicy::Refuse if plan.due.is_some() => line.push_str(", nothing taken late"),
        LatePolicy::Refuse | LatePolicy::Accept => {}
        LatePolicy::Penalty { steps } => {
            for step in steps.steps() {
                let (hours, minutes) = (step.after_minutes / 60, step.after_minutes % 60);
                line.push_str(&format!(", -{} % after {hours}:{minutes:02} h", step.percent));
            }
        }
    }
    if let Some(until) = plan.until {
        line.push_str(&format!(", taken until {}", zone.shown(until)));
    }
    if let Some(set) = &plan.groups {
        line.push_str(&format!(", handed in by {set}"));
    }
    if let Some(from) = plan.visible_from {
        line.push_str(&format!(", seen from {}", zone.shown(from)));
    }
    line
}

fn document(plan: &AssignmentPlan, zone: &Zone) -> serde_json::Value {
    json!({
        "assignment": plan.reference().to_string(), "title": plan.title, "due": plan.due, "until": plan.until,
        "visible_from": plan.visible_from, "late": plan.late, "groups": plan.groups, "zone": zone,
        "upload_seconds": plan.upload_seconds, "limits": plan.limits,
    })
}
