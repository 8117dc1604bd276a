//! A mirror: a folder with the files of a log under their names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use claim_files::{FileError, Mode, replace};
use claim_log::Resource;

/// The ending of a file that nobody has found to be sound yet.
const FRESH: &str = "new";

/// A mirror that is being brought up to date. What was there stays until all of the new is known to be sound.
#[derive(Debug)]
pub(crate) struct Mirror {
    folder: PathBuf,
    fresh: Vec<PathBuf>,
}

impl Mirror {
    /// The mirror in this folder, which is made where it is missing.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), fresh: Vec::new() })
    }

    /// Takes a file of the log that may yet turn out to be wrong.
    pub(super) fn take(&mut self, resource: Resource, octets: &[u8]) -> Result<(), FileError> {
        let path = self.folder.join(resource.to_string());
        if fs::read(&path).is_ok_and(|there| there == octets) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| failed("create", parent, source))?;
        }
        replace(&fresh(&path), octets, Mode::Public)?;
        self.fresh.push(path);
        Ok(())
    }

    /// All of it is sound: the files get their names, and last of all the checkpoint that leads to them.
    pub(super) fn finish(mut self, checkpoint: &[u8]) -> Result<PathBuf, FileError> {
        for path in std::mem::take(&mut self.fresh) {
            fs::rename(fresh(&path), &path).map_err(|source| failed("rename", &path, source))?;
        }
        replace(&self.folder.join(Resource::Checkpoint.to_string()), checkpoint, Mode::Public)?;
        Ok(self.folder.clone())
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        for path in &self.fresh {
            // It has no name that anybody looks for; the next mirror of this tree overwrites it.
            let _ = fs::remove_file(fresh(path));
        }
    }
}

fn fresh(path: &Path) -> PathBuf {
    path.with_added_extension(FRESH)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError::System { action, path: path.to_owned(), source }
}
