//! Point 8: the files at hand.

use std::fmt;

use super::claim::Signed;
use super::finding::Finding;
use super::report::{Report, Tell};
use crate::Digest;
use crate::claim::{FileEntry, FileName};

/// A file of the claim, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFact {
    /// Its name.
    pub name: FileName,
    /// Its size in bytes, as claimed.
    pub size: u64,
    /// Its SHA-256, as claimed.
    pub sha256: Digest,
    /// How the file at hand compares.
    pub state: FileState,
}

/// How a file at hand compares with the one that was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// None was given.
    NotGiven,
    /// It is the same.
    Same,
    /// It has another size.
    Size {
        /// In bytes, as claimed.
        claimed: u64,
        /// In bytes, at hand.
        given: u64,
    },
    /// A piece of 4 MiB differs, or the whole of a smaller file.
    Piece {
        /// Which one, counted from zero.
        index: u64,
        /// Its SHA-256, as claimed.
        claimed: Digest,
        /// Its SHA-256, at hand.
        given: Digest,
    },
    /// All pieces are those that were claimed, but the digest of the whole is not theirs: whoever signed it was wrong.
    Whole {
        /// The SHA-256 of the whole, as claimed.
        claimed: Digest,
        /// The SHA-256 of the whole, at hand.
        given: Digest,
    },
}

/// The files of the claim with what is known of each.
pub(super) struct Compared(Vec<FileFact>);

pub(super) fn check(claim: &Signed, given: &[FileEntry], found: &mut Vec<Finding>) -> Compared {
    let entries = claim.claim.manifest().files.entries();
    let mut facts: Vec<FileFact> = entries.iter().map(not_given).collect();
    // By name: a claim may have ten thousand files, and so may the folder.
    let places: std::collections::BTreeMap<&FileName, usize> =
        entries.iter().enumerate().map(|(index, entry)| (entry.name(), index)).collect();
    for file in given {
        let known = places.get(file.name()).and_then(|index| {
            Some((entries.get(*index)?, facts.get_mut(*index)?)) //
        });
        let Some((entry, fact)) = known else {
            let (name, claim) = (file.name().clone(), claim.claim.id());
            found.push(Finding::UnknownFile { name, claim });
            continue;
        };
        if fact.state != FileState::NotGiven {
            found.push(Finding::FileTwice { name: file.name().clone() });
        }
        fact.state = compare(entry, file);
        if fact.state != FileState::Same {
            found.push(Finding::File { name: file.name().clone(), state: fact.state });
        }
    }
    let count = facts.iter().filter(|fact| fact.state == FileState::NotGiven).count();
    if count > 0 {
        found.push(Finding::NotGiven { count, of: facts.len() });
    }
    Compared(facts)
}

fn not_given(entry: &FileEntry) -> FileFact {
    FileFact {
        name: entry.name().clone(),
        size: entry.size(),
        sha256: entry.sha256(),
        state: FileState::NotGiven,
    }
}

fn compare(claimed: &FileEntry, given: &FileEntry) -> FileState {
    if claimed.size() != given.size() {
        return FileState::Size { claimed: claimed.size(), given: given.size() };
    }
    for index in 0..claimed.piece_count() {
        match (claimed.piece_digest(index), given.piece_digest(index)) {
            (Some(claimed), Some(given)) if claimed != given => {
                return FileState::Piece { index, claimed, given };
            }
            _ => {}
        }
    }
    match claimed.sha256() == given.sha256() {
        true => FileState::Same,
        false => FileState::Whole { claimed: claimed.sha256(), given: given.sha256() },
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGiven => f.write_str("not given, so not checked"),
            Self::Same => f.write_str("the file that was handed in"),
            Self::Size { claimed, given } => write!(
                f,
                "not the file that was handed in: that had {claimed} bytes, this has {given}"
            ),
            Self::Piece { index, claimed, given } => write!(
                f,
                "not the file that was handed in: piece {index} had SHA-256 {claimed}, this has {given}"
            ),
            Self::Whole { claimed, given } => write!(
                f,
                "its pieces are those that were handed in, but the claim says SHA-256 {claimed} \
                 where they have {given}: whoever signed it was wrong"
            ),
        }
    }
}

impl Tell for Compared {
    fn tell(&self, report: &mut Report) {
        report.files.clone_from(&self.0);
    }
}
