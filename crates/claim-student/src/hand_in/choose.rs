//! Which assignment is meant.

use std::fmt;
use std::str::FromStr;

use claim_core::claim::ClaimId;
use claim_core::hand_in::{Assignment, Assignments, ClaimSummary, WithoutGroup};
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
    /// It is handed in by groups, and this person is in none.
    #[error("{assignment} is handed in by groups, and you are in none yet")]
    NoGroup {
        /// The assignment.
        assignment: AssignmentRef,
        /// Who can be asked for one.
        ask: Vec<String>,
    },
    /// No claim has that id, or the assignment has none.
    #[error("you have no such claim")]
    NoClaim,
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
    let fitting: Vec<&Assignment> =
        all.iter().filter(|one| wanted.fits(&one.course, &one.assignment)).collect();
    let without_group = assignments.without_group.iter();
    let mut without_group = without_group.filter(|one| wanted.fits(&one.course, &one.assignment));
    match fitting.as_slice() {
        [one] => Ok((*one).clone()),
        [] if let Some(WithoutGroup { course, assignment, ask, .. }) = without_group.next() => {
            let (course, assignment) = (course.clone(), assignment.clone());
            let assignment = AssignmentRef { course, assignment };
            Err(ChooseError::NoGroup { assignment, ask: ask.clone() })
        }
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

impl Wanted {
    fn fits(&self, course: &Slug, assignment: &Slug) -> bool {
        match self {
            Self::Any => true,
            Self::Name(name) => assignment == name || course == name,
            Self::Exactly(wanted) => wanted.course == *course && wanted.assignment == *assignment,
        }
    }
}

/// What a person said about a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimWanted {
    /// Its id, or the first digits of it: at least [`ClaimWanted::MIN_DIGITS`].
    Id(String),
    /// One of an assignment's claims.
    Of(Wanted),
}

impl ClaimWanted {
    /// So many digits of an id tell it from all others that one person has.
    pub const MIN_DIGITS: usize = 8;
}

/// The one claim that is meant; `of` picks one of an assignment's.
///
/// # Errors
/// [`ChooseError`].
pub fn choose_claim(
    assignments: &Assignments,
    wanted: &ClaimWanted,
    of: impl Fn(&Assignment) -> Option<ClaimSummary>,
) -> Result<ClaimId, ChooseError> {
    let digits = match wanted {
        ClaimWanted::Id(digits) => digits,
        ClaimWanted::Of(wanted) => {
            let claim = of(&choose(assignments, wanted)?).ok_or(ChooseError::NoClaim)?;
            return Ok(claim.claim);
        }
    };
    let claims = assignments.assignments.iter().flat_map(|one| &one.claims);
    let mut fitting = claims.filter(|one| one.claim.to_string().starts_with(digits.as_str()));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one.claim),
        _ => Err(ChooseError::NoClaim),
    }
}

impl FromStr for ClaimWanted {
    type Err = WantedError;

    fn from_str(text: &str) -> Result<Self, WantedError> {
        // As it is shown, the id ends in an ellipsis.
        let digits = text.trim_end_matches('…');
        let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digits.len() >= Self::MIN_DIGITS && digits.bytes().all(hexadecimal) {
            return Ok(Self::Id(digits.to_owned()));
        }
        text.parse().map(Self::Of)
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
            Self::NoGroup { ask, .. } if ask.is_empty() => {
                "Ask the staff of the course to put you into a group.".to_owned()
            }
            Self::NoGroup { ask, .. } => {
                let ask = ask.join(" or ");
                format!("Ask {} to put you into a group.", Escaped(&ask))
            }
            Self::NoClaim => "See with `claim student status` which claims there are.".to_owned(),
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
    use claim_core::late::LatePolicy;

    use super::*;

    fn assignments(references: &[&str]) -> Assignments {
        let assignment = |text: &&str| {
            let AssignmentRef { course, assignment } = text.parse().unwrap();
            Assignment {
                course,
                assignment,
                title: String::new(),
                due: None,
                extended_from: None,
                until: None,
                late: LatePolicy::Accept,
                zone: "UTC".to_owned(),
                upload_seconds: 1,
                limits: Limits { files: 1, bytes: 1, attempts: 1 },
                sids: Holder::one("1155123456".parse().unwrap()),
                group: None,
                last_claim: None,
                claims: vec![],
            }
        };
        let server_time = Timestamp::from_millis(0);
        let assignments = references.iter().map(assignment).collect();
        Assignments { server_time, assignments, without_group: Vec::new() }
    }

    #[test]
    fn whoever_is_in_no_group_is_told_whom_to_ask() {
        let without = WithoutGroup {
            course: "A".parse().unwrap(),
            assignment: "project".parse().unwrap(),
            title: String::new(),
            due: None,
            zone: "UTC".to_owned(),
            ask: vec!["chan.tm".to_owned()],
        };
        let there = Assignments { without_group: vec![without], ..assignments(&["A/lab1"]) };
        let error = choose(&there, &"A/project".parse().unwrap()).unwrap_err();
        assert!(error.to_string().starts_with("A/project is handed in by groups"), "{error}");
        assert!(error.advice().contains("chan.tm"), "{}", error.advice());
        assert_eq!(choose(&there, &Wanted::Any).unwrap(), there.assignments[0]);
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
    fn a_claim_by_its_first_digits_or_its_assignment() {
        let mut there = assignments(&["A/lab1", "A/lab2"]);
        let claim = ClaimId::of_manifest(b"{}");
        there.assignments[0].claims.push(ClaimSummary {
            claim,
            lodged_at: Timestamp::from_millis(0),
            late_ms: 0,
            due: None,
            signed_late_ms: None,
            signers: vec![],
            state: claim_core::hand_in::ClaimState::Received,
            counts: true,
            chosen: None,
            by: None,
        });
        let chosen = |text: &str| {
            choose_claim(&there, &text.parse().unwrap(), |one| one.claims.first().cloned())
        };
        let id = claim.to_string();
        for text in [&id, &id[..8], &format!("{}…", &id[..16]), "A/lab1", "lab1"] {
            assert_eq!(chosen(text), Ok(claim), "{text}");
        }
        assert_eq!(chosen("A/lab2"), Err(ChooseError::NoClaim));
        assert_eq!(chosen("00000000"), Err(ChooseError::NoClaim));
        assert!(matches!(chosen(&id[..7]), Err(ChooseError::Unknown { .. })));
    }

    #[test]
    fn what_is_no_name() {
        for wrong in ["", "a/b/c", "/", ".x", "a b"] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong:?}");
        }
    }
}
