//! What somebody is in a course.

use std::fmt;
use std::str::FromStr;

use claim_core::{PersonId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role of staff. What each may do is in [`crate::rights`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at everything, changes nothing.
    Assistant,
    /// Runs the course: assignments, roster, groups, extensions, what counts.
    Teacher,
    /// Also says who is staff.
    Owner,
}

/// Somebody who is staff of a course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaffMember {
    /// Who: a member of staff, or a student who assists.
    #[serde(with = "crate::text")]
    #[schemars(with = "PersonId")]
    pub person: PersonId,
    /// As what.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Assistant, Self::Teacher, Self::Owner];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Teacher => "teacher",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no such role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no role {0:?}; there are: assistant, teacher, owner")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let known = Self::ALL.into_iter().find(|role| role.name() == text);
        known.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}
