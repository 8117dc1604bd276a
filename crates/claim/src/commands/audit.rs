//! The audit logs of both servers: what is shown of them, and what is said.

use std::path::Path;

use anyhow::{Context as _, Result};
use claim_audit::{
    AuditError, AuditReport, AuditSources, AuditWitness, CosignError, CosignedBy, Finding,
    KeptCheckpoint, Pruned,
};
use claim_core::Escaped;
use claim_http::Clock;
use claim_log::note::MAX_NOTE_LENGTH;
use claim_log::{LogKey, SignedCheckpoint};
use claim_store::audit::{AuditEntry, AuditRecords, DeedName, EntryFilter};
use serde_json::{Value, json};

use super::Context;
use crate::cli::{AuditWhichArgs, CheckpointArgs, PruneArgs, VerifyAuditArgs};
use crate::exit::Exit;

/// Whose log it is, in words.
#[derive(Clone, Copy)]
pub(crate) struct Whose {
    /// As people call the server.
    pub(crate) server: &'static str,
    /// What comes before `audit`.
    pub(crate) command: &'static str,
}

/// The filters that are meant: one for each way in which a serial number may be spelled.
pub(crate) fn filters(which: &AuditWhichArgs, deed: Option<DeedName>) -> Vec<EntryFilter> {
    let serials = which
        .serial
        .as_ref()
        .map_or(vec![None], |serial| serial.candidates().iter().cloned().map(Some).collect());
    let filter = |serial| EntryFilter {
        person: which.person.clone(),
        serial,
        deed,
        authentication: which.authentication.map(|one| one.name().to_owned()),
        from: which.at.map(|period| period.from),
        until: which.at.map(|period| period.until),
    };
    serials.into_iter().map(filter).collect()
}

/// Shows every entry that is asked for, a thousand at a time.
pub(crate) async fn show_all(
    records: AuditRecords<'_>,
    filter: &EntryFilter,
    context: &Context,
) -> Result<(), AuditError> {
    let mut after = 0;
    loop {
        let page = records.entries(after, filter, claim_audit::PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.number;
        page.iter().for_each(|entry| show(entry, context));
    }
}

pub(crate) fn show(entry: &AuditEntry, context: &Context) {
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
        entry.is_erased().then(|| "(erased)".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let line = format!("{number:>6}  {at}  {deed:<17}  {}", parts.join("  "));
    let details: Value = serde_json::from_str(&entry.details).unwrap_or(Value::Null);
    let digest = <[u8; 32]>::try_from(entry.digest.as_slice()).ok();
    let document = json!({
        "number": number, "at": at, "deed": deed, "authentication": entry.authentication,
        "actor": entry.actor, "credential": entry.credential, "subject": subject,
        "serial": entry.serial, "sha256": digest.map(|d| claim_core::Digest::from_bytes(d).to_string()),
        "details": details, "erased": entry.is_erased(), "leaf": entry.leaf.to_string(), "root": entry.root.to_string(),
    });
    context.terminal.result(&line, &document);
}

/// Shows a checkpoint as it is to be kept, cosigned where that is asked for.
pub(crate) async fn checkpoint(
    records: AuditRecords<'_>,
    (signed, key): (SignedCheckpoint, LogKey),
    arguments: CheckpointArgs,
    whose: Whose,
    context: &Context,
) -> Exit {
    let CheckpointArgs { witness, witness_key, archive, database: _ } = arguments;
    let Some(at) = witness.zip(witness_key).map(|(url, key)| AuditWitness { url, key }) else {
        show_checkpoint(&signed, &key, context);
        return Exit::Done;
    };
    match claim_audit::cosign(records, &signed, &at, &archive, &Clock::system()).await {
        Ok(cosigned) => {
            show_checkpoint(&cosigned, &key, context);
            Exit::Done
        }
        Err(error) => not_cosigned(&error, &key, whose, context),
    }
}

fn show_checkpoint(signed: &SignedCheckpoint, key: &LogKey, context: &Context) {
    let note = String::from_utf8_lossy(&signed.to_bytes()).into_owned();
    let document = json!({ "checkpoint": note, "key": key.to_string() });
    context.terminal.result(note.trim_end_matches('\n'), &document);
}

fn not_cosigned(error: &CosignError, key: &LogKey, whose: Whose, context: &Context) -> Exit {
    let advice = match error {
        error if error.is_about_the_log() => format!(
            "Stop {}, keep its folder as it is, and read \"When the log does not verify\" in OPERATIONS.md.",
            whose.server
        ),
        CosignError::Audit(error) => error.advice(whose.command),
        CosignError::Archived { .. } => "Give these archives with --archive.".to_owned(),
        CosignError::Refused { .. } => {
            format!("Have the witness know this log: claim log witness --log-key '{key}'.")
        }
        CosignError::NoCosignature { .. } => {
            "Compare --witness-key with the key that the witness's people publish.".to_owned()
        }
        _ => "Look whether the witness serves at --witness, and do it again.".to_owned(),
    };
    let why = match error {
        CosignError::Behind { .. } | CosignError::Rewritten { .. } => Some(
            "Records that were restored have lost what came after their backup; else somebody has written another log.",
        ),
        _ => None,
    };
    context.terminal.failure(&Escaped(&error.to_string()).to_string(), why, &advice);
    match error {
        error if error.is_about_the_log() => Exit::NotVerified,
        CosignError::Reach(_) => Exit::Unreachable,
        _ => Exit::Refused,
    }
}

/// Goes through the log and tells what was found; what went wrong with a file outside, with records or archives inside.
pub(crate) async fn verify(
    records: AuditRecords<'_>,
    arguments: VerifyAuditArgs,
    whose: Whose,
    context: &Context,
) -> Result<Result<Exit, AuditError>> {
    let mut kept = Vec::new();
    for path in &arguments.checkpoint {
        let name = path.display().to_string();
        match SignedCheckpoint::from_bytes(&read(path)?) {
            Ok(signed) => kept.push(KeptCheckpoint { name, signed }),
            Err(error) => {
                let what = format!("{name} is not a checkpoint: {error}");
                let advice =
                    format!("Give a file as `{} audit checkpoint` printed it.", whose.command);
                context.terminal.failure(&what, None, &advice);
                return Ok(Ok(Exit::Refused));
            }
        }
    }
    let sources = AuditSources {
        archives: arguments.archive,
        kept,
        key: arguments.key,
        witnesses: arguments.witness,
    };
    let report = match claim_audit::verify(records, &sources).await {
        Ok(report) => report,
        Err(error) => return Ok(Err(error)),
    };
    let document = json!({
        "first": report.first, "last": report.last, "root": report.root.to_string(),
        "checkpoints": report.checkpoints, "agreeing": report.agreeing, "too_old": report.too_old,
        "cosigned": report.cosigned.iter().map(|one| json!({
            "witness": one.witness.name().as_str(), "entries": one.size, "at": one.at,
        })).collect::<Vec<_>>(),
        "restored": report.restored,
        "finding": report.finding.as_ref().map(ToString::to_string),
        "first_wrong": report.finding.as_ref().map(Finding::number),
    });
    if context.terminal.is_json() {
        context.terminal.result("", &document);
    } else {
        tell(&report, whose, context);
    }
    Ok(Ok(if report.finding.is_some() { Exit::NotVerified } else { Exit::Done }))
}

fn tell(report: &AuditReport, whose: Whose, context: &Context) {
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
            &format!(
                "Stop {}, keep its folder as it is, and read \"When the log does not verify\" in OPERATIONS.md.",
                whose.server
            ),
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
    for CosignedBy { witness, size, at } in &report.cosigned {
        let name = witness.name();
        terminal.verdict(true, &format!("{name} has cosigned entries 1 to {size}, at {at}"));
    }
    terminal.result(&format!("The log has the root {}.", report.root), &Value::Null);
}

/// Whether old entries are to go into the archive; `what` goes there.
pub(crate) fn is_agreed(arguments: &PruneArgs, what: &str, context: &Context) -> Result<bool> {
    let question = format!(
        "Entries from before {}{what} go from the records into {}. Do it? [y/N] ",
        arguments.before,
        arguments.archive.display()
    );
    let is_agreed = arguments.yes || super::cuhk::agreed(&question, context)?;
    if !is_agreed {
        context.terminal.failure("Nothing was moved.", None, "Answer yes, or give --yes.");
    }
    Ok(is_agreed)
}

/// Tells what went into the archive. Only CUHK has certificates.
pub(crate) fn tell_pruned(
    pruned: Option<Pruned>,
    archive: &Path,
    has_certificates: bool,
    context: &Context,
) -> Exit {
    let Some(pruned) = pruned else {
        context.terminal.say("There is nothing from before that.");
        return Exit::Done;
    };
    let (first, last, certificates) = (pruned.first, pruned.last, pruned.certificates);
    let entries = match last < first {
        true => "No entries".to_owned(),
        false => format!("Entries {first} to {last}"),
    };
    let and = match has_certificates {
        true => format!(" and {certificates} certificates"),
        false => String::new(),
    };
    let line =
        format!("{entries}{and} are in {} now, and no longer in the records.", archive.display());
    let mut document = json!({
        "first": first, "last": last, "archive": archive, "sha256": pruned.digest.to_string(),
    });
    if has_certificates {
        document["certificates"] = certificates.into();
    }
    context.terminal.result(&line, &document);
    Exit::Done
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
