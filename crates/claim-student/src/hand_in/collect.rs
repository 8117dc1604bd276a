//! Which files are meant, under which names, with which digests.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use claim_core::claim::{
    FileEntry, FileHasher, FileName, FileNameError, Files, FilesError, MAX_FILES,
};

use super::known::{Known, Stamp};
use crate::error::{Explained, quoted, tamed};
use crate::event::Event;
use crate::student::Student;

/// How much is read at once, in bytes.
const BUFFER: usize = 1024 * 1024;

/// Files of systems and their file managers, which nobody means to hand in.
const LITTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// Files that were read once, with their names and digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    named: Vec<PathBuf>,
    files: Files,
    sources: Vec<PathBuf>,
    left_out: Vec<LeftOut>,
}

/// Something in a folder that is not handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is not handed in.
    pub why: WhyLeftOut,
}

/// Why something in a folder is not handed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WhyLeftOut {
    /// It may lead anywhere, and to something else tomorrow.
    #[error("a symbolic link")]
    SymbolicLink,
    /// A device, a socket, a named pipe.
    #[error("neither a file nor a folder")]
    NotAFile,
    /// A file manager made it.
    #[error("made by the system, not by you")]
    Litter,
    /// The system does not let it be read.
    #[error("cannot be read: {}", tamed(reason))]
    Unreadable {
        /// What the system says.
        reason: String,
    },
}

/// A name that cannot be handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedName {
    /// Where the file is.
    pub path: PathBuf,
    /// What is wrong with its name; `None` when it is not even text.
    pub error: Option<FileNameError>,
}

/// Why files cannot be handed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// What was named is not there or cannot be read.
    #[error("{} cannot be read: {}", quoted(path), tamed(source))]
    Unreadable {
        /// What was named.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What was named is no file and no folder.
    #[error("{} is neither a file nor a folder", quoted(path))]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// Names that not every system could hold: all of them.
    #[error("{}", names(_0))]
    Names(Vec<RefusedName>),
    /// The files cannot be claimed together.
    #[error("{}", tamed(_0))]
    Files(#[from] FilesError),
    /// The program itself was stopped.
    #[error("the files were not read to their end: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

impl Collected {
    /// The files of a claim that was signed earlier, with where each was then.
    pub(super) fn signed(named: Vec<PathBuf>, files: Files, sources: Vec<PathBuf>) -> Self {
        Self { named, files, sources, left_out: Vec::new() }
    }

    /// What the person named: files, and folders with everything in them.
    pub fn named(&self) -> &[PathBuf] {
        &self.named
    }

    /// The entries of the claim, in its order.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Where each file is, in the same order.
    pub fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    /// What is not handed in.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}

impl Student {
    /// Finds the files and reads each once; those that have not changed since they were last read, not even once.
    ///
    /// A folder stands for everything in it, by its relative paths, beginning with the folder's own name. What is named
    /// must be there; a symbolic link that is named is followed, one that is found is left out.
    ///
    /// # Errors
    /// [`CollectError`].
    pub async fn collect(&self, paths: Vec<PathBuf>) -> Result<Collected, CollectError> {
        let student = self.clone();
        tokio::task::spawn_blocking(move || collect(&paths, &student)).await?
    }
}

/// A file that was found and not read yet.
struct Candidate {
    name: FileName,
    path: PathBuf,
    /// Named by the person, so it cannot be left out quietly.
    named: bool,
}

#[derive(Default)]
struct Search {
    found: Vec<Candidate>,
    left_out: Vec<LeftOut>,
    refused: Vec<RefusedName>,
}

fn collect(paths: &[PathBuf], student: &Student) -> Result<Collected, CollectError> {
    let Search { mut found, mut left_out, refused } = search(paths)?;
    if !refused.is_empty() {
        return Err(CollectError::Names(refused));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let bytes = found.iter().filter_map(|file| Some(fs::metadata(&file.path).ok()?.len())).sum();
    student.tell(Event::ReadingFiles { files: found.len(), bytes });
    let wallet = student.wallet();
    let (mut known, mut unchanged) = (Known::of(wallet), 0);
    let (mut entries, mut sources) = (Vec::new(), Vec::new());
    for Candidate { name, path, named } in found {
        match read(&path, name, &mut known, student) {
            Ok((entry, was_known)) => {
                entries.push(entry?);
                sources.push(path);
                unchanged += usize::from(was_known);
            }
            Err(error) if !named && error.kind() == io::ErrorKind::PermissionDenied => {
                left_out.push(LeftOut { path, why: unreadable(&error) });
            }
            Err(source) => return Err(CollectError::Unreadable { path, source }),
        }
        if known.is_worth_keeping() {
            known.keep(wallet);
        }
    }
    known.keep(wallet);
    student.tell(Event::FilesRead { files: entries.len(), unchanged });
    Ok(Collected { named: paths.to_vec(), files: Files::new(entries)?, sources, left_out })
}

/// The entry of a file, and whether it was known without reading it.
fn read(
    path: &Path,
    name: FileName,
    known: &mut Known,
    student: &Student,
) -> io::Result<(Result<FileEntry, FilesError>, bool)> {
    let file = File::open(path)?;
    let (at, before) = (student.now(), Stamp::of(&file.metadata()?));
    if let Some(entry) = known.entry(path, &name, before) {
        student.tell(Event::FileRead { bytes: entry.size() });
        return Ok((Ok(entry), true));
    }
    let entry = hash(&file, name, student)?;
    if let Ok(entry) = &entry {
        known.learn(path, entry, (before, Stamp::of(&file.metadata()?)), at);
    }
    Ok((entry, false))
}

fn search(paths: &[PathBuf]) -> Result<Search, CollectError> {
    let mut search = Search::default();
    for path in paths {
        let unreadable = |source| CollectError::Unreadable { path: path.clone(), source };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        let name = path.file_name().map(Path::new);
        if metadata.is_dir() {
            // An error here is about what the person named; further down things are left out.
            fs::read_dir(path).map_err(unreadable)?;
            search.folder(path, name.unwrap_or_else(|| Path::new("")))?;
        } else if let (true, Some(name)) = (metadata.is_file(), name) {
            search.file(path, name, true)?;
        } else {
            return Err(CollectError::NotAFile { path: path.clone() });
        }
    }
    Ok(search)
}

impl Search {
    fn folder(&mut self, path: &Path, name: &Path) -> Result<(), FilesError> {
        let mut folders = vec![(path.to_owned(), name.to_owned())];
        while let Some((path, name)) = folders.pop() {
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) => {
                    self.left_out.push(LeftOut { path, why: unreadable(&error) });
                    continue;
                }
            };
            for entry in entries {
                let (entry, kind) = match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                    Ok((kind, entry)) => (entry, kind),
                    Err(error) => {
                        let why = unreadable(&error);
                        self.left_out.push(LeftOut { path: path.clone(), why });
                        continue;
                    }
                };
                let (path, name) = (entry.path(), name.join(entry.file_name()));
                if kind.is_symlink() {
                    self.left_out.push(LeftOut { path, why: WhyLeftOut::SymbolicLink });
                } else if kind.is_dir() {
                    folders.push((path, name));
                } else if !kind.is_file() {
                    self.left_out.push(LeftOut { path, why: WhyLeftOut::NotAFile });
                } else if LITTER.iter().any(|litter| entry.file_name() == *litter) {
                    self.left_out.push(LeftOut { path, why: WhyLeftOut::Litter });
                } else {
                    self.file(&path, &name, false)?;
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &Path, named: bool) -> Result<(), FilesError> {
        let path = path.to_owned();
        match name.to_str().map(FileName::normalised) {
            Some(Ok(name)) => self.found.push(Candidate { name, path, named }),
            Some(Err(error)) => self.refused.push(RefusedName { path, error: Some(error) }),
            None => self.refused.push(RefusedName { path, error: None }),
        }
        // No need to read a whole disk before saying that it is too much.
        match self.found.len() + self.refused.len() {
            0..=MAX_FILES => Ok(()),
            found => Err(FilesError::TooMany { found }),
        }
    }
}

/// Reads a file once, to its end.
fn hash(
    mut file: &File,
    name: FileName,
    student: &Student,
) -> io::Result<Result<FileEntry, FilesError>> {
    let mut hasher = FileHasher::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish(name)),
            Ok(length) => {
                hasher.update(buffer.get(..length).unwrap_or_default());
                student.tell(Event::FileRead { bytes: length as u64 });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn unreadable(error: &io::Error) -> WhyLeftOut {
    WhyLeftOut::Unreadable { reason: error.to_string() }
}

fn names(refused: &[RefusedName]) -> String {
    let mut text = format!("{} file names cannot be handed in:", refused.len());
    if refused.len() == 1 {
        "a file name cannot be handed in:".clone_into(&mut text);
    }
    for RefusedName { path, error } in refused {
        let why = match error {
            Some(error) => tamed(error),
            None => "it is not text in UTF-8".to_owned(),
        };
        text.push_str(&format!("\n    {}: {why}", quoted(path)));
    }
    text
}

impl Explained for CollectError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Names(_) => Some(
                "Whoever marks it must be able to store it under the same name, on any system."
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Unreadable { .. } | Self::NotAFile { .. } => {
                "Check the path, and name files or folders that you can read.".to_owned()
            }
            Self::Names(_) => "Rename these files, then hand in again.".to_owned(),
            Self::Files(FilesError::None) => {
                "Name at least one file, or a folder with files in it.".to_owned()
            }
            Self::Files(FilesError::Collision(_)) => "Rename one of the two.".to_owned(),
            Self::Files(_) => "Hand in fewer files, or put them into an archive.".to_owned(),
            Self::Stopped(_) => "Hand in again.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
