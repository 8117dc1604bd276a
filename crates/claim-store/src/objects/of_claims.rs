//! All objects of a claim: also pieces that nobody marked, and what a killed process left half written beside them.
//!
//! They are found by looking into the folders, not from the records, which do not know of those.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::ops::AddAssign;
use std::path::Path;

use claim_core::claim::ClaimId;
use claim_files::{FileError, sync_folder};

use super::{ObjectError, Objects, blocking};
use crate::Point;

/// Under which the pieces of all claims are.
pub(super) const FOLDER: &str = "claims";

/// The folder of a claim's pieces, in [`FOLDER`].
///
/// Two letters of the id make folders that do not grow without bound. A folder for each claim would cost the storage more
/// than most reports do: each new folder is synced, as is the one it is in.
pub(super) fn shard(claim: ClaimId) -> String {
    claim.to_string().chars().take(2).collect()
}

/// How much there is, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many objects.
    pub objects: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

impl AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

impl Objects {
    /// Erases all objects of these claims; when this returns, they are gone for good.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`] or [`ObjectError::File`]. It is safe to repeat.
    pub async fn erase_all_of(&self, claims: &[ClaimId]) -> Result<Taken, ObjectError> {
        let mut erased = Taken::default();
        for (shard, claims) in by_shard(claims.iter().copied()) {
            if !self.0.faults.before(Point::ObjectErased).await? {
                continue;
            }
            let folder = self.folder().join(FOLDER).join(shard);
            erased += blocking(move || erase_in(&folder, &claims)).await?;
            self.0.faults.after(Point::ObjectErased).await?;
        }
        Ok(erased)
    }

    /// How much the objects of these claims take, added up by the number that each claim has here.
    ///
    /// # Errors
    /// As [`Self::erase_all_of`].
    pub async fn space_of(
        &self,
        claims: HashMap<ClaimId, usize>,
    ) -> Result<HashMap<usize, Taken>, ObjectError> {
        let root = self.folder().join(FOLDER);
        blocking(move || {
            let mut taken: HashMap<usize, Taken> = HashMap::new();
            for (shard, _) in by_shard(claims.keys().copied()) {
                each_in(&root.join(shard), |path, claim| {
                    if let Some(number) = claims.get(&claim) {
                        *taken.entry(*number).or_default() +=
                            Taken { objects: 1, bytes: size(path)? };
                    }
                    Ok(())
                })?;
            }
            Ok(taken)
        })
        .await
    }
}

/// The claims by the folder that their pieces are in.
fn by_shard(claims: impl Iterator<Item = ClaimId>) -> BTreeMap<String, HashSet<ClaimId>> {
    let mut shards: BTreeMap<String, HashSet<ClaimId>> = BTreeMap::new();
    for claim in claims {
        shards.entry(shard(claim)).or_default().insert(claim);
    }
    shards
}

fn erase_in(folder: &Path, claims: &HashSet<ClaimId>) -> Result<Taken, FileError> {
    let mut erased = Taken::default();
    each_in(folder, |path, claim| {
        if claims.contains(&claim) {
            let bytes = size(path)?;
            match fs::remove_file(path) {
                Ok(()) => erased += Taken { objects: 1, bytes },
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(failed("remove", path, source)),
            }
        }
        Ok(())
    })?;
    // Also where nothing was found: whoever removed it may have been killed before it was durable.
    match folder.try_exists() {
        Ok(false) => {}
        _ => sync_folder(folder)?,
    }
    Ok(erased)
}

/// Shows every file of a folder whose name begins with the id of a claim.
fn each_in(
    folder: &Path,
    mut see: impl FnMut(&Path, ClaimId) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| failed("read", folder, source))?,
    };
    for entry in entries {
        let entry = entry.map_err(|source| failed("read", folder, source))?;
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.split_once('.'));
        if let Some(claim) = id.and_then(|(id, _)| id.parse().ok()) {
            see(&entry.path(), claim)?;
        }
    }
    Ok(())
}

/// A file that is gone by now takes nothing.
fn size(path: &Path) -> Result<u64, FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(source) => Err(failed("look at", path, source)),
    }
}

fn failed(action: &'static str, path: &Path, source: std::io::Error) -> FileError {
    FileError::System { action, path: path.to_owned(), source }
}
