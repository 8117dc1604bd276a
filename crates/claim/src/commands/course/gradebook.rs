//! Who has handed in, in the form that a gradebook imports.

use std::collections::HashMap;

use claim_core::{AssignmentRef, Sid};
use claim_course::api::HandIn;
use claim_course::gradebook::{Row, State, csv};
use claim_course::roster::Format;
use claim_course::{AssignmentPlan, Member};
use serde_json::json;

use super::desk::Setup;
use super::{Context, Desk, DeskError, Done};
use crate::cli::course::GradebookArg;

pub(super) async fn write(
    assignment: &AssignmentRef,
    format: GradebookArg,
    desk: &mut Desk,
    context: &Context,
) -> Done {
    let Setup { assignments, .. } = desk.setup(&assignment.course).await?;
    let mut assignments = assignments.into_iter();
    let plan = assignments.find(|plan| plan.assignment == assignment.assignment);
    let plan: AssignmentPlan =
        plan.ok_or_else(|| DeskError::NoAssignment { assignment: assignment.clone() })?;
    let mut members: HashMap<Sid, Member> = HashMap::new();
    desk.members(&assignment.course, |member| {
        members.insert(member.sid.clone(), member);
    })
    .await?;
    let mut rows = Vec::new();
    desk.hand_ins(assignment, |hand_in| rows.push(row(hand_in, &mut members))).await?;
    let format = match format {
        GradebookArg::Plain => Format::Plain,
        GradebookArg::Moodle => Format::Moodle,
        GradebookArg::Canvas => Format::Canvas,
        GradebookArg::Blackboard => Format::Blackboard,
    };
    let text = csv(format, &plan.title, &rows);
    context
        .terminal
        .result(text.trim_end(), &json!({ "assignment": assignment.to_string(), "csv": text }));
    Ok(())
}

/// What counts is told; where nothing does, the last claim that was received late.
fn row(hand_in: HandIn, members: &mut HashMap<Sid, Member>) -> Row {
    let told = hand_in.told();
    let state = match told {
        None => State::Nothing,
        Some(claim) if claim.late_ms == 0 => State::InTime,
        Some(claim) => State::Late { by_ms: claim.late_ms },
    };
    let (email, extra) = match members.remove(&hand_in.sid) {
        Some(member) => (member.email, member.extra),
        None => (String::new(), Vec::new()),
    };
    let penalty_percent = told.map_or(0, |claim| claim.penalty);
    let by = told.and_then(|claim| claim.by.parse().ok());
    let HandIn { sid, name, .. } = hand_in;
    Row { sid, name, email, extra, state, penalty_percent, by }
}
