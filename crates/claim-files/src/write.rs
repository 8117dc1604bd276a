//! Writing: complete and durable under its name, or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::FileError;

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Its owner alone (0600), from the moment it exists: keys, codes.
    Private,
    /// Everyone whom the umask allows (0644): certificates, receipts.
    Public,
}

impl Mode {
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Public => 0o644,
        }
    }
}

/// Writes a file that must not exist yet, and returns when name and content are on disk.
///
/// Of several that race for one name exactly one succeeds. The file never holds a part only: it is written
/// under another name in the same folder and then linked (`link(2)` never overwrites).
///
/// # Errors
/// [`FileError::Exists`] when the name is taken, also by a dangling symbolic link; nothing was changed then. Whatever else
/// fails, the name leads to nothing afterwards.
pub fn write_new(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), FileError> {
    let draft = Draft::write(path, bytes, mode)?;
    fs::hard_link(&draft.path, path).map_err(|e| FileError::from_system("create", path, e))?;
    // The draft's own name goes before the folder is synced, so that one sync settles both.
    let folder = draft.folder.clone();
    drop(draft);
    sync_folder(&folder).inspect_err(|_| {
        // Whoever finds it later would take it for durable, and a second sync may succeed without having written what
        // the first one failed to write.
        let _ = fs::remove_file(path);
    })
}

/// Writes a file in place of the one there is, if any, and returns when it is on disk.
///
/// At every moment, also after a crash, the name leads to the old content or to the new, whole. A symbolic
/// link is itself replaced, not what it points to.
///
/// # Errors
/// When it fails before the exchange the old file is untouched; [`FileError::System`] with the action `sync`
/// means that the new one stands but may not survive a power failure.
pub fn replace(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), FileError> {
    let draft = Draft::write(path, bytes, mode)?;
    fs::rename(&draft.path, path).map_err(|e| FileError::from_system("replace", path, e))?;
    // What the draft would now remove by its old name is gone already: it bears the new one.
    sync_folder(&draft.folder)
}

/// A complete, synced file under a name of its own, removed when dropped.
struct Draft {
    path: PathBuf,
    folder: PathBuf,
}

impl Draft {
    fn write(target: &Path, bytes: &[u8], mode: Mode) -> Result<Self, FileError> {
        let Some(name) = target.file_name() else {
            return Err(FileError::NotAFile { path: target.to_owned() });
        };
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let (mut file, path) = loop {
            let mut draft_name = std::ffi::OsString::from(".");
            draft_name.push(name);
            draft_name.push(format!(".{}-{}.new", process::id(), next_number()));
            let path = folder.join(draft_name);
            match OpenOptions::new().write(true).create_new(true).mode(mode.bits()).open(&path) {
                Ok(file) => break (file, path),
                // Left over from a killed process that had the same number: take the next name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(FileError::from_system("create", target, error)),
            }
        };
        let draft = Self { path, folder };
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|e| FileError::from_system("write", target, e))?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing depends on it: a leftover draft is complete, has its mode and is never read.
        let _ = fs::remove_file(&self.path);
    }
}

/// Tells the drafts of one process apart.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Makes a folder, with those above it that are missing, and returns when its name is on disk.
///
/// A folder that is there may have been made a moment ago by a process that was killed: its name is made durable too.
///
/// # Errors
/// [`FileError`]; what was made until then is removed again, as long as nobody has put something into it.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    let missing = path.ancestors().take_while(|folder| !folder.exists()).count();
    // The parents of all that are made; of one that is there its parent.
    let parents = || path.ancestors().skip(1).take(missing.max(1));
    let made = fs::create_dir_all(path).map_err(|e| FileError::from_system("create", path, e));
    let synced = made.and_then(|()| parents().try_for_each(sync_names));
    synced.inspect_err(|_| {
        // As in `write_new`: what could not be synced is made anew the next time, not synced once more.
        for folder in path.ancestors().take(missing) {
            let _ = fs::remove_dir(folder);
        }
    })
}

/// The folder of a relative path may be the current one.
fn sync_names(folder: &Path) -> Result<(), FileError> {
    sync_folder(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// Makes the names in a folder durable: fsync of a file alone does not.
///
/// # Errors
/// [`FileError`].
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| FileError::from_system("sync", folder, e))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::thread;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_has_content_and_mode_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (key, certificate) = (folder.path().join("a.key"), folder.path().join("a.cer"));
        write_new(&key, b"secret", Mode::Private).unwrap();
        write_new(&certificate, b"public", Mode::Public).unwrap();
        assert_eq!(fs::read(&key).unwrap(), b"secret");
        assert_eq!(mode(&key), 0o600);
        assert_eq!(mode(&certificate) & 0o600, 0o600);
        assert_eq!(mode(&certificate) & 0o133, 0, "nobody else writes it, nobody runs it");
        assert_eq!(names(folder.path()), ["a.cer", "a.key"]);
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cuhk.key");
        write_new(&path, b"first", Mode::Private).unwrap();
        let refused = write_new(&path, b"second", Mode::Private);
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["cuhk.key"]);
    }

    #[test]
    fn a_dangling_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cuhk.key");
        symlink(folder.path().join("elsewhere"), &path).unwrap();
        let refused = write_new(&path, b"secret", Mode::Private);
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        assert_eq!(names(folder.path()), ["cuhk.key"]);
    }

    #[test]
    fn of_many_racing_writers_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cuhk.key");
        let outcomes: Vec<_> = thread::scope(|scope| {
            let writers: Vec<_> = (0_u8..16)
                .map(|n| {
                    let path = &path;
                    scope.spawn(move || write_new(path, &[n; 1000], Mode::Private).map(|()| n))
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let winners: Vec<u8> = outcomes.into_iter().flatten().collect();
        let [winner] = winners.as_slice() else { panic!("{winners:?}") };
        assert_eq!(fs::read(&path).unwrap(), [*winner; 1000]);
    }

    #[test]
    fn replacing_takes_the_new_content_and_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code");
        replace(&path, b"first", Mode::Public).unwrap();
        replace(&path, b"second", Mode::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(folder.path()), ["code"]);
    }

    #[test]
    fn leftovers_of_a_killed_process_do_not_stand_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cuhk.key");
        let upcoming = next_number();
        for number in upcoming..upcoming + 64 {
            let leftover = format!(".cuhk.key.{}-{number}.new", process::id());
            fs::write(folder.path().join(leftover), b"half").unwrap();
        }
        write_new(&path, b"whole", Mode::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn folders_are_made_with_those_above_them_and_may_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c");
        make_folder(&path).unwrap();
        make_folder(&path).unwrap();
        assert!(path.is_dir());
        fs::write(folder.path().join("file"), b"").unwrap();
        assert!(make_folder(&folder.path().join("file/d")).is_err());
    }

    #[test]
    fn a_missing_folder_or_name_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("no/cuhk.key");
        assert!(matches!(
            write_new(&nowhere, b"", Mode::Private),
            Err(FileError::Missing { path }) if path == nowhere
        ));
        assert!(matches!(
            replace(&folder.path().join(".."), b"", Mode::Private),
            Err(FileError::NotAFile { .. })
        ));
    }
}
