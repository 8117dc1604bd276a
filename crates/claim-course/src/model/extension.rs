//! More time, for one, for some or for all.

use claim_core::{AssignmentId, Sid, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GroupName;

/// For whom an extension is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExtensionScope {
    /// Everybody, as after an outage.
    All,
    /// A group of the assignment's set.
    Group(GroupName),
    /// A student who hands in alone.
    Student(Sid),
}

/// An extension as it is on record: granted, and perhaps revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extension {
    /// Its number in the course, from 1 on.
    pub number: u64,
    /// The assignment.
    pub assignment: AssignmentId,
    /// For whom.
    #[serde(rename = "for")]
    pub scope: ExtensionScope,
    /// The last moment that is in time.
    pub due: Timestamp,
    /// The last moment at which a claim is taken; `None` where the assignment's own rule says it.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who granted it: a person's id, or a user of Blackboard's machine.
    pub granted_by: String,
    /// When.
    pub granted_at: Timestamp,
    /// When it was taken back, if it was.
    pub revoked_at: Option<Timestamp>,
}
