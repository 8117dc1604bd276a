//! `claim cuhk roster import`: the difference first, then all of it or nothing.

use std::path::Path;

use claim_core::Escaped;
use claim_core::PersonId;
use claim_cuhk::{ChangedPerson, Office, RosterDifference, RosterEntry};
use serde_json::json;

use super::{Outcome, people, read};
use crate::commands::Context;
use crate::exit::Exit;

/// How many people of each kind are shown in text; with --json all are.
const SHOWN: usize = 20;

pub(super) async fn run(office: &Office, file: &Path, dry_run: bool, context: &Context) -> Outcome {
    let import = match office.compare_roster(&read(file)?).await {
        Ok(import) => import,
        Err(error) => return Ok(Err(error)),
    };
    let difference = import.difference().clone();
    show(&difference, context);
    if !dry_run && let Err(error) = office.import_roster(import).await {
        return Ok(Err(error));
    }
    conclude(&difference, file, dry_run, context);
    Ok(Ok(Exit::Done))
}

fn show(difference: &RosterDifference, context: &Context) {
    let terminal = context.terminal;
    let shown = if terminal.is_json() { usize::MAX } else { SHOWN };
    let lines = |sign: &str, change: &str, all: Vec<(&PersonId, String)>| {
        for (id, what) in all.iter().take(shown) {
            if terminal.is_json() {
                terminal.result("", &json!({ "change": change, "id": id, "what": what }));
            } else {
                terminal.say(&format!("  {sign} {id}  {}", Escaped(what)));
            }
        }
        if all.len() > shown {
            terminal.say(&format!("  {sign} … and {} more", all.len() - shown));
        }
    };
    lines("+", "added", difference.added.iter().map(|one| (&one.id, told(one))).collect());
    lines("~", "changed", difference.changed.iter().map(|one| (&one.id, changes(one))).collect());
    let off = difference.off.iter().map(|one| (&one.id, "was taken off, and stays off".to_owned()));
    lines("!", "stays-off", off.collect());
    let missing = difference.missing.iter();
    let missing = missing.map(|one| (&one.id, one.name.clone().unwrap_or_default()));
    lines("-", "missing", missing.collect());
    for (address, ids) in difference.shared.iter().take(shown) {
        let ids: Vec<_> = ids.iter().map(PersonId::as_str).collect();
        let line = format!("  ? {address} is the address of {}", ids.join(", "));
        if terminal.is_json() {
            terminal.result(
                "",
                &json!({ "change": "shared-address", "email": address.as_str(), "ids": ids }),
            );
        } else {
            terminal.say(&line);
        }
    }
}

fn told(entry: &RosterEntry) -> String {
    let fields = [
        entry.name.as_ref().map(|name| name.as_str()),
        entry.email.as_ref().map(|email| email.as_str()),
        entry.role.as_ref().map(|role| role.as_str()),
    ];
    fields.into_iter().flatten().collect::<Vec<_>>().join("  ")
}

fn changes(changed: &ChangedPerson) -> String {
    let one = |(field, old, new): &(&str, Option<String>, String)| match old {
        Some(old) => format!("{field}: {old} → {new}"),
        None => format!("{field}: {new}"),
    };
    changed.fields.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn conclude(difference: &RosterDifference, file: &Path, dry_run: bool, context: &Context) {
    let RosterDifference { added, changed, unchanged, off, missing, shared } = difference;
    let verb = if dry_run { "To be added" } else { "Added" };
    let mut text =
        format!("{verb}: {}. Changed: {}. As before: {unchanged}.", added.len(), changed.len());
    let file = file.display();
    if !off.is_empty() {
        text.push_str(&format!(
            "\n{} of it stay off the roster; `claim cuhk roster restore ID` puts somebody back.",
            people(off.len() as u64)
        ));
    }
    if !missing.is_empty() {
        text.push_str(&format!(
            "\n{} on the roster and not in this file, left as they are; `claim cuhk roster remove --missing-from {file}` takes them off.",
            people(missing.len() as u64)
        ));
    }
    if !shared.is_empty() {
        text.push_str(
            "\nWhoever reads a person's mail can enrol in that name: look at the shared addresses.",
        );
    }
    if changed.iter().any(|one| one.fields.iter().any(|(field, ..)| *field == "email")) {
        text.push_str("\nOpen codes that went to an old address stay good until `claim cuhk invite --resend ID` or `--revoke ID`.");
    }
    text.push_str(if dry_run { "\nNothing was changed (--dry-run)." } else { "" });
    let document = json!({
        "added": added.len(), "changed": changed.len(), "unchanged": unchanged, "stay_off": off.len(),
        "missing": missing.len(), "shared_addresses": shared.len(), "applied": !dry_run,
    });
    context.terminal.result(&text, &document);
    if !dry_run && !added.is_empty() {
        context.terminal.say("Next: claim cuhk invite --all-new");
    }
}
