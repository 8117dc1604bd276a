//! What is said of erasing what is old.

use claim_blackboard::{Due, DueClaims, Erasable, Erased, Scrubbed};
use serde_json::{Value, json};

use super::hand_in::size;
use super::{day, plain, warning};
use crate::terminal::Words;

/// What a rule would erase: a line and its document for each assignment, and one for all.
pub(crate) fn due(due: &Due, applied: bool) -> Vec<(String, Value)> {
    let mut lines: Vec<_> = due.claims.iter().map(of_assignment).collect();
    lines.extend(due.held.iter().map(held));
    lines.push(messages(due));
    if due.under_way > 0 {
        let line =
            format!("Of {} claims an erasure that was cut off has left something", due.under_way);
        lines.push((line, json!({ "event": "under-way", "claims": due.under_way })));
    }
    if !applied {
        let claims: u64 = due.claims.iter().map(|one| one.records.claims).sum();
        let line = format!(
            "Nothing was erased. With --apply, {claims} claims and {} messages from before {} are.",
            due.messages.count,
            day(due.before)
        );
        let document = json!({ "event": "would-erase", "claims": claims,
            "messages": due.messages.count, "before": due.before });
        lines.push((line, document));
    }
    lines
}

fn of_assignment(one: &DueClaims) -> (String, Value) {
    let DueClaims { records, files } = one;
    let line = format!(
        "{}: {}; {} pieces of files, {}; records, {}",
        records.reference,
        claims(records),
        files.objects,
        size(files.bytes),
        size(records.bytes)
    );
    let document = json!({ "event": "old", "course": records.reference.course,
        "assignment": records.reference.assignment, "claims": records.claims, "oldest": records.oldest,
        "newest": records.newest, "pieces": files.objects, "file_bytes": files.bytes,
        "record_bytes": records.bytes });
    (line, document)
}

fn held(one: &Erasable) -> (String, Value) {
    let line = format!("{}: held, so nothing goes of {}", one.reference, claims(one));
    let document = json!({ "event": "held", "course": one.reference.course,
        "assignment": one.reference.assignment, "claims": one.claims, "oldest": one.oldest,
        "newest": one.newest });
    (line, document)
}

fn claims(one: &Erasable) -> String {
    format!("{} claims, lodged from {} to {}", one.claims, day(one.oldest), day(one.newest))
}

fn messages(due: &Due) -> (String, Value) {
    let messages = due.messages;
    let line = match messages.oldest {
        Some(oldest) => format!(
            "Messages: {}, {}, the oldest of {}",
            messages.count,
            size(messages.bytes),
            day(oldest)
        ),
        None => "Messages: none".to_owned(),
    };
    let document = json!({ "event": "old-messages", "messages": messages.count,
        "bytes": messages.bytes, "oldest": messages.oldest });
    (line, document)
}

/// What was erased.
pub(crate) fn outcome(erased: &Erased) -> (String, Value) {
    let Erased { claims, files, messages, scrubbed } = *erased;
    let what = format!(
        "Erased: {claims} claims with {} pieces of files, {}; {messages} messages.",
        files.objects,
        size(files.bytes)
    );
    let lingers = match scrubbed {
        None | Some(Scrubbed::Whole) => "",
        Some(Scrubbed::LogInUse) => {
            " Somebody kept reading from the log beside the database, so copies linger there: do it again."
        }
        Some(Scrubbed::ByServer) => {
            " The database server overwrites what it had of them in its own time; OPERATIONS.md, \"Retention\", says how to have it at once."
        }
    };
    let state = scrubbed.map(|scrubbed| match scrubbed {
        Scrubbed::Whole => "whole",
        Scrubbed::LogInUse => "log-in-use",
        Scrubbed::ByServer => "by-server",
    });
    let document = json!({ "event": "erased", "claims": claims, "pieces": files.objects,
        "file_bytes": files.bytes, "messages": messages, "scrubbed": state });
    (format!("{what}{lingers}"), document)
}

/// The same in a server's terminal.
pub(crate) fn erased(erased: &Erased) -> Words {
    let (line, document) = outcome(erased);
    Words {
        json: Some(document),
        ..plain(format!("What is older than it is kept is gone. {line}"))
    }
}

pub(crate) fn not_erased(reason: &str) -> Words {
    let document = json!({ "event": "not-erased", "reason": reason });
    let line = format!(
        "What is older than it is kept could not all be erased ({reason}). Trying again within the hour."
    );
    Words { json: Some(document), ..warning(line) }
}
