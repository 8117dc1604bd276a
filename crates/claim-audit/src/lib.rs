//! What both servers do with their audit logs beside appending: signing the head (C2SP tlog-checkpoint), moving old entries
//! into archives, going through all of it again, and having its head cosigned by a witness (C2SP tlog-witness).
//!
//! It works on [`claim_store::audit::AuditRecords`], whichever server's they are.
//!
//! Not here: entries, how they are hashed and appended (claim-store); what leaves an entry (each server); printing.

mod archive;
mod error;
mod finding;
mod operator;
mod prune;
mod redact;
mod settings;
mod signer;
mod verify;
mod witness;

pub use archive::{ArchiveError, Draft};
pub use error::AuditError;
pub use finding::Finding;
pub use operator::operator;
pub use prune::{Archived, Pruned, archive};
pub use redact::{Redacted, redact};
pub use settings::{Settings, last_origin, started};
pub use signer::{AuditKeyError, KeyFiles, sign_checkpoint, sign_if_grown};
pub use verify::{AuditReport, AuditSources, CosignedBy, KeptCheckpoint, verify};
pub use witness::{AuditWitness, CosignError, cosign};

/// How many records are read from the database at once.
pub const PAGE: u32 = 1000;
