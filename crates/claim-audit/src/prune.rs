//! Old entries into an archive, and what goes with them: there durably first, then out of the records.

use std::io;
use std::path::{Path, PathBuf};

use claim_core::{Digest, Timestamp};
use claim_store::audit::{
    AuditChain, AuditHead, AuditRecords, DeedName, Entry, EntryFilter, Pruning,
};

use crate::archive::{Archive, ArchiveError, Draft};
use crate::{AuditError, Finding, PAGE};

/// What went into an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The first entry.
    pub first: u64,
    /// The last one; before the first when there was none.
    pub last: u64,
    /// How many certificates, of which only CUHK has any.
    pub certificates: u64,
    /// SHA-256 of all but the archive's last line, which has it too.
    pub digest: Digest,
}

/// An archive that was written, read back and compared with the records: what it has may go out of them.
#[derive(Debug)]
pub struct Archived {
    path: PathBuf,
    pruned: Pruned,
    /// What goes out of the log.
    pub pruning: Pruning,
    /// The serial numbers of the certificates in it.
    pub serials: Vec<String>,
}

impl Archived {
    /// What it came to, when all that went out of the records; `false` when others were first.
    ///
    /// # Errors
    /// [`ArchiveError::Exists`]: the archive is not that of what the records have now.
    pub fn is_out(self, done: bool) -> Result<Pruned, ArchiveError> {
        if done { Ok(self.pruned) } else { Err(ArchiveError::Exists { path: self.path }) }
    }
}

/// Writes entries from before this time, and what `more` adds, into an archive. `None` when there is nothing.
///
/// Of the entries it is all before the first that is later. An archive that was written and not used yet, as when this
/// was cut off, is used now.
///
/// # Errors
/// [`AuditError::Archive`], [`AuditError::Finding`] when what is to be archived does not verify; and those of `more`.
pub async fn archive<E: From<AuditError>>(
    records: AuditRecords<'_>,
    before: Timestamp,
    path: &Path,
    more: impl AsyncFnOnce(&mut Draft) -> Result<(), E>,
) -> Result<Option<Archived>, E> {
    let head = records.head().await.map_err(AuditError::from)?;
    let is_there = match std::fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(source) => {
            let path = path.to_owned();
            return Err(
                AuditError::from(ArchiveError::File { action: "find", path, source }).into()
            );
        }
    };
    if !is_there {
        let mut draft = Draft::begin(path, &head.pruned).map_err(AuditError::from)?;
        write_entries(records, &head, before, &mut draft).await?;
        more(&mut draft).await?;
        if draft.is_empty() {
            draft.discard().map_err(AuditError::from)?;
            return Ok(None);
        }
        draft.finish().map_err(AuditError::from)?;
    }
    Ok(Some(read_back(records, head, path).await?))
}

async fn write_entries(
    records: AuditRecords<'_>,
    head: &AuditHead,
    before: Timestamp,
    draft: &mut Draft,
) -> Result<(), AuditError> {
    let mut after = head.pruned.size().value();
    loop {
        let page = records.entries(after, &EntryFilter::default(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.number;
        for entry in &page {
            if entry.at >= before {
                return Ok(());
            }
            draft.entry(entry)?;
        }
    }
}

/// What is taken out is what was read back, and it must be what the records have.
async fn read_back(
    records: AuditRecords<'_>,
    head: AuditHead,
    path: &Path,
) -> Result<Archived, AuditError> {
    let written = Archive::open(path)?;
    let pruned = Pruned {
        first: written.first(),
        last: written.last(),
        certificates: written.certificates(),
        digest: written.digest(),
    };
    let is_another = || ArchiveError::Exists { path: path.to_owned() };
    if written.before() != &head.pruned {
        return Err(is_another().into());
    }
    let mut chain = AuditChain::after(records.log(), head.pruned.clone());
    for entry in written.entries()? {
        chain.take(&entry?).map_err(Finding::from)?;
    }
    let last = pruned.first.max(pruned.last + 1) - 1;
    if let Some(after) = records.entries(last, &EntryFilter::default(), 1).await?.first() {
        let mut next = chain.clone();
        next.take(after).map_err(Finding::from)?;
    } else if chain.frontier() != &head.frontier {
        return Err(is_another().into());
    }
    let entry = Entry::new(DeedName::PRUNED)
        .digest(*pruned.digest.as_bytes())
        .with("first", pruned.first)
        .with("last", pruned.last)
        .with("certificates", pruned.certificates)
        .with("archive", path.display().to_string());
    let serials = written.serials()?;
    let pruning = Pruning { before: head.pruned, after: chain.frontier().clone(), entry };
    Ok(Archived { path: path.to_owned(), pruned, pruning, serials })
}
