//! The audit log, for those who read it: its head signed, all of it gone through again, old entries into an archive.

mod archive;
mod finding;
mod prune;
mod verify;

use std::path::PathBuf;

use claim_log::{LogKey, SignedCheckpoint};
use claim_store::cuhk::audit::{AuditEntry, EntryFilter};

pub use self::archive::ArchiveError;
pub use self::finding::Finding;
pub use self::prune::Pruned;
pub use self::verify::{AuditReport, KeptCheckpoint};
use super::{AdminError, Office, PAGE};
use crate::audit::sign_checkpoint;

/// What the log is gone through with.
#[derive(Clone, Debug, Default)]
pub struct AuditSources {
    /// Archives with what was taken out of the records, in any order.
    pub archives: Vec<PathBuf>,
    /// Checkpoints that were kept elsewhere.
    pub kept: Vec<KeptCheckpoint>,
    /// The key by which they are signed; without it, one that the log itself names.
    pub key: Option<LogKey>,
}

impl Office {
    /// Signs the head of the audit log.
    ///
    /// # Errors
    /// [`AdminError::AuditKey`].
    pub async fn audit_checkpoint(&self) -> Result<(SignedCheckpoint, LogKey), AdminError> {
        let (origin, now) = (self.origin()?, self.clock.now());
        Ok(sign_checkpoint(&self.folder, &self.store, &origin, now).await?)
    }

    /// Up to a thousand entries after this number that are asked for.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be read.
    pub async fn audit_entries(
        &self,
        after: u64,
        filter: &EntryFilter,
    ) -> Result<Vec<AuditEntry>, AdminError> {
        Ok(self.store.audit_entries(after, filter, PAGE).await?)
    }
}
