//! What of a claim is still there, and as it was.
//!
//! Files are given the time at which their claim was lodged. Where size and time are those, nobody has changed the file since,
//! and it is not read again; `claim verify` reads all of them.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claim_core::{Digest, Hasher, Timestamp};
use claim_course::taking::{TakenClaim, TakenFile};

use super::{TakeError, at};

/// How much is in memory at a time, in bytes.
const BUFFER: usize = 256 * 1024;

/// What of a claim is not as it was.
#[derive(Debug, Default)]
pub(super) struct Inspected {
    /// Which files are missing, by their place in the claim.
    pub(super) missing: Vec<usize>,
    /// Which are other ones now.
    pub(super) altered: Vec<usize>,
    /// The receipt.
    pub(super) receipt: Found,
}

/// What is where something should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Found {
    /// What should be there.
    #[default]
    Same,
    /// Nothing.
    Nothing,
    /// Something else.
    Other,
}

/// Looks at everything that belongs to a claim.
pub(super) fn inspect(root: &Path, claim: &TakenClaim) -> Result<Inspected, TakeError> {
    let mut inspected = Inspected::default();
    for (number, file) in claim.files.iter().enumerate() {
        let TakenFile { path, size, sha256, .. } = file;
        match look(&at(root, path), Some(*size), *sha256, Some(claim.lodged_at))? {
            Found::Same => {}
            Found::Nothing => inspected.missing.push(number),
            Found::Other => inspected.altered.push(number),
        }
    }
    inspected.receipt = look(&at(root, &claim.receipt), None, claim.receipt_sha256, None)?;
    Ok(inspected)
}

/// What is there: by size and time, else by its content.
pub(super) fn look(
    path: &Path,
    size: Option<u64>,
    sha256: Digest,
    lodged_at: Option<Timestamp>,
) -> Result<Found, TakeError> {
    let failed = |error: io::Error| TakeError::system("look at", path)(error);
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Found::Other),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.is_file() || size.is_some_and(|size| size != metadata.len()) {
        return Ok(Found::Other);
    }
    let modified = metadata.modified().map_err(failed)?;
    if lodged_at.is_some_and(|at| system_time(at) == modified) {
        return Ok(Found::Same);
    }
    let found = digest(path).map_err(TakeError::system("read", path))?;
    Ok(if found == sha256 { Found::Same } else { Found::Other })
}

fn digest(path: &Path) -> io::Result<Digest> {
    let (mut file, mut hasher) = (File::open(path)?, Hasher::new());
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(length) => hasher.update(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Gives a file the time at which its claim was lodged.
pub(super) fn date(file: &File, lodged_at: Timestamp) -> io::Result<()> {
    file.set_times(FileTimes::new().set_modified(system_time(lodged_at)))
}

fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}
