//! One process a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::FileError;

/// The right to be the only process that works with a folder, until it is dropped or the process ends.
///
/// The system keeps it, so a killed process leaves nothing to clean up; the lock's file stays and means nothing.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
}

/// Closing the file is not enough: a child that another thread is just starting has a copy until it runs its program.
impl Drop for FolderLock {
    fn drop(&mut self) {
        // The system unlocks in any case, only later.
        let _ = self.file.unlock();
    }
}

/// Locks a folder under `name`, the lock's file within it, without waiting.
///
/// Locks of different names do not know of each other. It keeps out those who ask too, not those who just write.
///
/// # Errors
/// [`FileError::Locked`] while another holder has it, in this process or another.
pub fn lock_folder(folder: &Path, name: &str) -> Result<FolderLock, FileError> {
    let path = folder.join(name);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|e| FileError::from_system("create", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock { file }),
        Err(TryLockError::WouldBlock) => Err(FileError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(FileError::from_system("lock", &path, source)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock_folder(folder.path(), "cuhk.lock").unwrap();
        let refused = lock_folder(folder.path(), "cuhk.lock");
        assert!(matches!(refused, Err(FileError::Locked { .. })));
        assert!(lock_folder(folder.path(), "blackboard.lock").is_ok(), "another name");
        drop(held);
        assert!(lock_folder(folder.path(), "cuhk.lock").is_ok());
    }

    #[test]
    fn a_missing_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let refused = lock_folder(&folder.path().join("no"), "cuhk.lock");
        assert!(matches!(refused, Err(FileError::Missing { .. })));
    }
}
