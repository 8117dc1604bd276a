//! `claim cuhk roster`.

mod import;

use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result};
use claim_core::{Escaped, PersonId};
use claim_course::table::csv_line;
use claim_cuhk::{AdminError, Clock, Office, PersonEntry, Progress};
use serde_json::{Value, json};

use super::{admin_failure, agreed, show_entry};
use crate::cli::{RemoveArgs, RemoveWhom, RosterArgs, RosterCommand, StateArg};
use crate::commands::Context;
use crate::exit::Exit;

/// A roster file is read up to here; claim-cuhk has the same limit.
const MAX_ROSTER_BYTES: u64 = claim_cuhk::MAX_ROSTER_BYTES as u64;

pub(super) async fn run(arguments: RosterArgs, context: &Context) -> Result<Exit> {
    let database = match &arguments.command {
        RosterCommand::Remove(arguments) => &arguments.database,
        RosterCommand::Import { database, .. }
        | RosterCommand::List { database, .. }
        | RosterCommand::Show { database, .. }
        | RosterCommand::Export { database }
        | RosterCommand::Restore { database, .. } => database,
    };
    let database = database.database.clone();
    let office = Office::open(&context.server_dir(), database.as_deref(), Clock::system()).await;
    let office = match office {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let done = match arguments.command {
        RosterCommand::Import { file, dry_run, .. } => {
            import::run(&office, &file, dry_run, context).await
        }
        RosterCommand::List { state, role, .. } => {
            let wanted = |person: &PersonEntry| {
                state.is_none_or(|state| state == state_of(&person.progress))
                    && role
                        .as_ref()
                        .is_none_or(|role| person.role.as_deref().is_some_and(|has| role.is(has)))
            };
            each(&office, |person| {
                if wanted(person) {
                    show(person, context)
                }
            })
            .await
        }
        RosterCommand::Show { id, .. } => show_one(&office, &id, context).await,
        RosterCommand::Export { .. } => export(&office, context).await,
        RosterCommand::Remove(arguments) => remove(&office, arguments, context).await,
        RosterCommand::Restore { ids, .. } => restore(&office, &ids, context).await,
    };
    office.close().await;
    match done? {
        Ok(exit) => Ok(exit),
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

/// What went wrong with a file or a terminal, outside; what CUHK's records or rules say, inside.
pub(super) type Outcome = Result<Result<Exit, AdminError>>;

/// Reads a CSV file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let told = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(told)?;
    // One byte more than allowed, so that claim-cuhk can tell that it is too long.
    file.take(MAX_ROSTER_BYTES + 1).read_to_end(&mut bytes).with_context(told)?;
    Ok(bytes)
}

/// Goes through everybody on record, a thousand at a time.
async fn each(office: &Office, mut show: impl FnMut(&PersonEntry)) -> Outcome {
    let mut after = None;
    loop {
        let page = match office.people(after.as_ref()).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let Some(last) = page.last() else { return Ok(Ok(Exit::Done)) };
        after = Some(last.id.clone());
        page.iter().for_each(&mut show);
    }
}

async fn show_one(office: &Office, id: &PersonId, context: &Context) -> Outcome {
    let (person, certificates) = match (office.person(id).await, office.certificates_of(id).await) {
        (Ok(person), Ok(certificates)) => (person, certificates),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
    };
    show(&person, context);
    certificates.iter().for_each(|certificate| show_entry(context, certificate));
    Ok(Ok(Exit::Done))
}

async fn export(office: &Office, context: &Context) -> Outcome {
    context.terminal.text(&csv_line(&["id", "name", "email", "role"]));
    each(office, |person| {
        let off = matches!(person.progress, Progress::Removed { .. });
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        if !off {
            let fields = [text(&person.name), text(&person.email), text(&person.role)];
            let [name, email, role] = fields.each_ref().map(String::as_str);
            context.terminal.text(&csv_line(&[person.id.as_str(), name, email, role]));
        }
    })
    .await
}

async fn remove(office: &Office, arguments: RemoveArgs, context: &Context) -> Outcome {
    let RemoveArgs { whom: RemoveWhom { mut ids, missing_from }, role, yes, .. } = arguments;
    if let Some(file) = missing_from {
        let import = match office.compare_roster(&read(&file)?).await {
            Ok(import) => import,
            Err(error) => return Ok(Err(error)),
        };
        let has_role = |has: &Option<String>| {
            role.as_ref().is_none_or(|role| has.as_deref().is_some_and(|has| role.is(has)))
        };
        let missing = import.difference().missing.iter().filter(|person| has_role(&person.role));
        for person in missing {
            let name = person.name.as_deref().unwrap_or_default();
            context.terminal.say(&format!("  - {}  {}", person.id, Escaped(name)));
            ids.push(person.id.clone());
        }
    }
    if ids.is_empty() {
        context.terminal.say("Nobody is to be taken off the roster.");
        return Ok(Ok(Exit::Done));
    }
    let question = format!(
        "{} off the roster: open codes end, and nothing is renewed for them. Take them off? [y/N] ",
        people(ids.len() as u64)
    );
    if !yes && !agreed(&question, context)? {
        context.terminal.failure("Nobody was taken off.", None, "Answer yes, or give --yes.");
        return Ok(Ok(Exit::Refused));
    }
    Ok(office.remove_people(&ids).await.map(|removed| {
        let line = format!(
            "{} taken off the roster. Certificates that they hold stay good until they end, or are revoked (claim cuhk revoke).",
            people(removed)
        );
        context.terminal.result(&line, &json!({ "removed": removed }));
        Exit::Done
    }))
}

async fn restore(office: &Office, ids: &[PersonId], context: &Context) -> Outcome {
    Ok(office.restore_people(ids).await.map(|restored| {
        let line = format!("{} back on the roster.", people(restored));
        context.terminal.result(&line, &json!({ "restored": restored }));
        Exit::Done
    }))
}

pub(super) fn show(person: &PersonEntry, context: &Context) {
    let text = |field: &Option<String>| Escaped(field.as_deref().unwrap_or("-")).to_string();
    let line = format!(
        "{:<12}  {:<11}  {}  {}  {}{}",
        person.id,
        state_name(&person.progress),
        text(&person.name),
        text(&person.email),
        text(&person.role),
        details(&person.progress)
    );
    context.terminal.result(&line, &document(person));
}

fn document(person: &PersonEntry) -> Value {
    let mut document = json!({
        "id": person.id, "name": person.name, "email": person.email, "role": person.role,
        "state": state_name(&person.progress), "added_at": person.added_at,
        "mailed_at": person.mailed_at, "certificates": person.certificates,
    });
    match &person.progress {
        Progress::Invited { until } => document["open_until"] = json!(until),
        Progress::Doubtful { since } => document["doubtful_since"] = json!(since),
        Progress::Removed { since } => document["removed_at"] = json!(since),
        Progress::MailFailed { why } => document["mail_fault"] = json!(why),
        Progress::New | Progress::Lapsed | Progress::Enrolled => {}
    }
    document
}

fn details(progress: &Progress) -> String {
    match progress {
        Progress::Invited { until } => format!("  (until {until})"),
        Progress::Doubtful { since } => format!("  (mail begun at {since}, its end is not known)"),
        Progress::Removed { since } => format!("  (since {since})"),
        Progress::MailFailed { why } => format!("  ({})", Escaped(why)),
        Progress::New | Progress::Lapsed | Progress::Enrolled => String::new(),
    }
}

fn state_name(progress: &Progress) -> &'static str {
    match state_of(progress) {
        StateArg::New => "new",
        StateArg::MailFailed => "mail-failed",
        StateArg::Doubtful => "doubtful",
        StateArg::Invited => "invited",
        StateArg::Lapsed => "lapsed",
        StateArg::Enrolled => "enrolled",
        StateArg::Removed => "removed",
    }
}

fn state_of(progress: &Progress) -> StateArg {
    match progress {
        Progress::New => StateArg::New,
        Progress::MailFailed { .. } => StateArg::MailFailed,
        Progress::Doubtful { .. } => StateArg::Doubtful,
        Progress::Invited { .. } => StateArg::Invited,
        Progress::Lapsed => StateArg::Lapsed,
        Progress::Enrolled => StateArg::Enrolled,
        Progress::Removed { .. } => StateArg::Removed,
    }
}

/// So many people, as a sentence begins.
pub(super) fn people(count: u64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}
