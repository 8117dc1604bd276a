//! More time.

use claim_core::Escaped;
use claim_course::time::Zone;
use claim_course::{Change, Extension, ExtensionScope};
use serde_json::json;

use super::desk::Setup;
use super::{Context, Desk, Done, change, course};
use crate::cli::course::{ExtendCommand, ExtendWhom};

pub(super) async fn run(command: ExtendCommand, desk: &mut Desk, context: &Context) -> Done {
    match command {
        ExtendCommand::Grant { assignment, whom, due, until, reason } => {
            let seen = course(desk, &assignment.course).await?;
            let due = seen.zone.last_moment(&due)?;
            let until = until.map(|text| seen.zone.last_moment(&text)).transpose()?;
            let scope = scope(whom);
            let told =
                format!("{assignment} is due {} for {} now.", seen.zone.shown(due), words(&scope));
            let assignment = assignment.assignment;
            let change_made = Change::Extend { assignment, scope, due, until, reason };
            change(desk, &seen, &[change_made]).await?;
            context.terminal.say(&told);
        }
        ExtendCommand::Revoke { course: id, number } => {
            let seen = course(desk, &id).await?;
            change(desk, &seen, &[Change::RevokeExtension { number }]).await?;
            context.terminal.say(&format!(
                "Extension {number} of {id} is taken back. What was lodged in time by it stays in time."
            ));
        }
        ExtendCommand::List { course: id } => {
            let Setup { course, extensions, .. } = desk.setup(&id).await?;
            if extensions.is_empty() {
                context.terminal.say(&format!("Nobody has more time in {id}."));
            }
            for extension in &extensions {
                tell(extension, &course.zone, context);
            }
        }
    }
    Ok(())
}

fn scope(whom: ExtendWhom) -> ExtensionScope {
    match (whom.sid, whom.group) {
        (Some(sid), _) => ExtensionScope::Student(sid),
        (None, Some(group)) => ExtensionScope::Group(group),
        (None, None) => ExtensionScope::All,
    }
}

fn words(scope: &ExtensionScope) -> String {
    match scope {
        ExtensionScope::All => "everybody".to_owned(),
        ExtensionScope::Group(group) => format!("the group {}", Escaped(group.as_str())),
        ExtensionScope::Student(sid) => sid.to_string(),
    }
}

pub(super) fn tell(extension: &Extension, zone: &Zone, context: &Context) {
    let Extension { number, assignment, scope, due, until, reason, .. } = extension;
    let Extension { granted_by, granted_at, revoked_at, .. } = extension;
    let mut line =
        format!("extension {number}  {assignment}  {}: due {}", words(scope), zone.shown(*due));
    if let Some(until) = until {
        line.push_str(&format!(", taken until {}", zone.shown(*until)));
    }
    line.push_str(&format!("  {} (granted by {}", Escaped(reason), Escaped(granted_by)));
    match revoked_at {
        Some(at) => line.push_str(&format!(", taken back {})", zone.shown(*at))),
        None => line.push(')'),
    }
    let document = json!({
        "number": number, "assignment": assignment, "for": scope, "due": due, "until": until,
        "reason": reason, "granted_by": granted_by, "granted_at": granted_at, "revoked_at": revoked_at,
    });
    context.terminal.result(&line, &document);
}
