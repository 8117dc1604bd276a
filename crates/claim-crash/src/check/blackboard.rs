//! Blackboard's records: messages, claims, and the entries that they have in the log.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use claim_core::Digest;
use claim_core::claim::{ClaimId, LogEntry};
use claim_store::blackboard::BlackboardStore;

use super::rows;
use crate::world::{Scene, Side};

pub(super) async fn check(scene: &Scene, logged: &BTreeMap<Vec<u8>, u32>) -> Result<Vec<String>> {
    let mut wrong = messages(scene).await?;
    wrong.extend(outages(scene).await?);
    wrong.extend(claims(scene).await?);
    wrong.extend(entries(scene, logged).await?);
    wrong.extend(audit(scene).await?);
    Ok(wrong)
}

/// Whether the audit log is what was appended, and tells of each assignment and of as many outages as were allowed.
async fn audit(scene: &Scene) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let database = scene.database(Side::Blackboard);
    // Deeds first, then entries: what is done in between has its entry too, and is not looked for.
    let assignments = rows(&database, "SELECT course, assignment FROM assignments").await?;
    let outages = rows(&database, "SELECT since FROM allowed_outages").await?.len() as u64;
    let store = BlackboardStore::open(&database.parse()?).await?;
    let told = super::audit::entries(store.audit(), &mut wrong).await?;
    store.close().await;
    let found = |deed: &str, subject: String| {
        told.get(&(deed.to_owned(), subject)).copied().unwrap_or_default()
    };
    for row in assignments {
        let (course, assignment) = (row.text("course"), row.text("assignment"));
        let subject = format!("{}/{}", course.unwrap_or_default(), assignment.unwrap_or_default());
        if found("assignment-recorded", subject.clone()) == 0 {
            wrong.push(format!("the audit log does not tell of {subject}"));
        }
    }
    let allowed = found("outage-allowed", String::new());
    if allowed < outages {
        wrong.push(format!("{outages} outages were allowed, and the audit log tells of {allowed}"));
    }
    Ok(wrong)
}

async fn messages(scene: &Scene) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut kept: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in rows(&scene.database(Side::Blackboard), "SELECT id, content FROM messages").await? {
        let text = row.bytes("content").and_then(|bytes| String::from_utf8(bytes).ok());
        kept.entry(text.unwrap_or_default()).or_default().push(row.int("id").unwrap_or_default());
    }
    let record = scene.record();
    for (text, number) in &record.messages {
        let known = kept.remove(text).unwrap_or_default();
        match (number, known.as_slice()) {
            (Some(number), [known]) if number == known => {}
            (None, [] | [_]) => {}
            _ => wrong.push(format!("message {text:?}, acknowledged as {number:?}: {known:?}")),
        }
    }
    wrong.extend(kept.keys().map(|text| format!("nobody has sent the message {text:?}")));
    Ok(wrong)
}

async fn outages(scene: &Scene) -> Result<Vec<String>> {
    let database = scene.database(Side::Blackboard);
    let rows = rows(&database, "SELECT since, until FROM allowed_outages").await?;
    let known: BTreeSet<_> =
        rows.iter().filter_map(|row| Some((row.int("since")?, row.int("until")?))).collect();
    let record = scene.record();
    let lost = record.allowed.difference(&known);
    Ok(lost.map(|outage| format!("the outage {outage:?} was allowed and is lost")).collect())
}

async fn claims(scene: &Scene) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let database = scene.database(Side::Blackboard);
    let mut pieces: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for row in rows(&database, "SELECT claim, file, piece FROM pieces").await? {
        let file = row.int("file").and_then(|file| usize::try_from(file).ok()).unwrap_or_default();
        pieces.entry(row.text("claim").unwrap_or_default()).or_default().insert(file);
    }
    let sql = "SELECT id, state, token, outage, pieces, durable FROM claims";
    let mut rows_of: BTreeMap<String, _> = BTreeMap::new();
    for row in rows(&database, sql).await? {
        rows_of.insert(row.text("id").unwrap_or_default(), row);
    }
    let record = scene.record();
    for (id, claimed) in &record.claims {
        let Some(row) = rows_of.remove(&id.to_string()) else {
            if claimed.lodged.is_some() {
                wrong.push(format!("claim {id} was lodged and is lost"));
            }
            continue;
        };
        let there = pieces.remove(&id.to_string()).unwrap_or_default();
        let state = row.text("state").unwrap_or_default();
        if claimed.lodged.as_ref().is_some_and(|token| row.bytes("token").as_ref() != Some(token)) {
            wrong.push(format!("claim {id} has another token than was given out"));
        }
        if claimed.stamped.is_some() && claimed.stamped != row.bytes("outage") {
            wrong.push(format!("claim {id} has another timestamp of CUHK than it was lodged with"));
        }
        if !claimed.pieces.is_subset(&there) {
            wrong.push(format!(
                "claim {id} has pieces {there:?}, acknowledged {:?}",
                claimed.pieces
            ));
        }
        if row.int("durable") != i64::try_from(there.len()).ok() {
            wrong.push(format!("claim {id} counts its pieces wrongly"));
        }
        let whole = there.len() == claimed.files.len();
        let received = matches!(state.as_str(), "received" | "withdrawn");
        if whole != received {
            wrong.push(format!("claim {id} is {state} with {} pieces", there.len()));
        }
        if claimed.withdrawn && state != "withdrawn" {
            wrong.push(format!("claim {id} was withdrawn and is {state}"));
        }
        if state == "withdrawn" && !claimed.to_be_withdrawn {
            wrong.push(format!("claim {id} is withdrawn, and nobody has asked for it"));
        }
    }
    wrong.extend(rows_of.keys().map(|id| format!("nobody has lodged the claim {id}")));
    wrong.extend(pieces.keys().map(|id| format!("there are pieces of {id}, which is no claim")));
    Ok(wrong)
}

/// What is so has one entry, staged or in the log; what is in the log is so, under the leaf that the records name.
async fn entries(scene: &Scene, logged: &BTreeMap<Vec<u8>, u32>) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let database = scene.database(Side::Blackboard);
    let mut staged = BTreeSet::new();
    for row in rows(&database, "SELECT entry, leaf FROM log_entries").await? {
        staged.insert(row.bytes("entry").unwrap_or_default());
    }
    for entry in logged.keys().filter(|entry| !staged.contains(*entry)) {
        wrong.push(format!("the log has an entry that is not on record: {entry:02x?}"));
    }
    let record = scene.record();
    let known: BTreeMap<ClaimId, BTreeSet<&str>> = kinds(&staged);
    for (id, claimed) in &record.claims {
        let has = |kind| known.get(id).is_some_and(|kinds| kinds.contains(kind));
        if claimed.lodged.is_some() && !has("lodged") {
            wrong.push(format!("claim {id} was lodged and has no entry"));
        }
        if let Some(token) = &claimed.lodged
            && !staged.iter().any(|entry| tells_of(entry, *id, token))
        {
            wrong.push(format!("the entry of claim {id} is about another token"));
        }
        if claimed.pieces.len() == claimed.files.len() && !has("received") {
            wrong.push(format!("claim {id} was received and has no entry"));
        }
        if claimed.withdrawn && !has("withdrawn") {
            wrong.push(format!("claim {id} was withdrawn and has no entry"));
        }
    }
    Ok(wrong)
}

fn kinds(staged: &BTreeSet<Vec<u8>>) -> BTreeMap<ClaimId, BTreeSet<&'static str>> {
    let mut known: BTreeMap<ClaimId, BTreeSet<&str>> = BTreeMap::new();
    for entry in staged.iter().filter_map(|entry| LogEntry::from_slice(entry).ok()) {
        let kind = match entry {
            LogEntry::Lodged { .. } => "lodged",
            LogEntry::Received { .. } => "received",
            LogEntry::Withdrawn { .. } => "withdrawn",
        };
        known.entry(entry.claim()).or_default().insert(kind);
    }
    known
}

fn tells_of(entry: &[u8], id: ClaimId, token: &[u8]) -> bool {
    matches!(
        LogEntry::from_slice(entry),
        Ok(LogEntry::Lodged { claim, timestamp, .. })
            if claim == id && timestamp == Digest::of(token)
    )
}
