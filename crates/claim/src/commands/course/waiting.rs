//! What a change of an upload window means for the claims that wait for files.

use claim_course::api::WaitingClaims;
use claim_course::time::Zone;
use claim_course::{AssignmentPlan, Change, Course};
use serde_json::json;

use super::desk::Setup;
use super::{Context, Desk, Done, change};
use crate::terminal::Words;

/// Makes changes among which are assignments, and tells of claims that wait where an upload window became another.
pub(super) async fn change_assignments(
    desk: &mut Desk,
    seen: &Course,
    changes: &[Change],
    context: &Context,
) -> Done {
    let has_assignments = changes.iter().any(|one| matches!(one, Change::Assignment(_)));
    let before = match has_assignments {
        true => desk.setup(&seen.course).await?.assignments,
        false => Vec::new(),
    };
    change(desk, seen, changes).await?;
    let moved: Vec<_> = changes.iter().filter_map(|one| moved(one, &before)).collect();
    if moved.is_empty() {
        return Ok(());
    }
    let Setup { course, waiting, .. } = desk.setup(&seen.course).await?;
    for (was, is) in moved {
        let waits = waiting.iter().find(|one| one.assignment == is.assignment);
        tell(was, is, waits, &course.zone, context);
    }
    Ok(())
}

/// Claims that wait, in a line.
pub(super) fn show(waiting: &WaitingClaims, zone: &Zone, context: &Context) {
    let WaitingClaims { assignment, claims, latest, .. } = waiting;
    let line = format!(
        "{assignment}  waiting for files: {claims}, until {} at the latest",
        zone.shown(*latest)
    );
    context.terminal.result(&line, &json!({ "waiting": waiting }));
}

/// The assignment before and after, where its window is another.
fn moved<'a>(
    change: &'a Change,
    before: &'a [AssignmentPlan],
) -> Option<(&'a AssignmentPlan, &'a AssignmentPlan)> {
    let Change::Assignment(is) = change else { return None };
    let was = before.iter().find(|was| was.assignment == is.assignment)?;
    (was.upload_seconds != is.upload_seconds).then_some((was, is))
}

fn tell(
    was: &AssignmentPlan,
    is: &AssignmentPlan,
    waits: Option<&WaitingClaims>,
    zone: &Zone,
    context: &Context,
) {
    let (from, to) = (span(was.upload_seconds), span(is.upload_seconds));
    let reference = is.reference();
    let means = match waits {
        None => "No claim waits for files.".to_owned(),
        Some(WaitingClaims { claims, latest, .. }) => {
            let who = match claims {
                1 => "The one claim that waits for files keeps".to_owned(),
                claims => format!("The {claims} claims that wait for files keep"),
            };
            let what = match is.upload_seconds > was.upload_seconds {
                true => "at least the longer time, counted from lodging",
                false => "the time that was promised at lodging",
            };
            format!("{who} {what}: until {} at the latest.", zone.shown(*latest))
        }
    };
    context.terminal.tell(&Words {
        plain: Some(format!("{reference}: files may follow for {to} now, before for {from}. {means}")),
        json: Some(json!({
            "event": "upload-window", "assignment": reference.to_string(), "was": was.upload_seconds,
            "is": is.upload_seconds, "waiting": waits,
        })),
        ..Words::default()
    });
}

/// A length of time, as people set it: in hours where that is enough.
fn span(seconds: i64) -> String {
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (1, 0, 0) => "1 hour".to_owned(),
        (hours, 0, 0) => format!("{hours} hours"),
        (hours, minutes, 0) => format!("{hours}:{minutes:02} hours"),
        _ => format!("{seconds} seconds"),
    }
}
