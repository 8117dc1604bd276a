//! The files of a claim: names, sizes, digests.

use serde::{Deserialize, Deserializer, Serialize};

use super::file_name::{CollisionError, FileName, check_together};
use crate::digest::{Digest, Hasher};

/// The size of a piece of a file, in bytes: what one request carries, and what has a digest of its own.
pub const PIECE: u64 = 4 * 1024 * 1024;

/// The largest file and the largest sum of files, in bytes: the integers that every JSON reader holds exactly.
pub const MAX_SIZE: u64 = (1 << 53) - 1;

/// The most files in a claim.
pub const MAX_FILES: usize = 10_000;

/// One file as the claim lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FileMembers", into = "FileMembers")]
pub struct FileEntry {
    name: FileName,
    size: u64,
    sha256: Digest,
    pieces: Vec<Digest>,
}

/// The members of a file in the manifest's JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileMembers {
    name: FileName,
    size: u64,
    sha256: Digest,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    chunks: Option<Vec<Digest>>,
}

/// A member that may be left out, but not be null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Digest>>, D::Error> {
    Vec::deserialize(deserializer).map(Some)
}

/// Why a file cannot stand in a claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// Larger than [`MAX_SIZE`], alone or together.
    #[error("files of more than 2^53 - 1 bytes cannot be claimed")]
    TooLarge,
    /// `chunks` is there for a file of one piece, or is missing, too short or too long for a larger one.
    #[error("{name:?} of {size} bytes must have {expected} chunk digests, not {found}")]
    Chunks {
        /// The file's name.
        name: String,
        /// Its size in bytes.
        size: u64,
        /// How many digests must be there; none for a file of one piece.
        expected: u64,
        /// How many are there.
        found: u64,
    },
    /// No file at all.
    #[error("a claim lists at least one file")]
    None,
    /// More than [`MAX_FILES`].
    #[error("a claim lists at most {MAX_FILES} files; this has {found}")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// Two names that cannot lie in one folder.
    #[error(transparent)]
    Collision(#[from] CollisionError),
}

impl FileEntry {
    /// Its name.
    pub fn name(&self) -> &FileName {
        &self.name
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of the whole: for people and their tools; Blackboard goes by the pieces.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// How many pieces are uploaded: none of an empty file.
    pub fn piece_count(&self) -> u64 {
        self.size.div_ceil(PIECE)
    }

    /// The digest that piece `index` must have, if there is such a piece.
    pub fn piece_digest(&self, index: u64) -> Option<Digest> {
        match self.piece_count() {
            1 if index == 0 => Some(self.sha256),
            _ => self.pieces.get(usize::try_from(index).ok()?).copied(),
        }
    }

    /// The size of piece `index` in bytes, if there is such a piece.
    pub fn piece_size(&self, index: u64) -> Option<u64> {
        let start = index.checked_mul(PIECE).filter(|start| *start < self.size)?;
        Some(PIECE.min(self.size - start))
    }

    /// Whether the other has the same size and digests; names aside.
    pub fn same_content(&self, other: &Self) -> bool {
        self.size == other.size && self.sha256 == other.sha256 && self.pieces == other.pieces
    }
}

impl TryFrom<FileMembers> for FileEntry {
    type Error = FilesError;

    fn try_from(members: FileMembers) -> Result<Self, FilesError> {
        let FileMembers { name, size, sha256, chunks } = members;
        if size > MAX_SIZE {
            return Err(FilesError::TooLarge);
        }
        let expected = (size > PIECE).then(|| size.div_ceil(PIECE));
        let found = chunks.as_ref().map(|chunks| chunks.len() as u64);
        if found != expected {
            return Err(FilesError::Chunks {
                name: name.into(),
                size,
                expected: expected.unwrap_or(0),
                found: found.unwrap_or(0),
            });
        }
        Ok(Self { name, size, sha256, pieces: chunks.unwrap_or_default() })
    }
}

impl From<FileEntry> for FileMembers {
    fn from(entry: FileEntry) -> Self {
        let FileEntry { name, size, sha256, pieces } = entry;
        Self { name, size, sha256, chunks: (size > PIECE).then_some(pieces) }
    }
}

/// Hashes a file for its entry, in one pass over its bytes, in constant memory but for the digests.
#[derive(Clone, Debug)]
pub struct FileHasher {
    whole: Hasher,
    piece: Hasher,
    in_piece: u64,
    size: u64,
    pieces: Vec<Digest>,
}

impl FileHasher {
    /// Has seen no byte yet.
    pub fn new() -> Self {
        Self {
            whole: Hasher::new(),
            piece: Hasher::new(),
            in_piece: 0,
            size: 0,
            pieces: Vec::new(),
        }
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let room = usize::try_from(PIECE - self.in_piece).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.piece.update(now);
            self.in_piece += now.len() as u64;
            self.size += now.len() as u64;
            if self.in_piece == PIECE {
                self.pieces.push(std::mem::take(&mut self.piece).finish());
                self.in_piece = 0;
            }
            bytes = later;
        }
    }

    /// The entry of the file that had these bytes.
    ///
    /// # Errors
    /// [`FilesError::TooLarge`].
    pub fn finish(mut self, name: FileName) -> Result<FileEntry, FilesError> {
        if self.in_piece > 0 {
            self.pieces.push(self.piece.finish());
        }
        let chunks = (self.size > PIECE).then_some(self.pieces);
        FileMembers { name, size: self.size, sha256: self.whole.finish(), chunks }.try_into()
    }
}

impl Default for FileHasher {
    fn default() -> Self {
        Self::new()
    }
}

/// The files of one claim, in its order: 1 to [`MAX_FILES`], with names that go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<FileEntry>", into = "Vec<FileEntry>")]
pub struct Files(Vec<FileEntry>);

impl Files {
    /// Checks that these files can be claimed together.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn new(files: Vec<FileEntry>) -> Result<Self, FilesError> {
        match files.len() {
            0 => return Err(FilesError::None),
            1..=MAX_FILES => {}
            found => return Err(FilesError::TooMany { found }),
        }
        let total = files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size));
        if total.is_none_or(|total| total > MAX_SIZE) {
            return Err(FilesError::TooLarge);
        }
        check_together(files.iter().map(FileEntry::name))?;
        Ok(Self(files))
    }

    /// The entries, in the order of the claim, which numbers them from zero.
    pub fn entries(&self) -> &[FileEntry] {
        &self.0
    }

    /// The sum of their sizes in bytes.
    pub fn total_size(&self) -> u64 {
        self.0.iter().map(FileEntry::size).sum()
    }
}

impl TryFrom<Vec<FileEntry>> for Files {
    type Error = FilesError;

    fn try_from(files: Vec<FileEntry>) -> Result<Self, FilesError> {
        Self::new(files)
    }
}

impl From<Files> for Vec<FileEntry> {
    fn from(files: Files) -> Self {
        files.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn entry(name: &str, bytes: &[u8]) -> FileEntry {
        let mut hasher = FileHasher::new();
        // In uneven steps: where the reader cuts must not matter.
        bytes.chunks(1_234_567).for_each(|part| hasher.update(part));
        hasher.finish(name.to_owned().try_into().unwrap()).unwrap()
    }

    #[test]
    fn pieces_begin_beyond_four_mebibytes() {
        let bytes = vec![7; PIECE as usize * 2 + 1];
        for (size, pieces) in
            [(0, 0), (1, 0), (PIECE as usize, 0), (PIECE as usize + 1, 2), (bytes.len(), 3)]
        {
            let file = entry("a", &bytes[..size]);
            assert_eq!(file.pieces.len(), pieces, "{size}");
            assert_eq!(file.sha256(), Digest::of(&bytes[..size]));
            assert_eq!(file.piece_count(), (size as u64).div_ceil(PIECE));
            let parts: Vec<&[u8]> = bytes[..size].chunks(PIECE as usize).collect();
            for (index, part) in parts.iter().enumerate() {
                assert_eq!(file.piece_digest(index as u64), Some(Digest::of(part)));
                assert_eq!(file.piece_size(index as u64), Some(part.len() as u64));
            }
            assert_eq!(file.piece_digest(parts.len() as u64), None);
            assert_eq!(file.piece_size(parts.len() as u64), None);
            assert_eq!(file.piece_size(u64::MAX), None);
        }
    }

    #[test]
    fn json_and_back() {
        for bytes in [vec![], b"abc".to_vec(), vec![1; PIECE as usize + 1]] {
            let file = entry("a/b", &bytes);
            let json = serde_json::to_string(&file).unwrap();
            assert_eq!(json.contains("chunks"), bytes.len() as u64 > PIECE);
            assert_eq!(serde_json::from_str::<FileEntry>(&json).unwrap(), file);
        }
    }

    fn refusal(json: &str) -> String {
        serde_json::from_str::<FileEntry>(json).unwrap_err().to_string()
    }

    #[test]
    fn entries_that_do_not_fit_together() {
        let digest = Digest::of(b"").to_string();
        let with = |rest: &str| format!(r#"{{"name":"a","sha256":"{digest}",{rest}}}"#);
        assert!(refusal(&with(r#""size":4194305"#)).contains("2 chunk digests, not 0"));
        assert!(
            refusal(&with(&format!(r#""size":4194305,"chunks":["{digest}"]"#)))
                .contains("2 chunk digests, not 1")
        );
        assert!(refusal(&with(r#""size":1,"chunks":[]"#)).contains("0 chunk digests"));
        assert!(refusal(&with(r#""size":1,"chunks":null"#)).contains("null"));
        assert!(refusal(&with(r#""size":9007199254740992"#)).contains("2^53"));
        for size in ["-1", "1.0", "1e3", "\"1\"", "18446744073709551616", "null", "-0"] {
            assert!(refusal(&with(&format!(r#""size":{size}"#))).contains("invalid"), "{size}");
        }
        assert!(refusal(&with(r#""size":1,"mode":7"#)).contains("unknown field"));
        assert!(refusal(r#"{"name":"a","size":0}"#).contains("missing field"));
    }

    #[test]
    fn at_least_one_file_and_names_that_go_together() {
        assert_eq!(Files::new(vec![]), Err(FilesError::None));
        let two = |first, second| Files::new(vec![entry(first, b"1"), entry(second, b"2")]);
        assert!(two("a", "b").is_ok());
        assert!(matches!(two("a", "A"), Err(FilesError::Collision(_))));
        let many = vec![entry("a", b"1"); MAX_FILES + 1];
        assert_eq!(Files::new(many), Err(FilesError::TooMany { found: MAX_FILES + 1 }));
        let huge = |name: &str| FileEntry { size: MAX_SIZE, ..entry(name, b"1") };
        assert_eq!(Files::new(vec![huge("a"), huge("b")]), Err(FilesError::TooLarge));
    }
}
