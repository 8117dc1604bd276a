//! CUHK's audit log: what leaves an entry there, and what goes out of the records with old entries.

mod deed;
mod prune;

pub use deed::{Deed, UnknownDeed};
pub use prune::CertificatePruning;

pub use crate::audit::{
    AuditChain, AuditCheckpoint, AuditEntry, AuditHead, AuditLog, AuditRecords, Authentication, By,
    Entry, EntryFilter, WrongEntry,
};

/// CUHK's audit log.
pub static LOG: AuditLog = AuditLog {
    context: "claim.cuhk/audit/v1",
    server: Authentication::Cuhk,
    counted: &["certificates", "revocations", "people"],
    has_concerns: false,
};
