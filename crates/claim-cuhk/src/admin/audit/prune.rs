//! Old entries and certificates into an archive: there durably first, then out of the records.

use std::path::Path;

use claim_core::{Digest, Timestamp};
use claim_store::cuhk::audit::{AuditChain, AuditHead, Deed, Entry, EntryFilter, Pruning};

use super::Finding;
use super::archive::{Archive, ArchiveError, Draft};
use crate::admin::{AdminError, Office, PAGE};
use crate::folder::exists;

/// What went into an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The first entry.
    pub first: u64,
    /// The last one; before the first when there was none.
    pub last: u64,
    /// How many certificates.
    pub certificates: u64,
    /// SHA-256 of all but the archive's last line, which has it too.
    pub digest: Digest,
}

impl Office {
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
        let head = self.store.audit_head().await?;
        if !exists(archive).map_err(ArchiveError::from)?
            && !self.write(&head, before, archive).await?
        {
            return Ok(None);
        }
        let written = Archive::open(archive)?;
        let pruned = Pruned {
            first: written.first(),
            last: written.last(),
            certificates: written.certificates(),
            digest: written.digest(),
        };
        // What is taken out is what was read back, and it must be what the records have.
        if written.before() != &head.pruned {
            return Err(ArchiveError::Exists { path: archive.to_owned() }.into());
        }
        let mut chain = AuditChain::after(head.pruned.clone());
        for entry in written.entries()? {
            chain.take(&entry?).map_err(Finding::from)?;
        }
        let last = pruned.first.max(pruned.last + 1) - 1;
        if let Some(after) =
            self.store.audit_entries(last, &EntryFilter::default(), 1).await?.first()
        {
            let mut next = chain.clone();
            next.take(after).map_err(Finding::from)?;
        } else if chain.frontier() != &head.frontier {
            return Err(ArchiveError::Exists { path: archive.to_owned() }.into());
        }
        let entry = Entry::new(Deed::Pruned)
            .digest(*pruned.digest.as_bytes())
            .with("first", pruned.first)
            .with("last", pruned.last)
            .with("certificates", pruned.certificates)
            .with("archive", archive.display().to_string());
        let serials = written.serials()?;
        let pruning =
            Pruning { before: head.pruned, after: chain.frontier().clone(), serials, entry };
        match self.store.prune(&pruning).await? {
            true => Ok(Some(pruned)),
            false => Err(ArchiveError::Exists { path: archive.to_owned() }.into()),
        }
    }

    /// Writes the archive; `false` when there is nothing to write.
    async fn write(
        &self,
        head: &AuditHead,
        before: Timestamp,
        archive: &Path,
    ) -> Result<bool, AdminError> {
        let mut draft = Draft::begin(archive, &head.pruned)?;
        let (mut after, mut is_empty) = (head.pruned.size().value(), true);
        'entries: loop {
            let page = self.store.audit_entries(after, &EntryFilter::default(), PAGE).await?;
            for entry in &page {
                if entry.at >= before {
                    break 'entries;
                }
                draft.entry(entry)?;
                (after, is_empty) = (entry.number, false);
            }
            if page.is_empty() {
                break;
            }
        }
        let mut last = None;
        loop {
            let page = self.store.prunable_certificates(before, last.as_ref(), PAGE).await?;
            for record in &page {
                draft.certificate(record)?;
                is_empty = false;
            }
            match page.last() {
                Some(record) => last = Some(record.clone()),
                None => break,
            }
        }
        if is_empty {
            draft.discard()?;
        } else {
            draft.finish()?;
        }
        Ok(!is_empty)
    }
}
