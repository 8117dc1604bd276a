//! `claim cuhk audit`.

use std::path::Path;

use anyhow::{Context as _, Result};
use claim_core::Escaped;
use claim_cuhk::{
    AdminError, AuditEntry, AuditReport, AuditSources, Clock, EntryFilter, KeptCheckpoint, Office,
};
use claim_log::SignedCheckpoint;
use claim_log::note::MAX_NOTE_LENGTH;
use serde_json::{Value, json};

use super::{admin_failure, agreed};
use crate::cli::{AuditListArgs, CuhkAuditArgs, CuhkAuditCommand, PruneArgs, VerifyAuditArgs};
use crate::commands::Context;
use crate::exit::Exit;

/// What went wrong with a file or a terminal, outside; what CUHK's records or rules say, inside.
type Outcome = Result<Result<Exit, AdminError>>;

pub(super) async fn run(arguments: CuhkAuditArgs, context: &Context) -> Result<Exit> {
    let database = match &arguments.command {
        CuhkAuditCommand::List(AuditListArgs { database, .. })
        | CuhkAuditCommand::Checkpoint { database }
        | CuhkAuditCommand::Verify(VerifyAuditArgs { database, .. })
        | CuhkAuditCommand::Prune(PruneArgs { database, .. }) => database.database.clone(),
    };
    let office = Office::open(&context.server_dir(), database.as_deref(), Clock::system()).await;
    let office = match office {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let done = match arguments.command {
        CuhkAuditCommand::List(arguments) => Ok(list(&office, arguments, context).await),
        CuhkAuditCommand::Checkpoint { .. } => Ok(checkpoint(&office, context).await),
        CuhkAuditCommand::Verify(arguments) => verify(&office, arguments, context).await,
        CuhkAuditCommand::Prune(arguments) => prune(&office, arguments, context).await,
    };
    office.close().await;
    match done? {
        Ok(exit) => Ok(exit),
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

async fn list(
    office: &Office,
    arguments: AuditListArgs,
    context: &Context,
) -> Result<Exit, AdminError> {
    let serials = arguments
        .serial
        .as_ref()
        .map_or(vec![None], |serial| serial.candidates().iter().cloned().map(Some).collect());
    for serial in serials {
        let filter = EntryFilter {
            person: arguments.person.clone(),
            serial,
            deed: arguments.deed.map(Into::into),
            authentication: arguments.authentication.map(|one| one.name().to_owned()),
            from: arguments.at.map(|period| period.from),
            until: arguments.at.map(|period| period.until),
        };
        show_all(office, &filter, context).await?;
    }
    Ok(Exit::Done)
}

/// Shows every entry that is asked for, a thousand at a time.
pub(super) async fn show_all(
    office: &Office,
    filter: &EntryFilter,
    context: &Context,
) -> Result<(), AdminError> {
    let mut after = 0;
    loop {
        let page = office.audit_entries(after, filter).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.number;
        page.iter().for_each(|entry| show(entry, context));
    }
}

fn show(entry: &AuditEntry, context: &Context) {
    let AuditEntry { number, at, deed, subject, .. } = entry;
    let known = [entry.authentication.as_str(), &entry.actor].join(" ");
    let by = format!("by {}", Escaped(known.trim_end()));
    let part = |name: &str, text: &str| format!("{name}{}", Escaped(text));
    let parts = [
        (!subject.is_empty()).then(|| part("of ", subject)),
        (!entry.serial.is_empty()).then(|| part("serial ", &entry.serial)),
        Some(by),
        (!entry.credential.is_empty()).then(|| part("with ", &entry.credential)),
        (!entry.details.is_empty()).then(|| part("", &entry.details)),
        entry.salt.is_empty().then(|| "(erased)".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let line = format!("{number:>6}  {at}  {deed:<17}  {}", parts.join("  "));
    let details: Value = serde_json::from_str(&entry.details).unwrap_or(Value::Null);
    let digest = <[u8; 32]>::try_from(entry.digest.as_slice()).ok();
    let document = json!({
        "number": number, "at": at, "deed": deed, "authentication": entry.authentication,
        "actor": entry.actor, "credential": entry.credential, "subject": subject,
        "serial": entry.serial, "sha256": digest.map(|d| claim_core::Digest::from_bytes(d).to_string()),
        "details": details, "leaf": entry.leaf.to_string(), "root": entry.root.to_string(),
    });
    context.terminal.result(&line, &document);
}

async fn checkpoint(office: &Office, context: &Context) -> Result<Exit, AdminError> {
    let (signed, key) = office.audit_checkpoint().await?;
    let note = String::from_utf8_lossy(&signed.to_bytes()).into_owned();
    let document = json!({ "checkpoint": note, "key": key.to_string() });
    context.terminal.result(note.trim_end_matches('\n'), &document);
    Ok(Exit::Done)
}

async fn verify(office: &Office, arguments: VerifyAuditArgs, context: &Context) -> Outcome {
    let mut kept = Vec::new();
    for path in &arguments.checkpoint {
        let name = path.display().to_string();
        match SignedCheckpoint::from_bytes(&read(path)?) {
            Ok(signed) => kept.push(KeptCheckpoint { name, signed }),
            Err(error) => {
                let what = format!("{name} is not a checkpoint: {error}");
                let advice = "Give a file as `claim cuhk audit checkpoint` printed it.";
                context.terminal.failure(&what, None, advice);
                return Ok(Ok(Exit::Refused));
            }
        }
    }
    let sources = AuditSources { archives: arguments.archive, kept, key: arguments.key };
    let report = match office.audit_verify(&sources).await {
        Ok(report) => report,
        Err(error) => return Ok(Err(error)),
    };
    let document = json!({
        "first": report.first, "last": report.last, "root": report.root.to_string(),
        "checkpoints": report.checkpoints, "agreeing": report.agreeing, "too_old": report.too_old,
        "restored": report.restored,
        "finding": report.finding.as_ref().map(ToString::to_string),
        "first_wrong": report.finding.as_ref().map(claim_cuhk::Finding::number),
    });
    if context.terminal.is_json() {
        context.terminal.result("", &document);
    } else {
        tell(&report, context);
    }
    Ok(Ok(if report.finding.is_some() { Exit::NotVerified } else { Exit::Done }))
}

fn tell(report: &AuditReport, context: &Context) {
    let terminal = context.terminal;
    for (name, size) in &report.too_old {
        terminal.say(&format!(
            "{name} covers entries 1 to {size}, which stand in archives: give them with --archive to compare."
        ));
    }
    for number in &report.restored {
        terminal.say(&format!("Entry {number}: the records were restored from a backup."));
    }
    if let Some(finding) = &report.finding {
        let why = (!report.restored.is_empty()).then_some(
            "Records that were restored have lost what came after their backup; the entry above says when.",
        );
        terminal.failure(
            &format!("the first wrong entry is {}: {finding}", finding.number()),
            why,
            "Stop CUHK, keep its folder as it is, and read \"When the log does not verify\" in OPERATIONS.md.",
        );
        return;
    }
    terminal.verdict(
        true,
        &format!("entries {} to {} are what was appended", report.first, report.last),
    );
    terminal.verdict(true, &format!("{} checkpoints in the records agree", report.checkpoints));
    for (name, size) in &report.agreeing {
        terminal
            .verdict(true, &format!("{name} agrees: entries 1 to {size} are as they were then"));
    }
    terminal.result(&format!("The log has the root {}.", report.root), &Value::Null);
}

async fn prune(office: &Office, arguments: PruneArgs, context: &Context) -> Outcome {
    let PruneArgs { before, archive, yes, .. } = arguments;
    let question = format!(
        "Entries from before {before}, and certificates that had ended by then, go from the records into {}. \
         Do it? [y/N] ",
        archive.display()
    );
    if !yes && !agreed(&question, context)? {
        context.terminal.failure("Nothing was moved.", None, "Answer yes, or give --yes.");
        return Ok(Ok(Exit::Refused));
    }
    Ok(office.audit_prune(before, &archive).await.map(|pruned| {
        let Some(pruned) = pruned else {
            context.terminal.say("There is nothing from before that.");
            return Exit::Done;
        };
        let (first, last, certificates) = (pruned.first, pruned.last, pruned.certificates);
        let entries = match last < first {
            true => "No entries".to_owned(),
            false => format!("Entries {first} to {last}"),
        };
        let line = format!(
            "{entries} and {certificates} certificates are in {} now, and no longer in the records.",
            archive.display()
        );
        let document = json!({
            "first": first, "last": last, "certificates": certificates, "archive": archive,
            "sha256": pruned.digest.to_string(),
        });
        context.terminal.result(&line, &document);
        Exit::Done
    }))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let told = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(told)?;
    // One more than allowed, so that it is seen to be too long.
    file.take(MAX_NOTE_LENGTH as u64 + 1).read_to_end(&mut bytes).with_context(told)?;
    Ok(bytes)
}
