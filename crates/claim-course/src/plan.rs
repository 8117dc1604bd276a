//! A whole course as one TOML file: course, assignments, groups, extensions and staff.
//!
//! Times are typed in the course's zone, as [`Zone`] reads them. A file adds and changes: assignments, extensions and
//! staff that it does not name stay as they are, and are told; a set of groups that it names is as the file says, whole;
//! somebody is staff no more by the role `none`. Students come from rosters.

mod difference;
mod error;
mod file;
mod render;
mod span;

use std::collections::BTreeMap;

use claim_core::{AssignmentId, CourseId, PersonId, Sid, Timestamp};

pub use difference::{OnRecord, PlanDifference, Step, difference};
pub use error::{PlanError, PlanFault};
pub use render::render;
pub use span::{Span, SpanError};

use crate::model::{AssignmentPlan, ExtensionScope, GroupName, GroupSet, Role};
use crate::time::Zone;

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A course as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its short name.
    pub course: CourseId,
    /// What people call it.
    pub title: String,
    /// The zone in which its times are typed and shown.
    pub zone: Zone,
    /// Whether everybody with a certificate may hand in, or only those on its roster.
    pub open: bool,
    /// The assignments, in the order of the file.
    pub assignments: Vec<AssignmentPlan>,
    /// Who is in which group, by set.
    pub groups: BTreeMap<GroupSet, BTreeMap<GroupName, Vec<Sid>>>,
    /// More time, in the order of the file.
    pub extensions: Vec<PlannedExtension>,
    /// Who is staff; `None`: no more.
    pub staff: BTreeMap<PersonId, Option<Role>>,
}

/// More time, as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedExtension {
    /// The assignment.
    pub assignment: AssignmentId,
    /// For whom.
    pub scope: ExtensionScope,
    /// The last moment that is in time.
    pub due: Timestamp,
    /// The last moment at which a claim is taken, where that is to be another than the assignment's.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// Reads a course from TOML.
///
/// # Errors
/// [`PlanError`], with line and column.
pub fn read(text: &str) -> Result<Plan, PlanError> {
    file::read(text)
}

#[cfg(test)]
mod tests;
