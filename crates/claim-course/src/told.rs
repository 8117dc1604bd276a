//! What was changed in courses, as Blackboard tells it to those whom it concerns, and to staff (PROTOCOL.md §12).

use std::collections::BTreeMap;

use claim_core::{AssignmentId, CourseId, Sid, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Zone;

/// The most changes in one answer.
pub const MAX_TOLD: u32 = 200;

/// The answer to `GET /v1/changes`, and to `GET /v1/courses/{course}/changes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldChanges {
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// The changes, in the order in which they were made.
    pub changes: Vec<ToldChange>,
    /// What `after` of the next part is; `null` when this is the last one.
    pub next: Option<u64>,
}

/// One change: an entry of Blackboard's audit log, as far as it is for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldChange {
    /// The entry's number.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What was done, a word such as `extension-granted`; there may be others later.
    pub deed: String,
    /// In which course; `null` where it is about all of them.
    pub course: Option<CourseId>,
    /// The course's zone.
    pub zone: Zone,
    /// Of which assignment.
    pub assignment: Option<AssignmentId>,
    /// Who did it; `null`: the people who run Blackboard, or Blackboard by itself.
    pub by: Option<String>,
    /// What was, and what is.
    pub changed: BTreeMap<String, (Value, Value)>,
    /// What else is to be said: for whom, until when, why.
    pub said: BTreeMap<String, Value>,
    /// Whether all but deed and time was erased, since it named people who are gone.
    pub is_erased: bool,
}

/// Whose eyes it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eyes<'a> {
    /// Somebody whom it concerns: of others nothing is told but how many they are.
    Concerned(Option<&'a Sid>),
    /// Staff of the course.
    Staff,
}

/// What entries say of what was and what is.
const CHANGED: [&str; 16] = [
    "title",
    "zone",
    "open",
    "visible_from",
    "due",
    "until",
    "late",
    "groups",
    "upload_seconds",
    "max_files",
    "max_bytes",
    "max_attempts",
    "name",
    "email",
    "group",
    "role",
];

/// What is told beside that to whom it concerns. Further columns of the roster are staff's; `sids` is told by its own rule.
const SAID: [&str; 9] =
    ["number", "for", "due", "until", "reason", "set", "since", "claim", "lodged_at"];

impl ToldChange {
    /// Puts the details of an entry where they belong, as far as they are for these eyes.
    pub fn describe(&mut self, details: serde_json::Map<String, Value>, eyes: Eyes<'_>) {
        for (name, value) in details {
            match (name.as_str(), value) {
                ("course" | "assignment", _) => {}
                ("sids", Value::Array(sids)) => self.describe_holder(sids, eyes),
                (known, Value::Array(pair)) if is_changed(known, eyes) && pair.len() == 2 => {
                    let mut pair = pair.into_iter();
                    let pair = (pair.next().unwrap_or_default(), pair.next().unwrap_or_default());
                    self.changed.insert(name, pair);
                }
                (known, value) if eyes == Eyes::Staff || SAID.contains(&known) => {
                    self.said.insert(name, value);
                }
                _ => {}
            }
        }
    }

    /// Of a holder somebody is told that they belong to it, and how many others do.
    fn describe_holder(&mut self, sids: Vec<Value>, eyes: Eyes<'_>) {
        let Eyes::Concerned(own) = eyes else {
            self.said.insert("sids".to_owned(), Value::Array(sids));
            return;
        };
        let is_own = |sid: &Value| own.is_some_and(|own| sid.as_str() == Some(own.as_str()));
        let (own, others): (Vec<_>, Vec<_>) = sids.into_iter().partition(is_own);
        self.said.insert("sids".to_owned(), Value::Array(own));
        self.said.insert("others".to_owned(), others.len().into());
    }
}

/// Whether a pair under this name is what was and what is.
fn is_changed(name: &str, eyes: Eyes<'_>) -> bool {
    CHANGED.contains(&name) || name == "claim" || (name == "extra" && eyes == Eyes::Staff)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use serde_json::json;

    use super::*;

    fn told(details: Value, eyes: Eyes<'_>) -> ToldChange {
        let mut told = ToldChange {
            number: 1,
            at: Timestamp::from_millis(0),
            deed: "counting-chosen".to_owned(),
            course: None,
            zone: Zone::utc(),
            assignment: None,
            by: None,
            changed: BTreeMap::new(),
            said: BTreeMap::new(),
            is_erased: false,
        };
        let Value::Object(details) = details else { panic!("{details}") };
        told.describe(details, eyes);
        told
    }

    #[test]
    fn of_others_only_their_number_is_told() {
        let own: Sid = "1155123456".parse().unwrap();
        let details = json!({"course": "A", "assignment": "lab", "reason": "agreed", "claim": [null, "ab"],
            "sids": ["1155123456", "1155123457", "1155123458"], "extra": [[], ["x"]], "newer": "1155123457"});
        let concerned = told(details.clone(), Eyes::Concerned(Some(&own)));
        assert_eq!(concerned.changed, [("claim".to_owned(), (json!(null), json!("ab")))].into());
        assert_eq!(
            serde_json::to_value(&concerned.said).unwrap(),
            json!({"others": 2, "reason": "agreed", "sids": ["1155123456"]})
        );
        let staff = told(details, Eyes::Staff);
        assert_eq!(staff.said["sids"].as_array().unwrap().len(), 3);
        assert_eq!(staff.said["newer"], "1155123457");
        assert_eq!(staff.changed["extra"], (json!([]), json!(["x"])));
    }

    #[test]
    fn a_pair_of_students_is_no_change() {
        let details =
            json!({"sids": ["1155123456", "1155123457"], "due": "2026-11-24T15:59:59.999Z"});
        let staff = told(details, Eyes::Staff);
        assert!(staff.changed.is_empty());
        assert_eq!(staff.said.len(), 2);
    }
}
