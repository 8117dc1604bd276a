//! What Blackboard's records say otherwise than the claim.

use claim_core::claim::{ClaimId, Holder};
use claim_core::hand_in::{Assignment, RecordMembers};
use claim_core::{PersonId, Timestamp};
use claim_course::time::shown;

use crate::exchange::AskError;

/// Something that changed between looking and lodging.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Others hand in together.
    Holder {
        /// As it was told before.
        was: Holder,
        /// As it is.
        now: Holder,
    },
    /// The due time is another.
    Due {
        /// As it was told before.
        was: Option<Timestamp>,
        /// As it is.
        now: Option<Timestamp>,
    },
    /// Another claim was lodged meanwhile.
    Replaces {
        /// The last one as it was told before.
        was: Option<ClaimId>,
        /// The last one as it is.
        now: Option<ClaimId>,
        /// Who was first, where Blackboard has told it.
        first: Option<First>,
    },
}

/// When another claim was lodged, and by whom it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// The token's time, as Blackboard says.
    pub lodged_at: Timestamp,
    /// Who signed it, by id.
    pub signers: Vec<PersonId>,
}

impl First {
    fn in_words(&self, zone: &str) -> String {
        let signers: Vec<_> = self.signers.iter().map(ToString::to_string).collect();
        let by = if signers.is_empty() { "" } else { " by " };
        format!("{by}{} at {}", signers.join(", "), shown(self.lodged_at, zone))
    }
}

impl Change {
    /// What a refusal says about the records; `None` when it is about something else, or says nothing new.
    pub(super) fn in_refusal(
        error: &AskError,
        assignment: &Assignment,
        person: &PersonId,
    ) -> Option<Self> {
        let AskError::Refused(refused) = error else { return None };
        let members = serde_json::Value::Object(refused.problem.extensions.clone());
        let members: RecordMembers = serde_json::from_value(members).ok()?;
        let change = match error.slug()? {
            "holder-changed" => {
                let now = Holder::new(members.sids?).ok()?;
                // Whoever is none of them cannot sign for them.
                let now = now.includes(person).then_some(now)?;
                Self::Holder { was: assignment.sids.clone(), now }
            }
            "due-changed" => Self::Due { was: assignment.due, now: members.due? },
            "replaces-changed" => {
                let (was, now) = (assignment.last_claim, members.last_claim?);
                Self::Replaces { was, now, first: None }
            }
            _ => return None,
        };
        let new = match &change {
            Self::Holder { was, now } => was != now,
            Self::Due { was, now } => was != now,
            Self::Replaces { was, now, .. } => was != now,
        };
        new.then_some(change)
    }

    /// Whether the student may mind, so that it is not signed without a word.
    ///
    /// More time is no harm. Nor is another claim of somebody who hands in alone: it is their own, and this one is
    /// meant to come after it. A member of a group, though, may have just handed in something better.
    pub fn is_worse(&self) -> bool {
        match self {
            Self::Holder { .. } => true,
            Self::Due { was: None, now: Some(_) } => true,
            Self::Due { was: Some(was), now: Some(now) } => now < was,
            Self::Due { now: None, .. } => false,
            Self::Replaces { .. } => false,
        }
    }

    /// What changed, in words, with times in this zone.
    pub fn in_words(&self, zone: &str) -> String {
        let time = |time: &Option<Timestamp>| match time {
            Some(time) => shown(*time, zone),
            None => "no due time".to_owned(),
        };
        match self {
            Self::Holder { was, now } => {
                format!("those who hand in together are {now} now, not {was}")
            }
            Self::Due { was, now } => {
                format!("the due time is {} now, not {}", time(now), time(was))
            }
            Self::Replaces { now: Some(now), first, .. } => format!(
                "another claim ({:.16}…) was lodged meanwhile{}, which this one would replace",
                now.to_string(),
                first.as_ref().map_or_else(String::new, |first| first.in_words(zone))
            ),
            Self::Replaces { now: None, .. } => {
                "the claim that this one would replace is not on record any more".to_owned()
            }
        }
    }

    /// Whether it must be asked about where these hand in together, or somebody on their behalf: what others have lodged
    /// is not replaced without a word.
    pub(super) fn needs_a_word(&self, holder: &Holder, on_behalf: bool) -> bool {
        let of_others = on_behalf || holder.sids().len() > 1;
        self.is_worse() || (matches!(self, Self::Replaces { .. }) && of_others)
    }

    pub(super) fn apply(&self, assignment: &mut Assignment) {
        match self {
            Self::Holder { now, .. } => assignment.sids = now.clone(),
            Self::Due { now, .. } => assignment.due = *now,
            Self::Replaces { now, .. } => assignment.last_claim = *now,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn more_time_is_not_worse() {
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        let worse = |was, now| Change::Due { was, now }.is_worse();
        assert!(!worse(at(1), at(2)) && !worse(at(1), None));
        assert!(worse(at(2), at(1)) && worse(None, at(1)));
    }

    #[test]
    fn a_member_of_a_group_and_staff_are_asked_about_another_claim() {
        let (one, other) = ("1155000001".parse().unwrap(), "1155000002".parse().unwrap());
        let claim = Some(ClaimId::of_manifest(b"{}"));
        let change = Change::Replaces { was: None, now: claim, first: None };
        let alone = Holder::one("1155000001".parse().unwrap());
        assert!(!change.needs_a_word(&alone, false));
        assert!(change.needs_a_word(&alone, true));
        assert!(change.needs_a_word(&Holder::new(vec![one, other]).unwrap(), false));
    }
}
