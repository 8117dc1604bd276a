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

impl AuditError {
    /// What to do next; `command` is what comes before `audit`.
    pub fn advice(&self, command: &str) -> String {
        match self {
            Self::Store(error) if error.is_temporary() => "Do it again in a moment.".to_owned(),
            Self::Store(_) => "Put that right and do it again.".to_owned(),
            Self::Archive(error) => error.advice().to_owned(),
            Self::Finding(_) => format!(
                "Nothing was taken out of the records. `{command} audit verify` tells more; OPERATIONS.md \
                 says what to do."
            ),
        }
    }
}

impl ArchiveError {
    /// What to do next.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "Name another file; nothing was taken out of the records.",
            _ => {
                "Put that right and do it again, with the same file; until it is whole, nothing is taken \
                 out of the records."
            }
        }
    }
}
