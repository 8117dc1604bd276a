//! Assignments.

use claim_core::AssignmentRef;
use claim_core::hand_in::Limits;
use claim_core::{AssignmentId, CourseId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GroupSet, LatePolicy};

/// An assignment as staff has set it up; what holds for one holder, [`crate::Terms`] tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssignmentPlan {
    /// The course.
    pub course: CourseId,
    /// The assignment in it.
    pub assignment: AssignmentId,
    /// What people call it.
    pub title: String,
    /// Before this moment students do not see it.
    pub visible_from: Option<Timestamp>,
    /// The last moment that is in time.
    pub due: Option<Timestamp>,
    /// The closing time: the last moment at which a late claim is taken.
    pub until: Option<Timestamp>,
    /// What becomes of late claims.
    pub late: LatePolicy,
    /// How long files may follow after lodging, in seconds.
    pub upload_seconds: i64,
    /// What a claim may be at most.
    pub limits: Limits,
    /// The set whose groups hand in together; `None` where everybody hands in alone.
    pub groups: Option<GroupSet>,
}

impl AssignmentPlan {
    /// Course and assignment together.
    pub fn reference(&self) -> AssignmentRef {
        AssignmentRef { course: self.course.clone(), assignment: self.assignment.clone() }
    }
}
