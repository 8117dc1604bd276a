//! Blackboard's audit log: what leaves an entry there, and whom an entry concerns.
//!
//! An entry of a course says whom it concerns: its students, staff, or everybody in the course. That is no part of what
//! is hashed, but an index by which a student finds what concerns them; who, whom and what are in the entry itself.

mod concerns;
mod deed;
mod said;
mod told;

pub use concerns::CourseEntry;
pub use deed::{Deed, UnknownDeed};
pub(super) use said::{
    assignment_recorded, counting_recorded, course_recorded, extension_recorded, group_recorded,
    member_dropped, member_recorded, outage_allowed, staff_recorded,
};

pub use crate::audit::{
    AuditChain, AuditCheckpoint, AuditEntry, AuditHead, AuditLog, AuditRecords, Authentication, By,
    Entry, EntryFilter, Pruning, WrongEntry,
};

/// Blackboard's audit log.
pub static LOG: AuditLog = AuditLog {
    context: "claim.blackboard/audit/v1",
    server: Authentication::Blackboard,
    counted: &["assignments", "claims", "messages"],
    has_concerns: true,
};
