//! Where proofs are stored: beside each other, and never over something.

use std::path::{Path, PathBuf};

use claim_core::AssignmentRef;
use claim_files::{FileError, Mode, write_new};

use super::kept::Extension;

/// How many numbered names are tried.
const MOST_NAMES: usize = 10_000;

/// A folder and a name without its ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    stem: String,
}

impl Place {
    /// In this folder, by the assignment's name.
    pub fn of_assignment(folder: &Path, assignment: &AssignmentRef) -> Self {
        Self { folder: folder.to_owned(), stem: assignment.assignment.to_string() }
    }

    /// For a receipt with this path; the ending `.receipt` may be left out. `None` when the path has no name.
    pub fn of_receipt(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let stem = name.strip_suffix(".receipt").filter(|stem| !stem.is_empty()).unwrap_or(name);
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        Some(Self { folder, stem: stem.to_owned() })
    }

    /// Where the receipt will be, unless something is there by then.
    pub fn receipt(&self) -> PathBuf {
        self.path(Extension::Receipt, 1)
    }

    /// Stores under the first free name: `lab1.receipt`, `lab1-2.receipt`, …; the same content is stored once.
    pub(super) fn save(&self, extension: Extension, bytes: &[u8]) -> Result<PathBuf, FileError> {
        let mut number = 1;
        loop {
            let path = self.path(extension, number);
            match write_new(&path, bytes, Mode::Public) {
                Ok(()) => return Ok(path),
                Err(FileError::Exists { .. })
                    if std::fs::read(&path).is_ok_and(|old| old == bytes) =>
                {
                    return Ok(path);
                }
                Err(FileError::Exists { .. }) if number < MOST_NAMES => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn path(&self, extension: Extension, number: usize) -> PathBuf {
        let stem = &self.stem;
        let name = match number {
            1 => format!("{stem}.{extension}"),
            number => format!("{stem}-{number}.{extension}"),
        };
        self.folder.join(name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of_assignment(folder.path(), &"IEMS5710/lab1".parse().unwrap());
        let save = |bytes: &[u8]| {
            let path = place.save(Extension::Receipt, bytes).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(save(b"one"), "lab1.receipt");
        assert_eq!(save(b"two"), "lab1-2.receipt");
        assert_eq!(save(b"three"), "lab1-3.receipt");
        assert_eq!(save(b"two"), "lab1-2.receipt");
        assert_eq!(place.save(Extension::Lodged, b"x").unwrap(), folder.path().join("lab1.lodged"));
    }

    #[test]
    fn the_ending_may_be_left_out() {
        for (path, receipt) in
            [("a/b.receipt", "a/b.receipt"), ("b", "b.receipt"), (".receipt", ".receipt.receipt")]
        {
            let place = Place::of_receipt(Path::new(path)).unwrap();
            assert_eq!(place.receipt(), Path::new(receipt));
        }
        assert_eq!(Place::of_receipt(Path::new("..")), None);
    }
}
