//! Backup and restore of a Blackboard.

use std::path::Path;
use std::time::Duration;

use claim_log::{Edge, Resource, TreeSize};
use claim_store::blackboard::BlackboardStore;
use claim_store::blackboard::audit::{Deed, Entry};
use claim_store::{
    Backup, BackupError, CheckedBackup, Copied, CopiedRecords, DatabaseUrl, ObjectName, StoreError,
};

use crate::audit;
use crate::config::DATABASE_FILE;
use crate::folder::Folder;
use crate::retention::{RetentionError, apart};

/// How long it waits for an erasure to end, which is no longer than a rule of retention takes that finds a year's claims.
const PATIENCE: Duration = Duration::from_secs(600);

/// The folder of objects in a backup, as in Blackboard's own folder.
const OBJECTS: &str = "objects";

/// What was copied, and what was missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The files.
    pub copied: Copied,
    /// Files that the records name, and that are not there, below `objects`: lost before the backup was made.
    pub missing: Vec<String>,
}

/// Copies the Blackboard in `dir` into the new folder `into`; it may be serving.
///
/// The records are copied first, then the objects: each was durable before a record named it. `sealing.key`, which opens
/// keys that are in the records, is left out.
///
/// # Errors
/// [`BackupError`]; without the list of sums, which is written last, what was written is no backup.
pub async fn backup(
    dir: &Path,
    database: Option<&str>,
    into: &Path,
) -> Result<Outcome, BackupError> {
    let folder = Folder::new(dir);
    let key = folder.key();
    if !key.exists() {
        return Err(BackupError::Nothing { path: key });
    }
    let url = database_url(dir, database)?;
    let _apart = apart(dir, PATIENCE).await.map_err(|error| match error {
        RetentionError::File(error) => BackupError::File(error),
        _ => BackupError::Erasing,
    })?;
    let mut backup = Backup::begin(into)?;
    let mut records = backup.database(&url, DATABASE_FILE).await?;
    for name in Folder::BACKED_UP {
        backup.file(&dir.join(name), name)?;
    }
    // Files of a larger tree than the records know would stand in the way of the tree that grows from them.
    let size = records.log_size().await?;
    backup.folder(&folder.objects(), OBJECTS, |path| {
        belongs(path, size) && !records.left_out(path)
    })?;
    let missing = missing(&mut records, &into.join(OBJECTS), size).await?;
    records.close().await?;
    let copied = backup.finish()?;
    // The copy is whole, and may be what is needed most when nothing can be written.
    let entry = Entry::new(Deed::BackedUp).with("into", into.display().to_string());
    if let Err(error) = audit::tell(&url, entry).await {
        tracing::warn!(%error, "the audit log does not tell of this backup");
    }
    Ok(Outcome { copied, missing })
}

/// Restores a Blackboard from the folder `from` into `dir`, which has nothing but settings.
///
/// Whether its log has grown since the backup is found out at the start, from its witness.
///
/// # Errors
/// [`BackupError`].
pub async fn restore(
    dir: &Path,
    database: Option<&str>,
    from: &Path,
) -> Result<Outcome, BackupError> {
    let folder = Folder::new(dir);
    let url = database_url(dir, database)?;
    let checked = CheckedBackup::open(from, DATABASE_FILE)?;
    let mut records = checked.records(DATABASE_FILE).await?;
    let restoring = checked.restore(dir, &url, DATABASE_FILE, Folder::LOCK)?;
    let size = records.log_size().await?;
    let missing = missing(&mut records, &folder.objects(), size).await?;
    records.close().await?;
    // The schema is brought up to date now, so that whatever keeps it from that is told now.
    let store = audit::by_operator(BlackboardStore::open(&url).await?);
    let recorded = restored(&store, from).await;
    store.close().await;
    recorded?;
    Ok(Outcome { copied: restoring.finish()?, missing })
}

/// That the records were restored, and how far the log went by then: whoever kept a checkpoint sees what is missing.
async fn restored(store: &BlackboardStore, from: &Path) -> Result<(), StoreError> {
    let head = store.audit().head().await?.frontier;
    let entry = Entry::new(Deed::Restored)
        .with("from", from.display().to_string())
        .with("entries", head.size().value())
        .with("root", head.root().to_string());
    store.audit().record(&[entry]).await
}

/// Whether the object at this path is a piece of a claim, or a file of the log's tree of this size.
fn belongs(path: &str, size: u64) -> bool {
    let Some(path) = path.strip_prefix("log/") else { return true };
    let end = match path.parse() {
        Ok(Resource::Entries(bundle)) => end(0, bundle.index(), bundle.width()),
        Ok(Resource::Tile(tile)) => end(tile.level(), tile.index(), tile.width()),
        Ok(Resource::Checkpoint) | Err(_) => None,
    };
    end.is_some_and(|end| end <= size)
}

/// Behind which leaf a tile ends; `None` beyond all that can be.
fn end(level: u8, index: u64, width: u16) -> Option<u64> {
    let hashes = index.checked_mul(256)?.checked_add(u64::from(width))?;
    hashes.checked_mul(256_u64.checked_pow(u32::from(level))?)
}

/// What the records name and the folder lacks: pieces of claims, files at the edge of the log.
async fn missing(
    records: &mut CopiedRecords,
    objects: &Path,
    size: u64,
) -> Result<Vec<String>, BackupError> {
    let is_there = |name: &ObjectName| objects.join(name.to_string()).is_file();
    let mut missing = records.missing_pieces(is_there).await?;
    // A batch that is committed may have no files yet: it is made again from the records.
    let published = records.published_log_size().await?.min(size);
    if let Ok(size) = TreeSize::try_from(published) {
        let edge = Edge::resources(size).into_iter();
        let names = edge.map(|resource| ObjectName::log(&resource.to_string()));
        missing.extend(names.filter(|name| !is_there(name)));
    }
    Ok(missing.iter().map(ToString::to_string).collect())
}

fn database_url(dir: &Path, database: Option<&str>) -> Result<DatabaseUrl, BackupError> {
    match database {
        Some(text) => Ok(text.parse()?),
        None => Ok(DatabaseUrl::sqlite(dir.join(DATABASE_FILE))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_larger_tree_stay_behind() {
        for (path, size, belongs_to_it) in [
            ("claims/ab/abcd.0.0", 0, true),
            ("log/tile/0/000.p/5", 5, true),
            ("log/tile/0/000.p/6", 5, false),
            ("log/tile/entries/000.p/6", 5, false),
            ("log/tile/0/000", 256, true),
            ("log/tile/0/001.p/1", 256, false),
            ("log/tile/1/000.p/1", 256, true),
            ("log/tile/1/000.p/2", 511, false),
            ("log/tile/1/000.p/2", 512, true),
            ("log/other", 512, false),
        ] {
            assert_eq!(belongs(path, size), belongs_to_it, "{path} {size}");
        }
    }
}
