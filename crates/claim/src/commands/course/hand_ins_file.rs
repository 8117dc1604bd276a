//! Who has handed in, who has not, who is late: as a file for a gradebook, or for a program.

use std::path::Path;

use claim_core::{AssignmentRef, Escaped};
use claim_course::api::HandIn;
use claim_course::table::csv_line;
use claim_course::taking::Student;
use claim_files::{FileError, Mode, write_new};
use serde_json::json;

use super::{Context, Desk, Done, Undone};
use crate::cli::hand_ins::ListFormat;
use crate::exit::Exit;

const HEADER: [&str; 13] = [
    "sid",
    "name",
    "on roster",
    "group",
    "due",
    "state",
    "late (ms)",
    "penalty (percent)",
    "lodged at",
    "received at",
    "claim",
    "chosen because",
    "claims",
];

pub(super) async fn write(
    assignment: &AssignmentRef,
    format: ListFormat,
    out: Option<&Path>,
    desk: &mut Desk,
    context: &Context,
) -> Done {
    let mut rows = Vec::new();
    desk.hand_ins(assignment, |row| rows.push(row)).await?;
    let text = match format {
        ListFormat::Csv => csv(&rows),
        ListFormat::Json => {
            let document = json!({ "assignment": assignment.to_string(), "hand_ins": rows });
            format!("{document}\n")
        }
    };
    let Some(path) = out else {
        // It is the file itself, whatever else is written as JSON.
        context.terminal.text(text.trim_end());
        return Ok(());
    };
    match write_new(path, text.as_bytes(), Mode::Private) {
        Ok(()) => {
            let path = Escaped(&path.to_string_lossy()).to_string();
            context.terminal.say(&format!("{assignment}: {} students are in {path}.", rows.len()));
            Ok(())
        }
        Err(error) => {
            let advice = match error {
                FileError::Exists { .. } => "Name another file, or move that one away.",
                _ => "Name a file that can be written.",
            };
            context.terminal.failure(&error.to_string(), None, advice);
            Err(Undone::Told(Exit::Refused))
        }
    }
}

/// A line a student; what a spreadsheet would compute is made text, and lines end in CR and LF (RFC 4180 §2).
fn csv(rows: &[HandIn]) -> String {
    let mut text = csv_line(&HEADER) + "\r\n";
    for row in rows {
        let told = row.told();
        let of =
            |tell: fn(&claim_course::api::Lodged) -> String| told.map(tell).unwrap_or_default();
        let text_of =
            |at: Option<claim_core::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let fields = [
            row.sid.to_string(),
            row.name.clone(),
            if row.on_roster { "yes" } else { "no" }.to_owned(),
            row.group.as_ref().map(ToString::to_string).unwrap_or_default(),
            text_of(row.due),
            Student::from(row).state.words().to_owned(),
            of(|claim| claim.late_ms.to_string()),
            of(|claim| claim.penalty.to_string()),
            of(|claim| claim.lodged_at.to_string()),
            text_of(told.and_then(|claim| claim.received_at)),
            of(|claim| claim.claim.to_string()),
            row.chosen.clone().unwrap_or_default(),
            row.claims.len().to_string(),
        ];
        text.push_str(&csv_line(&fields.each_ref().map(String::as_str)));
        text.push_str("\r\n");
    }
    text
}
