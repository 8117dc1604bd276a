//! Copying many files, which together mean something only once all of them are there.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::{FileError, Mode};

/// How much is read at once, in bytes.
const AT_ONCE: usize = 256 * 1024;

/// Copies a file to a name that must not be taken, and returns when its content is on disk. `seen` gets all of it.
///
/// Unlike what [`write_new`](crate::write_new) writes, it may be cut off in the middle, and the name is on disk only after
/// [`sync_folder`](crate::sync_folder): whoever copies says in some other way when all is done.
///
/// # Errors
/// [`FileError::Exists`] when the name is taken; [`FileError::Missing`] when there is nothing to copy.
pub fn copy_new(
    from: &Path,
    to: &Path,
    mode: Mode,
    mut seen: impl FnMut(&[u8]),
) -> Result<(), FileError> {
    let mut source = open(from)?;
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode.bits())
        .open(to)
        .map_err(|e| FileError::from_system("create", to, e))?;
    let refused = |error| FileError::from_system("write", to, error);
    each_part(&mut source, from, |part| {
        seen(part);
        target.write_all(part).map_err(refused)
    })?;
    target.sync_all().map_err(refused)
}

/// Reads a file from its beginning to its end; `seen` gets all of it.
///
/// # Errors
/// [`FileError::Missing`]; whatever the system refuses.
pub fn read_through(path: &Path, mut seen: impl FnMut(&[u8])) -> Result<(), FileError> {
    each_part(&mut open(path)?, path, |part| {
        seen(part);
        Ok(())
    })
}

fn open(path: &Path) -> Result<File, FileError> {
    let file = File::open(path).map_err(|e| FileError::from_system("open", path, e))?;
    let metadata = file.metadata().map_err(|e| FileError::from_system("open", path, e))?;
    if metadata.is_file() { Ok(file) } else { Err(FileError::NotAFile { path: path.to_owned() }) }
}

fn each_part(
    source: &mut File,
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let mut buffer = vec![0; AT_ONCE];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => take(buffer.get(..length).unwrap_or_default())?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::from_system("read", path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::sync_folder;

    #[test]
    fn a_copy_has_content_and_mode_and_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        let content = vec![7; AT_ONCE + 3];
        fs::write(&from, &content).unwrap();
        let mut seen = Vec::new();
        copy_new(&from, &to, Mode::Private, |part| seen.extend_from_slice(part)).unwrap();
        sync_folder(folder.path()).unwrap();
        assert_eq!((&seen, &fs::read(&to).unwrap()), (&content, &content));
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&from, "other").unwrap();
        let refused = copy_new(&from, &to, Mode::Private, |_| {});
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        assert_eq!(fs::read(&to).unwrap(), content);
    }

    #[test]
    fn what_is_no_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("b");
        let missing = copy_new(&folder.path().join("no"), &to, Mode::Public, |_| {});
        assert!(matches!(missing, Err(FileError::Missing { .. })));
        let a_folder = read_through(folder.path(), |_| {});
        assert!(matches!(a_folder, Err(FileError::NotAFile { .. })));
        assert!(!to.exists());
    }
}
