//! The audit log, for those who read it: its head signed, all of it gone through again, old entries into an archive.

use std::path::Path;

use claim_audit::{AuditError, Draft, PAGE, Pruned, Redacted};
use claim_core::{PersonId, Timestamp};
use claim_log::{LogKey, SignedCheckpoint};
use claim_store::audit::{AuditRecords, Entry};
use claim_store::cuhk::audit::{CertificatePruning, Deed};

use super::{AdminError, Office};

impl Office {
    /// Signs the head of the audit log.
    ///
    /// # Errors
    /// [`AdminError::AuditKey`].
    pub async fn audit_checkpoint(&self) -> Result<(SignedCheckpoint, LogKey), AdminError> {
        let (origin, now) = (self.origin()?, self.clock.now());
        let files = self.folder.audit_keys();
        Ok(claim_audit::sign_checkpoint(self.store.audit(), &files, &origin, now).await?)
    }

    /// The audit log among the records.
    pub fn audit(&self) -> AuditRecords<'_> {
        self.store.audit()
    }

    /// Writes entries from before this time, and certificates that had ended by then, into an archive, then takes them out
    /// of the records. `None` when there is nothing.
    ///
    /// Of the entries it is all before the first that is later. Certificates of persons and servers only; the last one of
    /// whoever is on the roster stays, and so do all of the evidence and whatever was revoked, on its list. An archive that
    /// was written and not used yet, as when this was cut off, is used now.
    ///
    /// # Errors
    /// [`AdminError::Archive`], [`AdminError::AuditFinding`] when what is to be archived does not verify; then nothing was
    /// taken out.
    pub async fn audit_prune(
        &self,
        before: Timestamp,
        archive: &Path,
    ) -> Result<Option<Pruned>, AdminError> {
        // What is to come is not old.
        let before = before.min(self.clock.now());
        let certificates = async |draft: &mut Draft| self.add_prunable(before, draft).await;
        let archived =
            claim_audit::archive(self.store.audit(), before, archive, certificates).await?;
        let Some(archived) = archived else { return Ok(None) };
        let (entries, serials) = (archived.pruning.clone(), archived.serials.clone());
        let is_out = self.store.prune(&CertificatePruning { entries, serials }).await?;
        Ok(Some(archived.is_out(is_out)?))
    }

    /// Writes an archive anew into another file, without what names these people, or anybody where it is `None`; the audit log
    /// then has an entry of it, which names nobody. The old file stays as it is.
    ///
    /// # Errors
    /// [`AdminError::Archive`], [`AdminError::AuditFinding`] when the archive does not verify.
    pub async fn audit_redact(
        &self,
        archive: &Path,
        into: &Path,
        who: Option<&[PersonId]>,
    ) -> Result<Redacted, AdminError> {
        let who: Option<Vec<String>> = who.map(|who| who.iter().map(ToString::to_string).collect());
        let (log, now) = (self.store.audit().log(), self.clock.now());
        let done = claim_audit::redact(log, archive, into, who.as_deref(), now)?;
        let entry = Entry::new(Deed::Erased)
            .digest(*done.digest.as_bytes())
            .with("rule", "archive")
            .with("archive", into.display().to_string())
            .with("entries", done.entries)
            .with("certificates", done.certificates);
        self.store.audit().record(&[entry]).await?;
        Ok(done)
    }

    /// Adds the certificates that go out of the records.
    async fn add_prunable(&self, before: Timestamp, draft: &mut Draft) -> Result<(), AdminError> {
        let mut last = None;
        loop {
            let page = self.store.prunable_certificates(before, last.as_ref(), PAGE).await?;
            for record in &page {
                draft.certificate(record)?;
            }
            match page.last() {
                Some(record) => last = Some(record.clone()),
                None => return Ok(()),
            }
        }
    }
}

impl From<AuditError> for AdminError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Store(error) => error.into(),
            AuditError::Archive(error) => error.into(),
            AuditError::Finding(finding) => finding.into(),
        }
    }
}
