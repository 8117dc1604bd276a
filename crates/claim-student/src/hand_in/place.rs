//! Where proofs are stored: beside each other, and never over something.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use claim_core::AssignmentRef;
use claim_core::receipt::{Container, MAX_RECEIPT, Member};
use claim_files::{FileError, Mode, replace, write_new};

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
    ///
    /// Where a proof of the same lodging is there already that goes less far, this one takes its place: nothing that the
    /// older one proves is lost.
    pub(super) fn save(&self, extension: Extension, bytes: &[u8]) -> Result<PathBuf, FileError> {
        self.save_as(extension, bytes, Mode::Public)
    }

    /// The same for the eyes of these people.
    pub(super) fn save_as(
        &self,
        extension: Extension,
        bytes: &[u8],
        mode: Mode,
    ) -> Result<PathBuf, FileError> {
        let mut number = 1;
        loop {
            let path = self.path(extension, number);
            match write_new(&path, bytes, mode) {
                Ok(()) => return Ok(path),
                Err(FileError::Exists { .. }) => match beside(&path, bytes) {
                    Beside::Same => return Ok(path),
                    Beside::LessFar => {
                        replace(&path, bytes, Mode::Public)?;
                        return Ok(path);
                    }
                    Beside::Other if number < MOST_NAMES => number += 1,
                    Beside::Other => return Err(FileError::Exists { path }),
                },
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

/// What is there already, seen from what is to be stored.
enum Beside {
    Same,
    /// A proof of the same lodging without all that the new one shows.
    LessFar,
    Other,
}

fn beside(path: &Path, new: &[u8]) -> Beside {
    let most = MAX_RECEIPT as u64 + 1;
    let mut old = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut old));
    match read {
        Ok(_) if old == new => Beside::Same,
        Ok(_) if goes_further(&old, new) => Beside::LessFar,
        _ => Beside::Other,
    }
}

/// Whether both prove the same lodging, by the same claim and token, and the new one shows more of what followed.
fn goes_further(old: &[u8], new: &[u8]) -> bool {
    let (Ok(old), Ok(new)) = (Container::from_zip(old), Container::from_zip(new)) else {
        return false;
    };
    let same = |member| old.content(member).is_some() && old.content(member) == new.content(member);
    let proofs = |container: &Container| {
        let proofs = [Member::LodgedProof, Member::ReceivedProof];
        proofs.into_iter().filter(|member| container.content(*member).is_some()).count()
    };
    same(Member::Claim) && same(Member::Timestamp) && proofs(&old) < proofs(&new)
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
    fn one_lodging_has_one_proof_that_grows() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of_assignment(folder.path(), &"IEMS5710/lab1".parse().unwrap());
        let proof = |claim: &str, proofs: &[Member]| {
            let required = [
                (Member::Readme, b"read me".to_vec()),
                (Member::Claim, claim.as_bytes().to_vec()),
                (Member::Timestamp, b"token".to_vec()),
                (Member::RevocationLists, b"lists".to_vec()),
                (Member::Certificates, b"certificates".to_vec()),
            ];
            let proofs = proofs.iter().map(|member| (*member, b"proof".to_vec()));
            Container::new(required.into_iter().chain(proofs)).to_zip()
        };
        let save = |bytes: &[u8]| {
            let path = place.save(Extension::Lodged, bytes).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let both = [Member::LodgedProof, Member::ReceivedProof];
        assert_eq!(save(&proof("one", &[])), "lab1.lodged");
        assert_eq!(save(&proof("one", &both[..1])), "lab1.lodged");
        assert_eq!(save(&proof("two", &both)), "lab1-2.lodged");
        assert_eq!(save(&proof("one", &both)), "lab1.lodged");
        // What shows less takes nothing's place.
        assert_eq!(save(&proof("one", &[])), "lab1-3.lodged");
        assert_eq!(std::fs::read(folder.path().join("lab1.lodged")).unwrap(), proof("one", &both));
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
