//! Backup and restore of a CUHK.

use std::path::Path;

use claim_audit::operator;
use claim_http::Clock;
use claim_store::cuhk::CuhkStore;
use claim_store::cuhk::audit::{By, Deed, Entry};
use claim_store::{
    Backup, BackupError, CheckedBackup, Copied, DatabaseUrl, Look, Records, StoreError,
};

use crate::config::DATABASE_FILE;
use crate::folder::{Folder, exists};

/// More revocation lists than any CUHK makes between a backup and its restore.
const LISTS_AHEAD: u32 = 1_000_000;

/// What was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The files.
    pub copied: Copied,
    /// How many open codes were voided: each may have been used since the backup.
    pub voided: u64,
}

/// Copies the CUHK in `dir` into the new folder `into`; it may be serving.
///
/// The key of its witness is left out: a restored witness has forgotten what it cosigned, and takes a new key.
/// What can be made anew (its own TLS certificate, revocation lists) is left out too.
///
/// # Errors
/// [`BackupError`]; without the list of sums, which is written last, what was written is no backup.
pub async fn backup(
    dir: &Path,
    database: Option<&str>,
    into: &Path,
) -> Result<Copied, BackupError> {
    let folder = Folder::new(dir);
    let root = folder.root_certificate();
    if !exists(&root)? {
        return Err(BackupError::Nothing { path: root });
    }
    let url = database_url(&folder, database)?;
    let mut backup = Backup::begin(into)?;
    backup.database(&url, DATABASE_FILE).await?.close().await?;
    for name in folder.backed_up()? {
        backup.file(&dir.join(&name), &name)?;
    }
    let copied = backup.finish()?;
    // The copy is whole, and may be what is needed most when nothing can be written.
    if let Err(error) = backed_up(&url, into).await {
        tracing::warn!(%error, "the audit log does not tell of this backup");
    }
    Ok(copied)
}

/// That the records were copied. Records of an older program's schema stay as they are: whoever makes a backup before
/// taking a newer program may want to go back.
async fn backed_up(url: &DatabaseUrl, into: &Path) -> Result<(), StoreError> {
    let mut look = Look::at(url, Records::Cuhk).await?;
    let schema = look.schema_version().await?;
    look.close().await;
    if schema.there != schema.known {
        return Ok(());
    }
    let clock = Clock::system();
    let by = By::administrator(operator());
    let store = CuhkStore::open(url).await?.acting(by, move || clock.now());
    let entry = Entry::new(Deed::BackedUp).with("into", into.display().to_string());
    let recorded = store.audit().record(&[entry]).await;
    store.close().await;
    recorded
}

/// Restores a CUHK from the folder `from` into `dir`, which has nothing but settings.
///
/// Codes that were open at the time of the backup are voided, since they may have been used after it. The next
/// revocation lists have numbers that no list from after the backup has.
///
/// # Errors
/// [`BackupError`].
pub async fn restore(
    dir: &Path,
    database: Option<&str>,
    from: &Path,
    clock: &Clock,
) -> Result<Restored, BackupError> {
    let folder = Folder::new(dir);
    let url = database_url(&folder, database)?;
    let checked = CheckedBackup::open(from, DATABASE_FILE)?;
    let restoring = checked.restore(dir, &url, DATABASE_FILE, Folder::LOCK)?;
    let store = CuhkStore::open(&url).await?;
    let time = clock.clone();
    let store = store.acting(By::administrator(operator()), move || time.now());
    store.audit().record(&[restored(&store, from).await?]).await?;
    let voided = store.void_open_invitations(clock.now()).await?;
    store.skip_list_numbers(LISTS_AHEAD).await?;
    store.close().await;
    Ok(Restored { copied: restoring.finish()?, voided })
}

/// That the records were restored, and how far the log went by then: whoever kept a checkpoint sees what is missing.
async fn restored(store: &CuhkStore, from: &Path) -> Result<Entry, StoreError> {
    let head = store.audit().head().await?.frontier;
    Ok(Entry::new(Deed::Restored)
        .with("from", from.display().to_string())
        .with("entries", head.size().value())
        .with("root", head.root().to_string()))
}

fn database_url(folder: &Folder, database: Option<&str>) -> Result<DatabaseUrl, BackupError> {
    match database {
        Some(text) => Ok(text.parse()?),
        None => Ok(DatabaseUrl::sqlite(folder.database())),
    }
}
