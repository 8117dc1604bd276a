//! Backups: a folder with copies of a server's files, a copy of its SQLite database, and the SHA-256 of each.
//!
//! The copy of the database is of one moment, also while others write. What it refers to was durable before it was
//! recorded and never changes, so files that are copied *after* the database are all that it needs. The list of sums is
//! written last: a folder without it is no backup. It has the form that `sha256sum --check` reads.
//!
//! Databases on a server (PostgreSQL) have tools of their own, and are refused.

mod copied;
mod erased;
mod error;
mod sums;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use claim_core::{Digest, Hasher};
use claim_files::{
    FileError, FolderLock, Mode, copy_new, lock_folder, read_through, sync_folder, write_new,
};

pub use self::copied::CopiedRecords;
pub use self::error::BackupError;
use self::sums::{Listed, Name};
use crate::DatabaseUrl;
use crate::database;
use crate::location::Location;

/// The list of sums.
const SUMS: &str = "SHA256SUMS";

/// While this file is in a server's folder, what lies there is a part of a backup only.
const UNFINISHED: &str = "restore.unfinished";

/// A folder may have these before something is restored into it: settings, and what file systems leave.
const MAY_BE_THERE: [&str; 2] = ["claim.toml", "lost+found"];

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// How many files.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// A backup that is being made.
#[derive(Debug)]
pub struct Backup {
    dir: PathBuf,
    folders: BTreeSet<PathBuf>,
    listed: Vec<Listed>,
    copied: Copied,
}

impl Backup {
    /// Begins one in a new folder, or an empty one; nobody else can look into a new one.
    ///
    /// # Errors
    /// [`BackupError::NotEmpty`].
    pub fn begin(dir: &Path) -> Result<Self, BackupError> {
        make_folder(dir)?;
        if let Some(found) = first_entry(dir, &[])? {
            return Err(BackupError::NotEmpty { dir: dir.to_owned(), found });
        }
        let folders = BTreeSet::from([dir.to_owned()]);
        let copied = Copied { files: 0, bytes: 0 };
        Ok(Self { dir: dir.to_owned(), folders, listed: Vec::new(), copied })
    }

    /// Copies the database as it is at one moment, but for claims whose erasure has begun: in the copy it has ended. To come
    /// before anything that it refers to.
    ///
    /// # Errors
    /// [`BackupError::Server`] when it is not a file.
    pub async fn database(
        &mut self,
        url: &DatabaseUrl,
        name: &str,
    ) -> Result<CopiedRecords, BackupError> {
        let Location::Sqlite(path) = url.location() else { return Err(BackupError::Server) };
        let to = self.dir.join(name);
        // SQLite writes into an empty file, and would make one that others can read.
        write_new(&to, b"", Mode::Private)?;
        database::copy(path, &to).await?;
        let erased = erased::leave_out(&to).await?;
        let sum = self.sum(&to)?;
        fs::File::open(&to)
            .and_then(|file| file.sync_all())
            .map_err(|source| FileError::System { action: "sync", path: to.clone(), source })?;
        self.listed.push(Listed { name: Name::parse(name)?, sum });
        Ok(CopiedRecords::open(&to).await?.without(erased))
    }

    /// Copies a file of the server's folder, if it is there.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn file(&mut self, from: &Path, name: &str) -> Result<bool, BackupError> {
        match self.copy(from, name) {
            Ok(()) => Ok(true),
            Err(BackupError::File(FileError::Missing { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies the files below a folder whose paths, from that folder on, are wanted.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn folder(
        &mut self,
        from: &Path,
        name: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), BackupError> {
        for path in files_below(from)? {
            if wanted(&path) {
                self.copy(&from.join(&path), &format!("{name}/{path}"))?;
            }
        }
        Ok(())
    }

    /// Writes the list of sums; when this returns, the backup is complete and on disk.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn finish(self) -> Result<Copied, BackupError> {
        for folder in &self.folders {
            sync_folder(folder)?;
        }
        let sums: String = self.listed.iter().map(Listed::line).collect();
        write_new(&self.dir.join(SUMS), sums.as_bytes(), Mode::Private)?;
        if let Some(parent) = self.dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        Ok(self.copied)
    }

    fn copy(&mut self, from: &Path, name: &str) -> Result<(), BackupError> {
        let name = Name::parse(name)?;
        let to = self.dir.join(name.as_path());
        make_parents(&self.dir, &to, &mut self.folders)?;
        let sum = copy_summed(from, &to, name.mode(), &mut self.copied)?;
        self.listed.push(Listed { name, sum });
        Ok(())
    }

    fn sum(&mut self, path: &Path) -> Result<Digest, BackupError> {
        let mut hasher = Hasher::new();
        self.copied.files += 1;
        read_through(path, |part| {
            hasher.update(part);
            self.copied.bytes += part.len() as u64;
        })?;
        Ok(hasher.finish())
    }
}

/// A backup every file of which is there and is what it was.
#[derive(Debug)]
pub struct CheckedBackup {
    dir: PathBuf,
    listed: Vec<Listed>,
}

impl CheckedBackup {
    /// Reads all of it and compares; what is not on the list is not looked at.
    ///
    /// # Errors
    /// [`BackupError::NoSums`], [`BackupError::NotTheSame`]; [`BackupError::OfAnother`] when it does not have this
    /// database.
    pub fn open(dir: &Path, database: &'static str) -> Result<Self, BackupError> {
        let sums = dir.join(SUMS);
        let text = match fs::read_to_string(&sums) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::NoSums { path: sums });
            }
            Err(source) => {
                return Err(FileError::System { action: "read", path: sums, source }.into());
            }
        };
        let lines = text.lines().zip(1..);
        let listed: Vec<Listed> = lines
            .map(|(line, number)| {
                line.parse().map_err(|()| BackupError::Line { path: sums.clone(), number })
            })
            .collect::<Result<_, _>>()?;
        if !listed.iter().any(|one| one.name.as_path() == Path::new(database)) {
            return Err(BackupError::OfAnother { dir: dir.to_owned(), database });
        }
        for one in &listed {
            let (path, mut hasher) = (dir.join(one.name.as_path()), Hasher::new());
            read_through(&path, |part| hasher.update(part))?;
            if hasher.finish() != one.sum {
                return Err(BackupError::NotTheSame { path });
            }
        }
        Ok(Self { dir: dir.to_owned(), listed })
    }

    /// Its database.
    ///
    /// # Errors
    /// [`BackupError::Store`].
    pub async fn records(&self, database: &str) -> Result<CopiedRecords, BackupError> {
        Ok(CopiedRecords::open(&self.dir.join(database)).await?)
    }

    /// Copies it into a folder that has nothing but settings; the database goes to the file that `url` names. `lock` is
    /// the lock's file of this kind of server.
    ///
    /// Until [`Restoring::finish`] the folder has a mark by which servers know that it is not to be used.
    ///
    /// # Errors
    /// [`BackupError::NotEmpty`], [`BackupError::Server`]; nothing was written then.
    pub fn restore(
        &self,
        into: &Path,
        url: &DatabaseUrl,
        database: &str,
        lock: &'static str,
    ) -> Result<Restoring, BackupError> {
        let Location::Sqlite(database_path) = url.location() else {
            return Err(BackupError::Server);
        };
        make_folder(into)?;
        let held = lock_folder(into, lock)?;
        let mut may_be_there = MAY_BE_THERE.to_vec();
        may_be_there.push(lock);
        if let Some(found) = first_entry(into, &may_be_there)? {
            return Err(BackupError::NotEmpty { dir: into.to_owned(), found });
        }
        let mark = into.join(UNFINISHED);
        write_new(&mark, b"", Mode::Private)?;
        let mut restoring = Restoring {
            mark,
            _lock: held,
            folders: BTreeSet::from([into.to_owned()]),
            copied: Copied { files: 0, bytes: 0 },
        };
        for one in &self.listed {
            let name = one.name.as_path();
            let to =
                if name == Path::new(database) { database_path.clone() } else { into.join(name) };
            if MAY_BE_THERE.iter().any(|there| name == Path::new(there)) && to.exists() {
                continue;
            }
            make_parents(into, &to, &mut restoring.folders)?;
            let from = self.dir.join(name);
            let sum = copy_summed(&from, &to, one.name.mode(), &mut restoring.copied)?;
            if sum != one.sum {
                return Err(BackupError::NotTheSame { path: from });
            }
        }
        Ok(restoring)
    }
}

/// A backup whose files are copied back, and that is not to be used yet.
#[derive(Debug)]
#[must_use]
pub struct Restoring {
    mark: PathBuf,
    _lock: FolderLock,
    folders: BTreeSet<PathBuf>,
    copied: Copied,
}

impl Restoring {
    /// Takes the mark away; when this returns, all is on disk.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn finish(self) -> Result<Copied, BackupError> {
        for folder in &self.folders {
            sync_folder(folder)?;
        }
        let removed = fs::remove_file(&self.mark);
        removed.map_err(|source| FileError::System {
            action: "remove",
            path: self.mark.clone(),
            source,
        })?;
        if let Some(folder) = self.mark.parent() {
            sync_folder(folder)?;
        }
        Ok(self.copied)
    }
}

/// Refuses a folder into which a backup was not restored to its end.
///
/// # Errors
/// [`BackupError::Unfinished`].
pub fn check_restored(dir: &Path) -> Result<(), BackupError> {
    let mark = dir.join(UNFINISHED);
    match fs::symlink_metadata(&mark) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(BackupError::Unfinished { dir: dir.to_owned(), mark: UNFINISHED }),
    }
}

fn copy_summed(
    from: &Path,
    to: &Path,
    mode: Mode,
    copied: &mut Copied,
) -> Result<Digest, BackupError> {
    let mut hasher = Hasher::new();
    copy_new(from, to, mode, |part| {
        hasher.update(part);
        copied.bytes += part.len() as u64;
    })?;
    copied.files += 1;
    Ok(hasher.finish())
}

/// Makes the folders between `root` and the file, and adds all of them to those that are to be synced.
fn make_parents(
    root: &Path,
    file: &Path,
    folders: &mut BTreeSet<PathBuf>,
) -> Result<(), BackupError> {
    let Some(parent) = file.parent().filter(|parent| !folders.contains(*parent)) else {
        return Ok(());
    };
    make_folder(parent)?;
    let ours = |folder: &&Path| folder.starts_with(root);
    folders.extend(parent.ancestors().take_while(ours).map(Path::to_owned));
    folders.insert(parent.to_owned());
    Ok(())
}

fn make_folder(dir: &Path) -> Result<(), FileError> {
    if dir.as_os_str().is_empty() {
        return Ok(());
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| FileError::System { action: "create", path: dir.to_owned(), source })
}

/// Something in the folder that may not be there, if there is any.
fn first_entry(dir: &Path, may_be_there: &[&str]) -> Result<Option<String>, FileError> {
    let failed = |source| FileError::System { action: "read", path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if !may_be_there.contains(&name.as_str()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The paths of all files below a folder, from there on, sorted. A folder that is not there has none.
///
/// What is being written at this moment has a name with `#` in it and is left out: no record refers to it.
fn files_below(root: &Path) -> Result<Vec<String>, BackupError> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let path = root.join(&folder);
        let failed = |source| FileError::System { action: "read", path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                open.push(name);
            } else if let Some(text) = name.to_str().filter(|text| !text.contains('#'))
                && kind.is_file()
            {
                found.push(text.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
