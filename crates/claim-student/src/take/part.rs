//! One file, piece by piece, wherever it was interrupted.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use claim_core::claim::{FileEntry, FileHasher, PIECE};
use claim_core::hand_in::OCTETS;
use claim_core::{Digest, Timestamp};
use claim_files::make_folder;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::TakeError;
use super::error::ClaimError;
use super::inspect::{Found, date, look};
use super::plan::Job;
use super::stage::{Halt, Way};
use crate::event::Event;
use crate::exchange::Ask;
use crate::hand_in::{AT_ONCE, target};
use crate::session::OpenSession;

/// What a piece gets beyond other exchanges, in seconds: enough on a slow line.
const PIECE_TIME: std::time::Duration = std::time::Duration::from_secs(540);

impl OpenSession {
    /// Makes a whole file of its pieces, at `staged`, on disk; tells whether its SHA-256 is the one that the claim lists.
    pub(super) async fn fetch_part(
        &self,
        job: &Job,
        number: usize,
        entry: &FileEntry,
        part: &Path,
        staged: &Path,
        way: &Way,
    ) -> Result<bool, Halt> {
        let at = job.claim.lodged_at;
        // It was whole before somebody was interrupted.
        if look(staged, Some(entry.size()), entry.sha256(), Some(at))? == Found::Same {
            self.party.student.tell(Event::BytesTaken { bytes: entry.size() });
            return Ok(true);
        }
        let listed = entry.clone();
        let (file, missing) = on_disk(part, move |part| begin(part, &listed)).await?;
        let file = Arc::new(file);
        let there = entry.piece_count() - missing.len() as u64;
        self.party.student.tell(Event::BytesTaken { bytes: (there * PIECE).min(entry.size()) });
        let fetch = |index: u64| {
            let file = Arc::clone(&file);
            async move { self.fetch_piece(job, number, entry, index, (file, part), way).await }
        };
        stream::iter(missing).map(fetch).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let (entry, staged) = (entry.clone(), staged.to_owned());
        let from = part.to_owned();
        Ok(on_disk(part, move |_| finish(&file, &entry, at, &from, &staged)).await?)
    }

    async fn fetch_piece(
        &self,
        job: &Job,
        number: usize,
        entry: &FileEntry,
        index: u64,
        (file, part): (Arc<File>, &Path),
        way: &Way,
    ) -> Result<(), Halt> {
        let ask = Ask::get(target(job.claim.claim, &format!("/files/{number}/{index}")));
        let ask = ask.at_most(usize::try_from(PIECE).unwrap_or(usize::MAX)).with_time(PIECE_TIME);
        let bytes = self.request(&ask, OCTETS, way).await?;
        let length = bytes.len() as u64;
        let expected = entry.piece_digest(index);
        let written = on_disk(part, move |_| {
            if Some(Digest::of(&bytes)) != expected {
                return Ok(false);
            }
            file.write_all_at(&bytes, index * PIECE).map(|()| true)
        });
        if !written.await? {
            return Err(ClaimError::OtherBytes { name: entry.name().to_string() }.into());
        }
        way.pieces.fetch_add(1, Ordering::Relaxed);
        self.party.student.tell(Event::BytesTaken { bytes: length });
        Ok(())
    }
}

/// Does something with a file, where it does not keep others waiting.
async fn on_disk<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, TakeError> {
    let its: PathBuf = path.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&its)).await;
    done.map_err(io::Error::other).and_then(|done| done).map_err(TakeError::system("write", path))
}

/// Opens what there is of the file, and finds which pieces it lacks.
fn begin(part: &Path, entry: &FileEntry) -> io::Result<(File, Vec<u64>)> {
    if let Some(folder) = part.parent() {
        make_folder(folder).map_err(io::Error::other)?;
    }
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(part)?;
    let length = file.metadata()?.len();
    if length > entry.size() {
        file.set_len(entry.size())?;
    }
    let mut missing = Vec::new();
    let mut buffer = Vec::new();
    for index in 0..entry.piece_count() {
        let (start, size) = (index * PIECE, entry.piece_size(index).unwrap_or_default());
        let is_there = start + size <= length && {
            buffer.resize(usize::try_from(size).unwrap_or_default(), 0);
            file.read_exact_at(&mut buffer, start)?;
            Some(Digest::of(&buffer)) == entry.piece_digest(index)
        };
        if !is_there {
            missing.push(index);
        }
    }
    Ok((file, missing))
}

/// All pieces are there: dates the file, has it on disk, and gives it its name.
fn finish(
    file: &File,
    entry: &FileEntry,
    at: Timestamp,
    part: &Path,
    staged: &Path,
) -> io::Result<bool> {
    let is_as_listed =
        entry.piece_count() < 2 || whole_digest(file, entry)? == Some(entry.sha256());
    date(file, at)?;
    file.sync_all()?;
    if let Some(folder) = staged.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(part, staged)?;
    Ok(is_as_listed)
}

/// SHA-256 of the whole: of the pieces each is what it should be, but this one only its signer has computed.
fn whole_digest(file: &File, entry: &FileEntry) -> io::Result<Option<Digest>> {
    let mut hasher = FileHasher::new();
    let mut buffer = Vec::new();
    for index in 0..entry.piece_count() {
        let size = entry.piece_size(index).unwrap_or_default();
        buffer.resize(usize::try_from(size).unwrap_or_default(), 0);
        file.read_exact_at(&mut buffer, index * PIECE)?;
        hasher.update(&buffer);
    }
    Ok(hasher.finish(entry.name().clone()).ok().map(|found| found.sha256()))
}
