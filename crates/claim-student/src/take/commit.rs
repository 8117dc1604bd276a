//! Moving things to their places: told to the journal before it is done, so that whoever is killed in between finishes it the
//! next time.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use claim_core::claim::FileName;
use claim_course::taking::TakenClaim;
use claim_files::{make_folder, sync_folder};
use serde::{Deserialize, Serialize};

use super::folder::{Folder, OWN};
use super::{TakeError, at};

/// What is moved, in this order, and what lies there afterwards.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Step {
    /// From where, to where.
    pub(super) moves: Vec<(FileName, FileName)>,
    pub(super) claim: TakenClaim,
}

impl Folder {
    /// Does a step. Whoever is killed in it finds it done, or does it the next time.
    pub(super) fn commit(&mut self, step: Step) -> Result<(), TakeError> {
        let leaves: BTreeSet<&FileName> = step.moves.iter().map(|(from, _)| from).collect();
        for (_, to) in step.moves.iter().filter(|(_, to)| !leaves.contains(to)) {
            let path = at(&self.root, to);
            if exists(&path)? {
                return Err(TakeError::InTheWay { path });
            }
        }
        self.note(&step)?;
        self.replay(step)
    }

    /// Does what is not done of a step. What is at its place already was moved there before.
    pub(super) fn replay(&mut self, step: Step) -> Result<(), TakeError> {
        let mut touched = BTreeSet::new();
        for (from, to) in &step.moves {
            let (from, to) = (at(&self.root, from), at(&self.root, to));
            // Somebody may have removed it: then it is missing, and fetched again.
            if exists(&to)? || !exists(&from)? {
                continue;
            }
            let folder = to.parent().unwrap_or(&self.root);
            make_folder(folder)?;
            fs::rename(&from, &to).map_err(TakeError::system("move", &from))?;
            touched.insert(folder.to_owned());
            touched.extend(from.parent().map(Path::to_owned));
        }
        touched.iter().try_for_each(|folder| sync_folder(folder))?;
        self.claims.insert(step.claim.claim, step.claim);
        Ok(())
    }

    fn note(&self, step: &Step) -> Result<(), TakeError> {
        let path = self.journal_path();
        let write = || -> io::Result<()> {
            let mut line = serde_json::to_vec(step)?;
            line.push(b'\n');
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(&line)?;
            file.sync_data()
        };
        write().map_err(TakeError::system("write", &path))?;
        Ok(sync_folder(&self.root.join(OWN))?)
    }
}

/// Whether anything has this name, be it a dangling symbolic link.
pub(super) fn exists(path: &Path) -> Result<bool, TakeError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(false)
        }
        Err(error) => Err(TakeError::system("look at", path)(error)),
    }
}

/// Makes the names in these folders durable, and in those above them up to the first.
pub(super) fn sync_up_to(root: &Path, folders: BTreeSet<PathBuf>) -> Result<(), TakeError> {
    let above = folders.iter().flat_map(|folder| folder.ancestors());
    let all: BTreeSet<&Path> = above.filter(|folder| folder.starts_with(root)).collect();
    Ok(all.into_iter().try_for_each(sync_folder)?)
}
