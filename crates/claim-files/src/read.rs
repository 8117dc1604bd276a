//! Reading what only the owner may read.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::FileError;

/// The longest private file in bytes: keys, codes and credentials have a few hundred.
pub const MAX_PRIVATE_LENGTH: u64 = 64 * 1024;

/// Reads a private file, whose bytes are wiped from memory when dropped.
///
/// The permissions are those of the file that was opened, so exchanging it in between does not help.
///
/// # Errors
/// [`FileError::NotPrivate`], with the command that mends it, when group or others have any access;
/// [`FileError::TooLarge`] above [`MAX_PRIVATE_LENGTH`].
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let refused = |source| FileError::from_system("read", path, source);
    // Asked before opening too: to open a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(refused)?.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    let file = OpenOptions::new().read(true).open(path).map_err(refused)?;
    let metadata = file.metadata().map_err(refused)?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::NotPrivate { path: path.to_owned(), mode });
    }
    let too_large =
        |length| FileError::TooLarge { path: path.to_owned(), length, limit: MAX_PRIVATE_LENGTH };
    if metadata.len() > MAX_PRIVATE_LENGTH {
        return Err(too_large(metadata.len()));
    }
    // Reserved at once: a vector that grows leaves copies of the secret behind.
    let mut bytes = Zeroizing::new(vec![0; MAX_PRIVATE_LENGTH as usize + 1]);
    let mut length = 0;
    while let Some(rest @ [_, ..]) = bytes.get_mut(length..) {
        match (&file).read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(refused(error)),
        }
    }
    if length as u64 > MAX_PRIVATE_LENGTH {
        return Err(too_large(length as u64));
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::fs::{self, Permissions};

    use super::*;
    use crate::{Mode, write_new};

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        write_new(&path, b"secret", Mode::Private).unwrap();
        assert_eq!(read_private(&path).unwrap().as_slice(), b"secret");
        let longest = vec![7; MAX_PRIVATE_LENGTH as usize];
        let path = folder.path().join("b.key");
        write_new(&path, &longest, Mode::Private).unwrap();
        assert_eq!(read_private(&path).unwrap().as_slice(), longest);
    }

    #[test]
    fn a_key_that_others_can_touch_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        write_new(&path, b"secret", Mode::Private).unwrap();
        for open in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
            let refused = read_private(&path).unwrap_err();
            assert!(matches!(refused, FileError::NotPrivate { mode, .. } if mode == open));
            let message = refused.to_string();
            assert!(message.ends_with(&format!("chmod 600 {}", path.display())), "{message}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(read_private(&path).is_ok(), "read-only for the owner is as private");
    }

    #[test]
    fn what_is_no_key_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        assert!(matches!(read_private(&path), Err(FileError::Missing { .. })));
        assert!(matches!(read_private(folder.path()), Err(FileError::NotAFile { .. })));
        write_new(&path, &vec![0; MAX_PRIVATE_LENGTH as usize + 1], Mode::Private).unwrap();
        assert!(matches!(read_private(&path), Err(FileError::TooLarge { .. })));
    }
}
