//! What was read before: files that have not changed on disk are not read to their end again.
//!
//! An entry is remembered with what the file system says of the file, and only of files that were at rest: who changes
//! a file within the tick in which it was read leaves no trace in its times. What is remembered can only save work: every
//! piece is compared with its digest when it is sent.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use claim_core::claim::{FileEntry, FileName};
use claim_core::{Digest, Timestamp};
use claim_files::{Mode, replace};
use serde::{Deserialize, Serialize};

use super::stored_path;
use crate::wallet::Wallet;

/// The file in the student's folder.
const FILE: &str = "digests";

/// The most files that are remembered: those of two claims of the largest kind.
const MOST_FILES: usize = 20_000;

/// How long a file must have been at rest, in milliseconds: longer than the coarsest ticks of file systems (two
/// seconds), and than their clocks lag behind.
const AT_REST: i64 = 3_000;

/// What is kept after so many bytes that were read, so that little is read again by a program that was killed.
const KEPT_EVERY: u64 = 256 * 1024 * 1024;

/// What the file system says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// When the content was changed, in seconds and nanoseconds of Unix time.
    modified: (i64, i64),
    /// When anything about the file was changed; nobody can set this time back.
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether nothing happened to the file within the last moments.
    fn is_at_rest(&self, now: Timestamp) -> bool {
        let (seconds, nanos) = self.modified.max(self.changed);
        let newest = seconds.saturating_mul(1_000).saturating_add(nanos / 1_000_000);
        newest.saturating_add(AT_REST) <= now.as_millis()
    }
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Read {
    #[serde(with = "stored_path")]
    path: PathBuf,
    stamp: Stamp,
    entry: FileEntry,
}

/// The files that were read before, by their absolute paths.
#[derive(Debug, Default)]
pub(super) struct Known {
    before: HashMap<PathBuf, Read>,
    now: Vec<Read>,
    /// How many bytes were read since it was last kept.
    unkept: u64,
}

impl Known {
    /// What the folder remembers; nothing where the file is not as it was written.
    pub(super) fn of(wallet: &Wallet) -> Self {
        let before = std::fs::read(wallet.dir().join(FILE)).ok().and_then(|text| read(&text));
        let before = before.unwrap_or_default().into_iter();
        Self { before: before.map(|one| (one.path.clone(), one)).collect(), ..Self::default() }
    }

    /// The entry of a file under this name, if it is the very file that was read.
    pub(super) fn entry(&mut self, path: &Path, name: &FileName, now: Stamp) -> Option<FileEntry> {
        let known = self.before.get(&std::path::absolute(path).ok()?)?;
        let entry =
            (known.stamp == now && known.entry.name() == name).then(|| known.entry.clone())?;
        self.now.push(known.clone());
        Some(entry)
    }

    /// Remembers a file that was read at this time, where it was at rest before and the same after.
    pub(super) fn learn(
        &mut self,
        path: &Path,
        entry: &FileEntry,
        (before, after): (Stamp, Stamp),
        at: Timestamp,
    ) {
        self.unkept = self.unkept.saturating_add(entry.size());
        if before == after && before.size == entry.size() && before.is_at_rest(at) {
            let Ok(path) = std::path::absolute(path) else { return };
            self.now.push(Read { path, stamp: before, entry: entry.clone() });
        }
    }

    /// Whether so much was read that it is worth keeping before the end.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.unkept >= KEPT_EVERY
    }

    /// Keeps the files of this time, and of those before as many as there is room for. Where that fails they are read
    /// again, which is no harm.
    pub(super) fn keep(&mut self, wallet: &Wallet) {
        if self.unkept == 0 {
            return;
        }
        self.unkept = 0;
        let is_now: HashSet<_> = self.now.iter().map(|one| &one.path).collect();
        let older = self.before.values().filter(|one| !is_now.contains(&one.path));
        let all: Vec<_> = self.now.iter().chain(older).take(MOST_FILES).collect();
        let Ok(text) = serde_json::to_string(&all) else { return };
        let sum = Digest::of(text.as_bytes());
        // Names of files and people are in it.
        let _ =
            replace(&wallet.dir().join(FILE), format!("{sum}\n{text}\n").as_bytes(), Mode::Private);
    }
}

/// Reads what was kept; `None` where a bit of it is another. A digest that was spoilt on disk would be signed.
fn read(text: &[u8]) -> Option<Vec<Read>> {
    let (sum, text) = std::str::from_utf8(text).ok()?.split_once('\n')?;
    let text = text.strip_suffix('\n')?;
    (Digest::of(text.as_bytes()).to_string() == sum)
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::claim::FileHasher;
    use tempfile::TempDir;

    use super::*;

    struct Disk {
        folder: TempDir,
        wallet: Wallet,
        name: FileName,
    }

    impl Disk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let wallet = Wallet::new(folder.path(), None);
            let disk = Self { folder, wallet, name: FileName::normalised("report.pdf").unwrap() };
            std::fs::write(disk.path(), b"a report").unwrap();
            disk
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("report.pdf")
        }

        fn stamp(&self) -> Stamp {
            Stamp::of(&std::fs::metadata(self.path()).unwrap())
        }

        /// A time so many milliseconds after the last change.
        fn after(&self, millis: i64) -> Timestamp {
            let (seconds, nanos) = self.stamp().changed;
            Timestamp::from_millis(seconds * 1_000 + nanos / 1_000_000 + millis)
        }

        fn read(&self, at: Timestamp) -> FileEntry {
            let mut hasher = FileHasher::new();
            hasher.update(&std::fs::read(self.path()).unwrap());
            let entry = hasher.finish(self.name.clone()).unwrap();
            let mut known = Known::of(&self.wallet);
            known.learn(&self.path(), &entry, (self.stamp(), self.stamp()), at);
            known.keep(&self.wallet);
            entry
        }

        fn known(&self) -> Option<FileEntry> {
            Known::of(&self.wallet).entry(&self.path(), &self.name, self.stamp())
        }
    }

    #[test]
    fn a_file_at_rest_is_known_and_one_that_was_touched_is_not() {
        let disk = Disk::new();
        let entry = disk.read(disk.after(AT_REST));
        assert_eq!(disk.known(), Some(entry));
        let mode = std::fs::metadata(disk.folder.path().join(FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        // The same size, and a modification time that was set back.
        let file = std::fs::OpenOptions::new().write(true).open(disk.path()).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        std::fs::write(disk.path(), b"b report").unwrap();
        file.set_modified(modified).unwrap();
        assert_eq!(disk.stamp().modified, Stamp::of(&file.metadata().unwrap()).modified);
        assert_eq!(disk.known(), None);
    }

    #[test]
    fn a_file_that_was_changed_within_the_same_tick_as_it_was_read_is_not_known() {
        let disk = Disk::new();
        disk.read(disk.after(AT_REST - 1));
        assert_eq!(disk.known(), None);
        // Nor one that says it was changed tomorrow.
        disk.read(disk.after(-86_400_000));
        assert_eq!(disk.known(), None);
    }

    #[test]
    fn what_was_spoilt_on_disk_is_not_believed() {
        let disk = Disk::new();
        disk.read(disk.after(AT_REST));
        let path = disk.folder.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let digest = Digest::of(b"a report").to_string();
        assert!(text.contains(&digest));
        let spoilt = text.replace(&digest, &Digest::of(b"b report").to_string());
        for text in [spoilt.as_str(), "", "x", "\n", &text[..text.len() - 2]] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(disk.known(), None);
        }
    }
}
