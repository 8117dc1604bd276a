//! What is kept, and for how long.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use claim_core::{AssignmentError, AssignmentRef, CourseId, Timestamp};

/// The days for which claims can be kept: an upload window can be thirty days long.
pub const KEEP_AT_LEAST: RangeInclusive<i64> = 30..=36_500;

const DAY: i64 = 24 * 60 * 60;

/// For how long things are kept, and what is kept until somebody says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// In days.
    pub keep_days: u32,
    /// What is never touched.
    pub held: Vec<Hold>,
}

/// A course, or one assignment of it, of which nothing is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// All of a course.
    Course(CourseId),
    /// One assignment.
    Assignment(AssignmentRef),
}

impl Rule {
    /// What came before this time may go.
    pub(crate) fn before(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(-DAY * i64::from(self.keep_days))
    }

    /// Whether nothing is erased of this assignment.
    pub(crate) fn holds(&self, reference: &AssignmentRef) -> bool {
        self.held.iter().any(|hold| match hold {
            Hold::Course(course) => *course == reference.course,
            Hold::Assignment(assignment) => assignment == reference,
        })
    }
}

impl FromStr for Hold {
    type Err = AssignmentError;

    fn from_str(text: &str) -> Result<Self, AssignmentError> {
        match text.contains('/') {
            true => text.parse().map(Self::Assignment),
            false => Ok(Self::Course(text.parse()?)),
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Course(course) => course.fmt(f),
            Self::Assignment(assignment) => assignment.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn a_course_is_held_with_all_its_assignments() {
        let held = |text: &str| vec![text.parse().unwrap()];
        for (hold, reference, is_held) in [
            ("IEMS5710", "IEMS5710/lab1", true),
            ("IEMS5710", "IEMS571/lab1", false),
            ("IEMS5710/lab1", "IEMS5710/lab1", true),
            ("IEMS5710/lab1", "IEMS5710/lab2", false),
            ("lab1", "IEMS5710/lab1", false),
        ] {
            let rule = Rule { keep_days: 365, held: held(hold) };
            assert_eq!(rule.holds(&reference.parse().unwrap()), is_held, "{hold} {reference}");
        }
        assert!("".parse::<Hold>().is_err() && "a/b/c".parse::<Hold>().is_err());
    }
}
