//! The audit log, for those who run Blackboard.

use std::path::Path;

use claim_audit::{Draft, PAGE, Pruned, last_origin};
use claim_core::{CourseId, Origin, PersonId, Timestamp};
use claim_http::Clock;
use claim_log::{LogKey, SignedCheckpoint};
use claim_store::Faults;
use claim_store::blackboard::BlackboardStore;
use claim_store::blackboard::audit::{AuditEntry, AuditRecords};

use super::{AdminError, open};
use crate::config::DEFAULT_PORT;
use crate::folder::Folder;

/// Blackboard's audit log; it may be serving at the same time.
pub struct Audit {
    folder: Folder,
    store: BlackboardStore,
    clock: Clock,
}

/// Opens the records of the Blackboard in this folder.
///
/// # Errors
/// [`AdminError`].
pub async fn audit(dir: &Path, database: Option<&str>, clock: Clock) -> Result<Audit, AdminError> {
    let store = open(dir, database, Faults::none()).await?;
    Ok(Audit { folder: Folder::new(dir), store, clock })
}

impl Audit {
    /// The log among the records.
    pub fn records(&self) -> AuditRecords<'_> {
        self.store.audit()
    }

    /// Signs the head.
    ///
    /// # Errors
    /// [`AdminError::AuditKey`].
    pub async fn checkpoint(&self) -> Result<(SignedCheckpoint, LogKey), AdminError> {
        let origin = match last_origin(self.records()).await? {
            Some(origin) => origin,
            None => Origin::from_user(&format!("https://localhost:{DEFAULT_PORT}"))?,
        };
        let (files, now) = (self.folder.audit_keys(), self.clock.now());
        Ok(claim_audit::sign_checkpoint(self.records(), &files, &origin, now).await?)
    }

    /// Up to a thousand entries after this number that concern a person: in this course, or in all.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn about(
        &self,
        person: &PersonId,
        course: Option<&CourseId>,
        after: u64,
    ) -> Result<Vec<AuditEntry>, AdminError> {
        Ok(match course {
            Some(course) => self.store.audit_concerning(course, person, after, PAGE).await?,
            None => self.store.audit_about(person, after, PAGE).await?,
        })
    }

    /// Writes entries from before this time into an archive, then takes them out of the records. `None` when there are
    /// none. An archive that was written and not used yet, as when this was cut off, is used now.
    ///
    /// # Errors
    /// [`AdminError::Audit`]; then nothing was taken out.
    pub async fn prune(
        &self,
        before: Timestamp,
        archive: &Path,
    ) -> Result<Option<Pruned>, AdminError> {
        // What is to come is not old.
        let before = before.min(self.clock.now());
        let nothing = async |_: &mut Draft| Ok::<(), AdminError>(());
        let archived = claim_audit::archive(self.records(), before, archive, nothing).await?;
        let Some(archived) = archived else { return Ok(None) };
        let is_out = self.records().prune(&archived.pruning).await?;
        Ok(Some(archived.is_out(is_out).map_err(claim_audit::AuditError::from)?))
    }

    /// Closes the records.
    pub async fn close(self) {
        self.store.close().await;
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").finish_non_exhaustive()
    }
}
