//! Courses and assignments, by the short names that stand in claims and addresses.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The short name of a course or of an assignment: 1 to 64 of `A-Z a-z 0-9 . _ -`, not starting with a dot.
///
/// Compared byte by byte: `Lab1` and `lab1` are two.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"))]
pub struct Slug(String);

/// A course, e.g. `IEMS5710`.
pub type CourseId = Slug;

/// An assignment within its course, e.g. `lab1`.
pub type AssignmentId = Slug;

/// An assignment of a course, written `COURSE/NAME`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssignmentRef {
    /// The course.
    pub course: CourseId,
    /// The assignment in it.
    pub assignment: AssignmentId,
}

/// Why a text does not name an assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssignmentError {
    /// A short name breaks the rule.
    #[error(
        "{text:?} is no short name: 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-', not starting with a dot"
    )]
    Slug {
        /// The text.
        text: String,
    },
    /// Not two short names with one slash between.
    #[error("{text:?} must be written COURSE/NAME")]
    Form {
        /// The text.
        text: String,
    },
}

impl Slug {
    /// The longest, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = AssignmentError;

    fn from_str(text: &str) -> Result<Self, AssignmentError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        if fits && !text.starts_with('.') && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AssignmentError::Slug { text: text.to_owned() })
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = AssignmentError;

    fn try_from(text: String) -> Result<Self, AssignmentError> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl FromStr for AssignmentRef {
    type Err = AssignmentError;

    fn from_str(text: &str) -> Result<Self, AssignmentError> {
        let (course, assignment) =
            text.split_once('/').ok_or_else(|| AssignmentError::Form { text: text.to_owned() })?;
        Ok(Self { course: course.parse()?, assignment: assignment.parse()? })
    }
}

impl fmt::Display for AssignmentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.course, self.assignment))
    }
}

impl fmt::Debug for AssignmentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn short_names() {
        for name in ["IEMS5710", "lab1", "a", "-", "x.y_z-1", &"a".repeat(64)] {
            assert_eq!(name.parse::<Slug>().unwrap().as_str(), name);
        }
        for wrong in ["", ".", "..", ".hidden", "a b", "a/b", "a\\b", "é", "a\n", &"a".repeat(65)]
        {
            assert!(
                matches!(wrong.parse::<Slug>(), Err(AssignmentError::Slug { .. })),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn course_and_assignment() {
        let lab: AssignmentRef = "IEMS5710/lab1".parse().unwrap();
        assert_eq!((lab.course.as_str(), lab.assignment.as_str()), ("IEMS5710", "lab1"));
        assert_eq!(lab.to_string(), "IEMS5710/lab1");
        assert!(matches!("lab1".parse::<AssignmentRef>(), Err(AssignmentError::Form { .. })));
        for wrong in ["/lab1", "IEMS5710/", "a/b/c", "IEMS5710/../x"] {
            assert!(wrong.parse::<AssignmentRef>().is_err(), "{wrong:?}");
        }
    }
}
