//! `claim blackboard assignment` and `claim blackboard list`.

use anyhow::Result;
use claim_blackboard::{AdminError, AssignmentRow, Assignments, HandIn};
use claim_core::hand_in::{ClaimState, Limits};
use claim_core::{AssignmentRef, Escaped};
use claim_course::time::{TimeError, shown};
use serde_json::json;

use super::{Context, no_records};
use crate::cli::{AddAssignmentArgs, AssignmentCommand};
use crate::exit::Exit;

pub(super) async fn run(command: AssignmentCommand, context: &Context) -> Result<Exit> {
    match command {
        AssignmentCommand::Add(arguments) => add(arguments, context).await,
        AssignmentCommand::List { database } => {
            match list(database.database.as_deref(), context).await {
                Ok(()) => Ok(Exit::Done),
                Err(error) => Ok(no_records(context, &error)),
            }
        }
    }
}

pub(super) async fn open(
    database: Option<&str>,
    context: &Context,
) -> Result<Assignments, AdminError> {
    claim_blackboard::assignments(&context.server_dir(), database).await
}

async fn add(arguments: AddAssignmentArgs, context: &Context) -> Result<Exit> {
    let row = match row(&arguments) {
        Ok(row) => row,
        Err(error) => {
            context.terminal.failure(&error.to_string(), None, &error.advice());
            return Ok(Exit::Usage);
        }
    };
    let outcome =
        async { open(arguments.database.database.as_deref(), context).await?.put(&row).await };
    match outcome.await {
        Ok(()) => {
            context.terminal.result(&line(&row), &document(&row));
            Ok(Exit::Done)
        }
        Err(error) => Ok(no_records(context, &error)),
    }
}

fn row(arguments: &AddAssignmentArgs) -> Result<AssignmentRow, TimeError> {
    let zone = &arguments.zone;
    let last_moment = |text: &String| zone.last_moment(text);
    Ok(AssignmentRow {
        title: match &arguments.title {
            Some(title) => title.clone(),
            None => arguments.assignment.assignment.to_string(),
        },
        reference: arguments.assignment.clone(),
        due: arguments.due.as_ref().map(last_moment).transpose()?,
        until: arguments.until.as_ref().map(last_moment).transpose()?,
        zone: zone.name().to_owned(),
        upload_seconds: i64::from(arguments.upload_hours) * 60 * 60,
        limits: Limits {
            files: arguments.max_files,
            bytes: arguments.max_bytes,
            attempts: arguments.max_attempts,
        },
    })
}

async fn list(database: Option<&str>, context: &Context) -> Result<(), AdminError> {
    for row in open(database, context).await?.all().await? {
        context.terminal.result(&line(&row), &document(&row));
    }
    Ok(())
}

fn line(row: &AssignmentRow) -> String {
    let due = match row.due {
        Some(due) => format!("due {}", shown(due, &row.zone)),
        None => "no due time".to_owned(),
    };
    let until = row
        .until
        .map_or_else(String::new, |until| format!(", taken until {}", shown(until, &row.zone)));
    format!("{}  {}  {due}{until}", row.reference, Escaped(&row.title))
}

fn document(row: &AssignmentRow) -> serde_json::Value {
    json!({
        "assignment": row.reference.to_string(), "title": row.title, "due": row.due, "until": row.until,
        "zone": row.zone, "upload_seconds": row.upload_seconds, "limits": row.limits,
    })
}

pub(super) async fn hand_ins(
    assignment: &AssignmentRef,
    database: Option<&str>,
    context: &Context,
) -> Result<Exit> {
    let listed = async { open(database, context).await?.hand_ins(assignment).await };
    let hand_ins = match listed.await {
        Ok(hand_ins) => hand_ins,
        Err(error) => return Ok(no_records(context, &error)),
    };
    if hand_ins.is_empty() {
        context.terminal.say(&format!("Nobody has handed in for {assignment} yet."));
    }
    for HandIn { claim, counts } in hand_ins {
        let late = match claim.late_ms {
            0 => String::new(),
            late => format!(", {:.3} s late", late as f64 / 1000.0),
        };
        let line = format!(
            "{}  lodged {}{late}  {}{}  {}",
            claim.holder,
            claim.lodged_at,
            state(claim.state),
            if counts { ", counts" } else { "" },
            claim.id
        );
        let document = json!({
            "claim": claim.id, "sids": claim.holder, "lodged_at": claim.lodged_at, "late_ms": claim.late_ms,
            "state": claim.state, "counts": counts, "received_at": claim.received_at,
        });
        context.terminal.result(&line, &document);
    }
    Ok(Exit::Done)
}

fn state(state: ClaimState) -> &'static str {
    match state {
        ClaimState::Waiting => "files missing",
        ClaimState::Received => "received",
        ClaimState::Superseded => "superseded",
        ClaimState::Lapsed => "lapsed",
        ClaimState::Withdrawn => "withdrawn",
    }
}
