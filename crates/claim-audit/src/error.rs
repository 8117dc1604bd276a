//! Why nothing can be done with an audit log.

use claim_store::StoreError;

use crate::{ArchiveError, Finding};

/// Why an audit log cannot be gone through, or nothing of it go into an archive.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The records cannot be read or written.
    #[error("the records cannot be used: {0}")]
    Store(#[from] StoreError),
    /// An archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It is not what was written, so nothing of it goes into an archive.
    #[error("the audit log does not verify: {0}")]
    Finding(#[from] Finding),
}
