//! The settings with which a server starts, and which of them are others than last time.

use std::collections::BTreeMap;

use claim_core::{Digest, Origin};
use claim_store::StoreError;
use claim_store::audit::{AuditRecords, DeedName, Entry};
use serde_json::{Map, Value, json};

/// Settings by name, none of them a secret.
pub type Settings = BTreeMap<&'static str, String>;

/// That the server starts with these settings.
///
/// # Errors
/// Whatever befalls the database.
pub async fn started(records: AuditRecords<'_>, now: &Settings) -> Result<Entry, StoreError> {
    let known = last_settings(records).await?;
    let text = json!(now).to_string();
    Ok(Entry::new(DeedName::STARTED)
        .digest(*Digest::of(text.as_bytes()).as_bytes())
        .with_some("changed", known.map(|known| changed(&known, now)))
        .with("settings", json!(now)))
}

/// The origin under which the server started last, by the log.
///
/// # Errors
/// Whatever befalls the database.
pub async fn last_origin(records: AuditRecords<'_>) -> Result<Option<Origin>, StoreError> {
    let known = last_settings(records).await?;
    Ok(known.and_then(|known| Origin::from_user(known.get("origin")?.as_str()?).ok()))
}

async fn last_settings(
    records: AuditRecords<'_>,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let last = records.last_entry(DeedName::STARTED).await?;
    Ok(last.and_then(|entry| {
        let details: Value = serde_json::from_str(&entry.details).ok()?;
        details.get("settings")?.as_object().cloned()
    }))
}

/// Of each setting that is another one: what it was and what it is.
fn changed(known: &Map<String, Value>, now: &Settings) -> Value {
    let mut changed = Map::new();
    for (name, value) in now {
        let was = known.get(*name).cloned().unwrap_or_default();
        if was.as_str() != Some(value) {
            changed.insert((*name).to_owned(), json!([was, value]));
        }
    }
    for (name, was) in known.iter().filter(|(name, _)| !now.contains_key(name.as_str())) {
        changed.insert(name.clone(), json!([was, null]));
    }
    changed.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn only_what_is_another_one_is_told() {
        let first = Settings::from([("kept", "1".to_owned()), ("other", "2".to_owned())]);
        let known: Value = serde_json::from_str(&json!(first).to_string()).unwrap();
        let mut known = known.as_object().unwrap().clone();
        assert_eq!(changed(&known, &first), json!({}));
        known.insert("gone".to_owned(), json!("x"));
        let now = Settings::from([
            ("kept", "1".to_owned()),
            ("new", "4".to_owned()),
            ("other", "3".to_owned()),
        ]);
        assert_eq!(
            changed(&known, &now),
            json!({ "gone": ["x", null], "new": [null, "4"], "other": ["2", "3"] })
        );
    }
}
