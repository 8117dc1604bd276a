//! `claim blackboard assignment` and `claim blackboard list`.

use anyhow::Result;
use claim_blackboard::{AdminError, AssignmentRow, Assignments, HandIn};
use claim_core::hand_in::{ClaimState, Limits};
use claim_core::{AssignmentRef, Escaped, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Context, no_records};
use crate::cli::{AddAssignmentArgs, AssignmentCommand};
use crate::exit::Exit;

/// Why what was typed is no time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum TimeError {
    #[error("{zone:?} is no time zone that this system knows")]
    Zone { zone: String },
    #[error("{text:?} is no time; write it like \"2026-11-24 23:59\"")]
    Form { text: String },
    #[error("{text:?} does not exist in {zone}: clocks are put forward over it")]
    Gap { text: String, zone: String },
    #[error("{text:?} comes twice in {zone}, as clocks are put back")]
    Twice { text: String, zone: String },
}

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

async fn open(database: Option<&str>, context: &Context) -> Result<Assignments, AdminError> {
    claim_blackboard::assignments(&context.server_dir(), database).await
}

async fn add(arguments: AddAssignmentArgs, context: &Context) -> Result<Exit> {
    let row = match row(&arguments) {
        Ok(row) => row,
        Err(error) => {
            let advice = "Name the zone by its IANA name, e.g. Asia/Hong_Kong, and a minute that is there once.";
            context.terminal.failure(&error.to_string(), None, advice);
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
    let zone = TimeZone::get(&arguments.zone)
        .map_err(|_| TimeError::Zone { zone: arguments.zone.clone() })?;
    let last_moment = |text: &String| last_moment(text, &arguments.zone, &zone);
    Ok(AssignmentRow {
        title: match &arguments.title {
            Some(title) => title.clone(),
            None => arguments.assignment.assignment.to_string(),
        },
        reference: arguments.assignment.clone(),
        due: arguments.due.as_ref().map(last_moment).transpose()?,
        until: arguments.until.as_ref().map(last_moment).transpose()?,
        zone: arguments.zone.clone(),
        upload_seconds: i64::from(arguments.upload_hours) * 60 * 60,
        limits: Limits {
            files: arguments.max_files,
            bytes: arguments.max_bytes,
            attempts: arguments.max_attempts,
        },
    })
}

/// The last millisecond of the minute that was typed.
fn last_moment(text: &str, name: &str, zone: &TimeZone) -> Result<Timestamp, TimeError> {
    use jiff::tz::AmbiguousOffset::{Fold, Gap, Unambiguous};
    let form = || TimeError::Form { text: text.to_owned() };
    let minute = DateTime::strptime("%Y-%m-%d %H:%M", text).map_err(|_| form())?;
    let (text, zone_name) = (text.to_owned(), name.to_owned());
    let ambiguous = zone.to_ambiguous_timestamp(minute);
    match ambiguous.offset() {
        Unambiguous { .. } => {}
        Gap { .. } => return Err(TimeError::Gap { text, zone: zone_name }),
        Fold { .. } => return Err(TimeError::Twice { text, zone: zone_name }),
    }
    let start = ambiguous.unambiguous().map_err(|_| TimeError::Form { text })?;
    Ok(Timestamp::from_millis(start.as_millisecond().saturating_add(59_999)))
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

/// A time in the assignment's zone, with its offset.
fn shown(time: Timestamp, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M:%S %:z %Q").to_string()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn at(text: &str, zone: &str) -> Result<String, TimeError> {
        last_moment(text, zone, &TimeZone::get(zone).unwrap()).map(|time| time.to_string())
    }

    #[test]
    fn a_minute_is_in_time_to_its_end() {
        assert_eq!(at("2026-11-24 23:59", "Asia/Hong_Kong").unwrap(), "2026-11-24T15:59:59.999Z");
        assert_eq!(at("2026-11-24 23:59", "UTC").unwrap(), "2026-11-24T23:59:59.999Z");
    }

    #[test]
    fn minutes_that_are_not_there_once() {
        assert!(matches!(at("2026-03-29 02:30", "Europe/Berlin"), Err(TimeError::Gap { .. })));
        assert!(matches!(at("2026-10-25 02:30", "Europe/Berlin"), Err(TimeError::Twice { .. })));
        for wrong in ["", "24.11.2026", "2026-11-24", "2026-11-24T23:59Z", "2026-02-30 10:00"] {
            assert!(matches!(at(wrong, "UTC"), Err(TimeError::Form { .. })), "{wrong:?}");
        }
    }
}
