//! Groups that hand in together.

use std::fmt;
use std::str::FromStr;

use claim_core::Slug;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A set of groups, by its short name: a student is in at most one group of each. An assignment names the set whose groups
/// hand in to it.
pub type GroupSet = Slug;

/// What people call a group: 1 to 100 characters of one line, in Normalization Form C, without blanks at its ends.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("minLength" = 1, "maxLength" = Self::MAX))]
pub struct GroupName(String);

/// Why a text does not name a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupNameError {
    /// Nothing, or too much.
    #[error("the name of a group has 1 to {max} characters; this has {found}", max = GroupName::MAX)]
    Length {
        /// How many characters there were.
        found: usize,
    },
    /// A character that does not belong into a line.
    #[error("the name of a group has no control characters; {found:?} is one")]
    Control {
        /// The character.
        found: char,
    },
}

impl GroupName {
    /// The longest, in characters.
    pub const MAX: usize = 100;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = GroupNameError;

    /// Blanks at the ends are cut off.
    fn from_str(text: &str) -> Result<Self, GroupNameError> {
        let text = text.trim();
        let text: String = if is_nfc(text) { text.to_owned() } else { text.nfc().collect() };
        let found = text.chars().count();
        if !(1..=Self::MAX).contains(&found) {
            return Err(GroupNameError::Length { found });
        }
        match text.chars().find(|c| c.is_control()) {
            Some(found) => Err(GroupNameError::Control { found }),
            None => Ok(Self(text)),
        }
    }
}

impl TryFrom<String> for GroupName {
    type Error = GroupNameError;

    fn try_from(text: String) -> Result<Self, GroupNameError> {
        text.parse()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        name.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn names() {
        let read = |text: &str| text.parse::<GroupName>();
        assert_eq!(read("  Group 7 ").unwrap().as_str(), "Group 7");
        assert_eq!(read("E\u{301}quipe").unwrap(), read("\u{c9}quipe").unwrap());
        assert!(read(&"组".repeat(100)).is_ok());
        assert_eq!(read(&"a".repeat(101)), Err(GroupNameError::Length { found: 101 }));
        assert_eq!(read("  "), Err(GroupNameError::Length { found: 0 }));
        assert_eq!(read("a\tb"), Err(GroupNameError::Control { found: '\t' }));
    }
}
