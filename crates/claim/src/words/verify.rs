//! What a receipt proves, in plain words and as JSON.
//!
//! Everything in a receipt is a stranger's: what is not of a type that cannot deceive a terminal is escaped.

pub(crate) mod folder;

use std::path::Path;

use claim_core::receipt::{
    Check, Claimed, Due, FileFact, FileState, Logged, Outcome, Point, Report, Severity, Standing,
    Verdict, Witnessed,
};
use claim_core::{Digest, Escaped, Timestamp};
use claim_pki::Root;
use serde_json::{Value, json};

use super::local;

/// What was judged, and by what.
pub(crate) struct Subject<'a> {
    pub(crate) receipt: &'a Path,
    pub(crate) root: &'a Path,
    pub(crate) trust: &'a Root,
}

/// A path, safe for a terminal.
pub(crate) fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// The answer for people.
pub(crate) fn text(subject: &Subject<'_>, report: &Report) -> String {
    let mut lines = vec![headline(subject, report), String::new()];
    if let Some(claim) = &report.claim {
        lines.extend(who_and_what(claim));
    }
    if let Some(at) = report.lodged_at {
        lines.push(row("lodged", &format!("{} by Blackboard's clock", moment(at))));
    }
    if let Some(at) = report.stamped_at {
        lines.push(row(
            "stamped",
            &format!("{} by CUHK's clock, as Blackboard was out of reach", moment(at)),
        ));
    }
    lines.extend(report.standing.map(|standing| row("", &confirmed(standing))));
    lines.extend(report.due.map(|due| row("due", &in_time(due, report))));
    if let Some(logged) = &report.logged {
        lines.extend(log(logged));
    }
    lines.extend(files(&report.files));
    lines.push(row(
        "root",
        &format!("{}, SHA-256 {}", shown(subject.root), fingerprint(subject.trust)),
    ));
    lines.push(String::new());
    lines.push("Checks".to_owned());
    lines.extend(report.checks().iter().flat_map(check));
    lines.join("\n")
}

fn headline(subject: &Subject<'_>, report: &Report) -> String {
    let receipt = shown(subject.receipt);
    match report.verdict() {
        Verdict::Verified => format!("{receipt}: verified. Every check holds."),
        Verdict::Incomplete => {
            format!("{receipt}: genuine, but not complete. What is missing stands at the checks.")
        }
        Verdict::NotVerified if only_files_fail(report) => format!(
            "{receipt}: NOT VERIFIED. The receipt holds, but files that were given are not what was handed in."
        ),
        Verdict::NotVerified if report.claim.is_some() => format!(
            "{receipt}: NOT VERIFIED. It proves nothing; what it says, as far as the checks came:"
        ),
        Verdict::NotVerified => format!("{receipt}: NOT VERIFIED. It proves nothing."),
    }
}

fn only_files_fail(report: &Report) -> bool {
    let failing = report.checks().iter().find(|check| check.outcome == Outcome::Fails);
    failing.is_some_and(|check| check.point == Point::Files)
}

fn row(title: &str, what: &str) -> String {
    format!("  {title:<10} {what}")
}

fn who_and_what(claim: &Claimed) -> Vec<String> {
    let manifest = &claim.manifest;
    let mut lines = Vec::new();
    for signer in &claim.signers {
        let name = Escaped(&signer.name).to_string();
        let name =
            if name == signer.person.to_string() { String::new() } else { format!(" ({name})") };
        lines.push(row("signed by", &format!("{}{name}", signer.person)));
    }
    let signed = |sid: &&claim_core::Sid| {
        claim.signers.iter().any(|signer| signer.person.to_string() == sid.to_string())
    };
    let named: Vec<String> =
        manifest.sids.sids().iter().filter(|sid| !signed(sid)).map(ToString::to_string).collect();
    match &manifest.by {
        Some(by) => {
            let how =
                format!("{}, on whose behalf {by} of the staff handed it in", named.join(", "));
            lines.push(row("for", &how));
        }
        None if named.is_empty() => {}
        None => lines.push(row("for", &format!("{}, named but did not sign", named.join(", ")))),
    }
    let assignment = manifest.assignment_ref();
    lines.push(row("handed in", &format!("to {assignment} at {}", manifest.blackboard)));
    if let Some(note) = &manifest.note {
        lines.push(row("note", &format!("\"{}\"", Escaped(note))));
    }
    // Said in both cases: an old draft that somebody lodged later gives itself away by it.
    let replaced = match manifest.replaces {
        Some(replaced) => format!("the claim {replaced}"),
        None => "none: by the signer's word nothing was lodged for this before".to_owned(),
    };
    lines.push(row("replaces", &replaced));
    lines.push(row("claim", &claim.id.to_string()));
    lines
}

fn confirmed(standing: Standing) -> String {
    match standing {
        Standing::ProvenInTime { witnessed } => {
            format!("the witness saw it at {}: that it was in time is proven", moment(witnessed))
        }
        Standing::ConfirmedInTime { seconds, .. } => {
            format!("in time by Blackboard's clock, which the witness confirms to {seconds} s")
        }
        Standing::Confirmed { seconds, .. } => {
            format!("the witness confirms that clock to {seconds} s")
        }
        Standing::Stamped { .. } => {
            "it is judged by CUHK's time, on the word of CUHK's timestamp authority".to_owned()
        }
        Standing::WordAlone => "nobody else confirms that clock".to_owned(),
    }
}

fn in_time(due: Due, report: &Report) -> String {
    match due {
        Due::None => "there was no due time".to_owned(),
        Due::InTime { due } => {
            let judged = report.stamped_at.or(report.lodged_at);
            let before = judged.map(|at| due.millis_since(at));
            let before = before.filter(|before| *before >= 0);
            let before =
                before.map_or(String::new(), |before| format!(", {} before", span(before)));
            let doubt = match report.standing {
                Some(Standing::WordAlone) => ", if that clock is right",
                _ => "",
            };
            format!("{}: in time{before}{doubt}", moment(due))
        }
        Due::Late { due, by } => format!(
            "{}, the due time that both signed: LATE by {}. A later due time that was granted since stands in Blackboard's \
             record alone: `claim student status` and `claim staff list` tell how it is judged now",
            moment(due),
            span(by.millis)
        ),
    }
}

fn log(logged: &Logged) -> Vec<String> {
    let received = match (logged.lodged, logged.received) {
        (_, Some(index)) => format!("all files, entry {index} of the log {}", logged.log),
        (Some(index), None) => {
            format!("not shown; that it was lodged is entry {index} of the log {}", logged.log)
        }
        (None, None) => format!("not shown, and the log {} is not shown to have it", logged.log),
    };
    let mut lines = vec![row("received", &received)];
    for witness in &logged.witnesses {
        let by = if witness.certified { "whom the root certifies" } else { "whom you named" };
        let name = Escaped(witness.witness.name().as_str()).to_string();
        lines.push(row("witnessed", &format!("by {name}, {by}, at {}", moment(witness.at))));
    }
    lines
}

fn files(files: &[FileFact]) -> Vec<String> {
    let mark = |state: &FileState| match state {
        FileState::Same => "✓",
        FileState::NotGiven => "·",
        _ => "✗",
    };
    let line = |file: &FileFact| {
        let name = Escaped(file.name.as_str()).to_string();
        row(
            "file",
            &format!("{} {name}, {} bytes, SHA-256 {}", mark(&file.state), file.size, file.sha256),
        )
    };
    files.iter().map(line).collect()
}

fn check(check: &Check) -> Vec<String> {
    let mark = match check.outcome {
        Outcome::Holds => "✓",
        Outcome::Incomplete => "○",
        Outcome::Fails => "✗",
        Outcome::NotReached => "·",
    };
    let outcome = check.outcome.name().replace('-', " ");
    let mut lines = vec![format!("  {mark} {:<10} {outcome}", check.point)];
    lines.extend(check.findings.iter().map(|finding| format!("      {finding}")));
    lines
}

/// A span of time, to the millisecond where that matters.
fn span(millis: i64) -> String {
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}.{rest:03} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// In this machine's time zone, with its offset.
fn moment(time: Timestamp) -> String {
    local(time).strftime("%F %T%.3f %:z").to_string()
}

fn fingerprint(root: &Root) -> String {
    Digest::from_bytes(*root.hash()).to_string()
}

/// The answer for programs.
pub(crate) fn json(subject: &Subject<'_>, report: &Report) -> Value {
    json!({
        "receipt": subject.receipt.to_string_lossy(),
        "root": fingerprint(subject.trust),
        "verdict": report.verdict().name(),
        "checks": report.checks().iter().map(check_json).collect::<Vec<_>>(),
        "claim": report.claim.as_ref().map(claim_json),
        "lodged_at": report.lodged_at,
        "stamped_at": report.stamped_at,
        "time": report.standing.map(standing_json),
        "due": report.due.map(due_json),
        "log": report.logged.as_ref().map(log_json),
        "files": report.files.iter().map(file_json).collect::<Vec<_>>(),
    })
}

fn check_json(check: &Check) -> Value {
    let weight = |severity| match severity {
        Severity::Note => "note",
        Severity::Incomplete => "incomplete",
        Severity::Failure => "failure",
    };
    let findings: Vec<Value> = check
        .findings
        .iter()
        .map(|one| json!({ "code": one.code(), "weight": weight(one.severity()), "text": one.to_string() }))
        .collect();
    json!({ "point": check.point.name(), "outcome": check.outcome.name(), "findings": findings })
}

fn claim_json(claim: &Claimed) -> Value {
    let signers: Vec<Value> = claim
        .signers
        .iter()
        .map(|one| json!({ "id": one.person, "name": one.name, "signing_time": one.signing_time }))
        .collect();
    let manifest = &claim.manifest;
    json!({
        "id": claim.id,
        "signers": signers,
        "sids": manifest.sids,
        "by": manifest.by,
        "blackboard": manifest.blackboard,
        "course": manifest.course,
        "assignment": manifest.assignment,
        "due": manifest.due,
        "replaces": manifest.replaces,
        "note": manifest.note,
    })
}

fn standing_json(standing: Standing) -> Value {
    match standing {
        Standing::ProvenInTime { witnessed } => {
            json!({ "standing": "proven-in-time", "witnessed": witnessed })
        }
        Standing::ConfirmedInTime { witnessed, seconds } => {
            json!({ "standing": "confirmed-in-time", "witnessed": witnessed, "seconds": seconds })
        }
        Standing::Confirmed { witnessed, seconds } => {
            json!({ "standing": "confirmed", "witnessed": witnessed, "seconds": seconds })
        }
        Standing::Stamped { stamped } => json!({ "standing": "stamped", "stamped": stamped }),
        Standing::WordAlone => json!({ "standing": "word-alone" }),
    }
}

fn due_json(due: Due) -> Value {
    match due {
        Due::None => json!({ "due": null, "late_ms": 0 }),
        Due::InTime { due } => json!({ "due": due, "late_ms": 0 }),
        Due::Late { due, by } => json!({ "due": due, "late_ms": by.millis }),
    }
}

fn log_json(logged: &Logged) -> Value {
    let witness = |one: &Witnessed| json!({ "key": one.witness.to_string(), "certified": one.certified, "at": one.at });
    json!({
        "log": logged.log,
        "lodged": logged.lodged,
        "received": logged.received,
        "witnesses": logged.witnesses.iter().map(witness).collect::<Vec<_>>(),
        "witness": logged.witness.as_ref().map(witness),
    })
}

fn file_json(file: &FileFact) -> Value {
    let state = match file.state {
        FileState::NotGiven => "not-given",
        FileState::Same => "same",
        FileState::Size { .. } => "other-size",
        FileState::Piece { .. } => "other-content",
        FileState::Whole { .. } => "wrong-digest",
    };
    json!({ "name": file.name, "size": file.size, "sha256": file.sha256, "state": state })
}
