//! Writing an archive anew without what names people: it verifies as before, against the same checkpoints.

use std::path::Path;

use claim_core::{Digest, Timestamp};
use claim_store::audit::{AuditChain, AuditLog, DeedName};

use crate::archive::{Archive, ArchiveError, Content, Draft};
use crate::{AuditError, Finding};

/// An archive that was written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// Of how many entries who, whom and what were erased now.
    pub entries: u64,
    /// How many certificates of persons were erased now.
    pub certificates: u64,
    /// SHA-256 of all but the new archive's last line, which has it too.
    pub digest: Digest,
}

/// Writes an archive of this log anew into another file, without who, whom and what of the entries by or about these
/// people, and without their certificates but for serial numbers, times and SHA-256; `None`: of everybody.
///
/// The entry that names the key of the log's checkpoints stays in any case, since without it no signature can be checked.
///
/// # Errors
/// [`AuditError::Archive`], and [`AuditError::Finding`] when the archive does not verify; then nothing was written.
pub fn redact(
    log: &'static AuditLog,
    archive: &Path,
    into: &Path,
    who: Option<&[String]>,
    now: Timestamp,
) -> Result<Redacted, AuditError> {
    let old = Archive::open(archive)?;
    if std::fs::symlink_metadata(into).is_ok() {
        return Err(ArchiveError::Exists { path: into.to_owned() }.into());
    }
    let mut draft = Draft::begin(into, old.before())?;
    let (entries, certificates) = match write(log, &old, &mut draft, who, now) {
        Ok(counts) => counts,
        Err(error) => {
            draft.discard()?;
            return Err(error);
        }
    };
    draft.finish()?;
    // What is said to verify was read back.
    let new = Archive::open(into)?;
    let mut chain = AuditChain::after(log, new.before().clone());
    for entry in new.entries()? {
        chain.take(&entry?).map_err(Finding::from)?;
    }
    Ok(Redacted { entries, certificates, digest: new.digest() })
}

fn write(
    log: &'static AuditLog,
    old: &Archive,
    draft: &mut Draft,
    who: Option<&[String]>,
    now: Timestamp,
) -> Result<(u64, u64), AuditError> {
    let is_meant = |name: &String| !name.is_empty() && who.is_none_or(|who| who.contains(name));
    let mut chain = AuditChain::after(log, old.before().clone());
    let (mut entries, mut certificates) = (0, 0);
    for content in old.content()? {
        match content? {
            Content::Entry(entry) => {
                chain.take(&entry).map_err(Finding::from)?;
                let goes = entry.deed != DeedName::AUDIT_KEY_MADE.as_str()
                    && (is_meant(&entry.actor) || is_meant(&entry.subject));
                entries += u64::from(goes);
                draft.entry(&if goes { entry.erased() } else { entry })?;
            }
            Content::Certificate(line) => {
                let goes =
                    line.profile == "person" && line.erased_at.is_none() && is_meant(&line.holder);
                certificates += u64::from(goes);
                draft.certificate_line(if goes { line.erased(now)? } else { line })?;
            }
        }
    }
    Ok((entries, certificates))
}
