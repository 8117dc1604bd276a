//! Students of a course.

use std::collections::BTreeMap;

use claim_core::{Sid, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GroupName, GroupSet};

/// A student on the roster of a course. One who is missing in a later roster is marked as dropped, never erased: what was
/// handed in stays whose it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Who.
    pub sid: Sid,
    /// The name, or empty.
    #[serde(default)]
    pub name: String,
    /// The e-mail address, or empty.
    #[serde(default)]
    pub email: String,
    /// Further columns of the roster in the order of the file: header and field.
    #[serde(default)]
    pub extra: Vec<(String, String)>,
    /// The group, by set.
    #[serde(default)]
    pub groups: BTreeMap<GroupSet, GroupName>,
    /// Since when the student is in the course no more.
    #[serde(default)]
    pub dropped_at: Option<Timestamp>,
}
