//! Which assignment is meant.

use std::fmt;
use std::str::FromStr;

use claim_core::hand_in::{Assignment, Assignments};
use claim_core::{AssignmentError, AssignmentRef, Escaped, Slug};

use crate::error::Explained;

/// What a person said about the assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: there must be only one.
    #[default]
    Any,
    /// The assignment's own name, or the course's; only one may fit.
    Name(Slug),
    /// Course and assignment.
    Exactly(AssignmentRef),
}

/// A text names no assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct WantedError(#[from] AssignmentError);

/// Why it is not clear which assignment is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChooseError {
    /// Blackboard has nothing for this person.
    #[error("there is no assignment that you can hand in to")]
    None,
    /// No assignment has that name.
    #[error("you have no assignment {wanted}")]
    Unknown {
        /// What was wanted.
        wanted: Wanted,
        /// What there is.
        there: Vec<AssignmentRef>,
    },
    /// Several would fit.
    #[error("{} assignments would fit", fitting.len())]
    Several {
        /// Which ones.
        fitting: Vec<AssignmentRef>,
    },
}

/// The one assignment that is meant.
///
/// # Errors
/// [`ChooseError`].
pub fn choose(assignments: &Assignments, wanted: &Wanted) -> Result<Assignment, ChooseError> {
    let all = &assignments.assignments;
    let fits = |one: &&Assignment| match wanted {
        Wanted::Any => true,
        Wanted::Name(name) => one.assignment == *name || one.course == *name,
        Wanted::Exactly(reference) => one.reference() == *reference,
    };
    let fitting: Vec<&Assignment> = all.iter().filter(fits).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).clone()),
        [] if all.is_empty() => Err(ChooseError::None),
        [] => Err(ChooseError::Unknown {
            wanted: wanted.clone(),
            there: all.iter().map(Assignment::reference).collect(),
        }),
        several => {
            let fitting = several.iter().map(|one| one.reference()).collect();
            Err(ChooseError::Several { fitting })
        }
    }
}

impl FromStr for Wanted {
    type Err = WantedError;

    fn from_str(text: &str) -> Result<Self, WantedError> {
        Ok(match text.contains('/') {
            true => Self::Exactly(text.parse()?),
            false => Self::Name(text.parse()?),
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("at all"),
            Self::Name(name) => write!(f, "{name}"),
            Self::Exactly(reference) => write!(f, "{reference}"),
        }
    }
}

impl Explained for ChooseError {
    fn advice(&self) -> String {
        match self {
            Self::None => "Ask the people who run Blackboard to open one for you.".to_owned(),
            Self::Unknown { there: list, .. } | Self::Several { fitting: list } => {
                format!("Say which one with --to: {}.", joined(list))
            }
        }
    }
}

/// At most so many that they do not fill the terminal.
fn joined(list: &[AssignmentRef]) -> String {
    const MOST: usize = 10;
    let names: Vec<_> =
        list.iter().take(MOST).map(|one| Escaped(&one.to_string()).to_string()).collect();
    let more = if list.len() > MOST { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::Timestamp;
    use claim_core::claim::Holder;
    use claim_core::hand_in::Limits;

    use super::*;

    fn assignments(references: &[&str]) -> Assignments {
        let assignment = |text: &&str| {
            let AssignmentRef { course, assignment } = text.parse().unwrap();
            Assignment {
                course,
                assignment,
                title: String::new(),
                due: None,
                until: None,
                zone: "UTC".to_owned(),
                upload_seconds: 1,
                limits: Limits { files: 1, bytes: 1, attempts: 1 },
                sids: Holder::one("1155123456".parse().unwrap()),
                last_claim: None,
                claims: vec![],
            }
        };
        let server_time = Timestamp::from_millis(0);
        Assignments { server_time, assignments: references.iter().map(assignment).collect() }
    }

    #[test]
    fn only_what_is_unambiguous_is_chosen() {
        let there = assignments(&["A/lab1", "A/lab2", "B/lab2", "C/essay"]);
        let chosen = |text: &str| {
            choose(&there, &text.parse().unwrap()).map(|one| one.reference().to_string())
        };
        assert_eq!(chosen("A/lab2").unwrap(), "A/lab2");
        assert_eq!(chosen("lab1").unwrap(), "A/lab1");
        assert_eq!(chosen("C").unwrap(), "C/essay");
        assert!(
            matches!(chosen("lab2"), Err(ChooseError::Several { fitting }) if fitting.len() == 2)
        );
        assert!(matches!(chosen("A"), Err(ChooseError::Several { .. })));
        let error = chosen("lab3").unwrap_err();
        assert!(error.advice().contains("C/essay"), "{}", error.advice());
        assert!(matches!(choose(&there, &Wanted::Any), Err(ChooseError::Several { .. })));
        assert_eq!(choose(&assignments(&[]), &Wanted::Any), Err(ChooseError::None));
        let one = assignments(&["inbox/inbox"]);
        assert_eq!(choose(&one, &Wanted::Any).unwrap(), one.assignments[0]);
        assert_eq!(choose(&one, &"inbox".parse().unwrap()).unwrap(), one.assignments[0]);
    }

    #[test]
    fn what_is_no_name() {
        for wrong in ["", "a/b/c", "/", ".x", "a b"] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong:?}");
        }
    }
}
