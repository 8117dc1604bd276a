//! What a course is made of.

mod assignment;
mod extension;
mod group;
mod member;
mod role;

use claim_core::CourseId;
pub use claim_core::late::{LatePolicy, PenaltyError, PenaltyStep, PenaltySteps};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Zone;

pub use assignment::AssignmentPlan;
pub use extension::{Extension, ExtensionScope};
pub use group::{GroupName, GroupNameError, GroupSet};
pub use member::Member;
pub use role::{Role, StaffMember, UnknownRole};

/// A course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Course {
    /// Its short name.
    pub course: CourseId,
    /// What people call it.
    pub title: String,
    /// The zone in which its times are entered and shown.
    pub zone: Zone,
    /// Whether everybody with a certificate may hand in, or only those on its roster.
    pub open: bool,
    /// How often it has changed; each change names the revision that it was made from.
    pub revision: u64,
}
