//! What Blackboard answers to staff (PROTOCOL.md §12).

use claim_core::claim::{ClaimId, Holder};
use claim_core::hand_in::{Assignment, ClaimState};
use claim_core::{AssignmentId, PersonId, Sid, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{AssignmentPlan, Course, Extension, GroupName, Member, Role, StaffMember};

/// The most students in one page.
pub const MAX_PAGE: u32 = 500;

/// The answer to `GET /v1/courses`: where this person is staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Courses {
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// The courses, by short name.
    pub courses: Vec<OwnCourse>,
}

/// A course, and what somebody is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnCourse {
    /// The course.
    #[serde(flatten)]
    pub course: Course,
    /// As what.
    pub role: Role,
}

/// The answer to `GET /v1/courses/{course}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CourseAnswer {
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// The course.
    pub course: Course,
    /// Its assignments, by name.
    pub assignments: Vec<AssignmentPlan>,
    /// Its extensions, in the order in which they were granted, also those that were taken back.
    pub extensions: Vec<Extension>,
    /// Its staff, by id.
    pub staff: Vec<StaffMember>,
    /// The claims that wait for files, by assignment; an assignment without any is not there.
    #[serde(default)]
    pub waiting: Vec<WaitingClaims>,
}

/// The claims for one assignment that wait for files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingClaims {
    /// The assignment.
    pub assignment: AssignmentId,
    /// How many there are.
    pub claims: u64,
    /// Until when files may follow for the one whose time is over first.
    pub earliest: Timestamp,
    /// The same for the last one.
    pub latest: Timestamp,
}

/// The answer to `GET /v1/courses/{course}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Members {
    /// Students by SID, also those who left.
    pub members: Vec<Member>,
    /// What `after` of the next page is; `null` when this is the last one.
    pub next: Option<Sid>,
}

/// The answer to `POST /v1/courses/{course}/changes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangesAnswer {
    /// The course's revision with the changes.
    pub revision: u64,
}

/// The answer to `GET /v1/courses/{course}/assignments/{assignment}/hand-ins`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandIns {
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// A row a student, by SID: everybody on the roster, and everybody whom a claim names.
    pub hand_ins: Vec<HandIn>,
    /// What `after` of the next page is; `null` when this is the last one.
    pub next: Option<Sid>,
}

/// What one student has handed in for an assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandIn {
    /// Who.
    pub sid: Sid,
    /// The name in the roster, or empty.
    pub name: String,
    /// Whether the student is on the roster now.
    pub on_roster: bool,
    /// The group, where the assignment has groups.
    pub group: Option<GroupName>,
    /// The due time that holds for this student.
    pub due: Option<Timestamp>,
    /// The claim that counts; `null` where none does.
    pub counting: Option<ClaimId>,
    /// Why staff chose that one, where they did.
    pub chosen: Option<String>,
    /// All claims that name the student, newest first.
    pub claims: Vec<Lodged>,
}

/// A claim in staff's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lodged {
    /// Its id.
    pub claim: ClaimId,
    /// Whom it names.
    pub sids: Holder,
    /// Who lodged it.
    pub by: String,
    /// Who signed it.
    #[serde(default)]
    pub signers: Vec<PersonId>,
    /// The token's time.
    pub lodged_at: Timestamp,
    /// By how many milliseconds it is late, as it is judged now.
    pub late_ms: i64,
    /// The due time that both signed.
    #[serde(default)]
    pub due: Option<Timestamp>,
    /// By how many milliseconds it is late by that due time, as the receipt says; only where it is judged otherwise now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_late_ms: Option<i64>,
    /// How much is taken off for that, in percent.
    pub penalty: u8,
    /// What has become of it.
    pub state: ClaimState,
    /// When its last file was durable.
    pub received_at: Option<Timestamp>,
}

/// The answer to `GET /v1/courses/{course}/assignments/{assignment}/students/{sid}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StudentView {
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// From when on the student sees it; `null` where it was never hidden.
    pub visible_from: Option<Timestamp>,
    /// What `GET /v1/assignments` tells the student of it, or will.
    pub assignment: Assignment,
}
