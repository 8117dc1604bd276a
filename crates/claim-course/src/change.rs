//! What can be changed in a course. Whatever changes one, from the machine or from afar, is a list of these, which takes
//! effect as a whole or not at all.

use claim_core::claim::{ClaimId, Holder};
use claim_core::{AssignmentId, PersonId, Sid, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{AssignmentPlan, ExtensionScope, GroupName, GroupSet, Role};
use crate::rights::Request;
use crate::time::Zone;

/// Changes of one course, made from what it was at a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// The revision that whoever asks has seen: where the course has changed since, nothing happens.
    pub revision: u64,
    /// In this order.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// What the course is called, its zone, and whether everybody may hand in.
    Course {
        /// What people call it.
        title: String,
        /// Its zone.
        zone: Zone,
        /// Whether everybody with a certificate may hand in.
        open: bool,
    },
    /// A new assignment, or what takes the place of what is on record of it.
    Assignment(AssignmentPlan),
    /// Students who are on the roster now: new, with other particulars, or back again.
    Members {
        /// Who, with all particulars.
        members: Vec<Enrolled>,
    },
    /// Students who are in the course no more. What they handed in stays.
    Drop {
        /// Who.
        sids: Vec<Sid>,
    },
    /// Who is in which group of a set.
    Groups {
        /// The set.
        set: GroupSet,
        /// Who, and in which group from now on; `None`: in none.
        places: Vec<GroupPlace>,
    },
    /// More time.
    Extend {
        /// For which assignment.
        assignment: AssignmentId,
        /// For whom.
        #[serde(rename = "for")]
        scope: ExtensionScope,
        /// The last moment that is in time.
        due: Timestamp,
        /// The last moment at which a claim is taken, where that is to be another than the assignment's.
        #[serde(default)]
        until: Option<Timestamp>,
        /// Why.
        reason: String,
    },
    /// An extension taken back.
    RevokeExtension {
        /// Its number.
        number: u64,
    },
    /// Somebody becomes staff, gets another role, or is staff no more.
    Staff {
        /// Who.
        #[serde(with = "crate::text")]
        #[schemars(with = "PersonId")]
        person: PersonId,
        /// As what; `None`: no more.
        role: Option<Role>,
    },
    /// Which claim of a holder counts.
    Choose {
        /// For which assignment.
        assignment: AssignmentId,
        /// Whose.
        sids: Holder,
        /// The claim; `None`: the one that counts by the rule.
        claim: Option<ClaimId>,
        /// Why.
        reason: String,
    },
}

/// A student as a roster has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enrolled {
    /// Who.
    pub sid: Sid,
    /// The name, or empty.
    #[serde(default)]
    pub name: String,
    /// The e-mail address, or empty.
    #[serde(default)]
    pub email: String,
    /// Further columns in the order of the file: header and field.
    #[serde(default)]
    pub extra: Vec<(String, String)>,
}

/// A student's place in a set of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupPlace {
    /// Who.
    pub sid: Sid,
    /// In which group; `None`: in none.
    pub group: Option<GroupName>,
}

impl Change {
    /// The longest title, name, address, reason or further field, in characters.
    pub const MAX_TEXT: usize = 1000;

    /// What one must be allowed to do to make it.
    pub fn request(&self) -> Request {
        match self {
            Self::Course { .. } => Request::ChangeCourse,
            Self::Assignment(_) => Request::ChangeAssignments,
            Self::Members { .. } | Self::Drop { .. } => Request::ChangeRoster,
            Self::Groups { .. } => Request::ChangeGroups,
            Self::Extend { .. } | Self::RevokeExtension { .. } => Request::Extend,
            Self::Staff { .. } => Request::ChangeStaff,
            Self::Choose { .. } => Request::Choose,
        }
    }
}

/// Why a change is none that could be made anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// A text is too long.
    #[error("{what} has more than {max} characters", max = Change::MAX_TEXT)]
    Long {
        /// Which text.
        what: &'static str,
    },
    /// A text has a character that does not belong into a line.
    #[error("{what} has a control character")]
    Control {
        /// Which text.
        what: &'static str,
    },
    /// A text is missing.
    #[error("{what} is empty")]
    Empty {
        /// Which text.
        what: &'static str,
    },
    /// The closing time is before the due time.
    #[error("the closing time is before the due time")]
    ClosesBeforeDue,
    /// No time for the files to follow, or too much.
    #[error("the files may follow for {seconds} seconds; it can be 0 to {max}", max = Change::MAX_UPLOAD_SECONDS)]
    UploadWindow {
        /// How long.
        seconds: i64,
    },
    /// Nobody could hand in anything.
    #[error("the limits allow nothing: at least one file and one attempt are needed")]
    NoLimits,
    /// More at once than one change holds.
    #[error("a change has {found} entries; it can have {max}", max = Change::MAX_ENTRIES)]
    Many {
        /// How many.
        found: usize,
    },
}

impl Change {
    /// The most entries of one change.
    pub const MAX_ENTRIES: usize = 20_000;

    /// The longest time for files to follow, in seconds: 30 days.
    pub const MAX_UPLOAD_SECONDS: i64 = 30 * 24 * 60 * 60;

    /// Whether it could be made at all; what is on record decides the rest.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn check(&self) -> Result<(), Unfit> {
        match self {
            Self::Course { title, .. } => needed("the title", title),
            Self::Assignment(plan) => {
                needed("the title", &plan.title)?;
                if !(0..=Self::MAX_UPLOAD_SECONDS).contains(&plan.upload_seconds) {
                    return Err(Unfit::UploadWindow { seconds: plan.upload_seconds });
                }
                if plan.limits.files == 0 || plan.limits.attempts == 0 {
                    return Err(Unfit::NoLimits);
                }
                closes_after(plan.due, plan.until)
            }
            Self::Members { members } => {
                many(members.len())?;
                members.iter().try_for_each(|member| {
                    line("a name", &member.name)?;
                    line("an address", &member.email)?;
                    many(member.extra.len())?;
                    member.extra.iter().try_for_each(|(header, field)| {
                        line("a header", header)?;
                        line("a further field", field)
                    })
                })
            }
            Self::Drop { sids } => many(sids.len()),
            Self::Groups { places, .. } => many(places.len()),
            Self::Extend { due, until, reason, .. } => {
                needed("the reason", reason)?;
                closes_after(Some(*due), *until)
            }
            Self::Choose { reason, .. } => needed("the reason", reason),
            Self::RevokeExtension { .. } | Self::Staff { .. } => Ok(()),
        }
    }
}

fn needed(what: &'static str, text: &str) -> Result<(), Unfit> {
    match text.trim().is_empty() {
        true => Err(Unfit::Empty { what }),
        false => line(what, text),
    }
}

fn line(what: &'static str, text: &str) -> Result<(), Unfit> {
    if text.chars().any(char::is_control) {
        return Err(Unfit::Control { what });
    }
    match text.chars().count() <= Change::MAX_TEXT {
        true => Ok(()),
        false => Err(Unfit::Long { what }),
    }
}

fn many(found: usize) -> Result<(), Unfit> {
    if found <= Change::MAX_ENTRIES { Ok(()) } else { Err(Unfit::Many { found }) }
}

fn closes_after(due: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), Unfit> {
    match (due, until) {
        (Some(due), Some(until)) if until < due => Err(Unfit::ClosesBeforeDue),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn as_the_protocol_has_them() {
        let changes = Changes {
            revision: 7,
            changes: vec![
                Change::Extend {
                    assignment: "lab1".parse().unwrap(),
                    scope: ExtensionScope::Student("1155123456".parse().unwrap()),
                    due: Timestamp::from_millis(1_790_000_000_999),
                    until: None,
                    reason: "ill".to_owned(),
                },
                Change::Staff { person: "ann".parse().unwrap(), role: Some(Role::Teacher) },
                Change::Drop { sids: vec!["1155123456".parse().unwrap()] },
            ],
        };
        let json = serde_json::to_value(&changes).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"revision": 7, "changes": [
                {"change": "extend", "assignment": "lab1", "for": {"student": "1155123456"},
                 "due": "2026-09-21T14:13:20.999Z", "until": null, "reason": "ill"},
                {"change": "staff", "person": "ann", "role": "teacher"},
                {"change": "drop", "sids": ["1155123456"]},
            ]})
        );
        assert_eq!(serde_json::from_value::<Changes>(json).unwrap(), changes);
    }

    #[test]
    fn what_could_be_made_nowhere() {
        let course = |title: &str| Change::Course {
            title: title.to_owned(),
            zone: Zone::utc(),
            open: false,
        };
        assert_eq!(course("Network security").check(), Ok(()));
        assert_eq!(course("  ").check(), Err(Unfit::Empty { what: "the title" }));
        assert_eq!(course("a\0b").check(), Err(Unfit::Control { what: "the title" }));
        assert_eq!(course(&"a".repeat(1001)).check(), Err(Unfit::Long { what: "the title" }));
        let extend = |due, until: i64| Change::Extend {
            assignment: "lab1".parse().unwrap(),
            scope: ExtensionScope::All,
            due: Timestamp::from_millis(due),
            until: Some(Timestamp::from_millis(until)),
            reason: "ill".to_owned(),
        };
        assert_eq!(extend(5, 5).check(), Ok(()));
        assert_eq!(extend(5, 4).check(), Err(Unfit::ClosesBeforeDue));
        let sid: Sid = "1155123456".parse().unwrap();
        let many = Change::Drop { sids: vec![sid; Change::MAX_ENTRIES + 1] };
        assert_eq!(many.check(), Err(Unfit::Many { found: Change::MAX_ENTRIES + 1 }));
    }
}
