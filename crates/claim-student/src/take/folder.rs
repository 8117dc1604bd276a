//! The folder in which the hand-ins lie, with what this program keeps there for itself: its lock, its journal, and what is
//! not whole yet.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use claim_core::claim::ClaimId;
use claim_core::{Origin, json};
use claim_course::taking::{MANIFEST, SHEET, Taken, TakenClaim, csv};
use claim_files::{FolderLock, Mode, lock_folder, replace, sync_folder};

use super::commit::Step;
use super::{Take, TakeError};

/// What this program keeps for itself.
pub(super) const OWN: &str = ".claim";

/// The folder, and what lies in it.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) root: PathBuf,
    pub(super) claims: BTreeMap<ClaimId, TakenClaim>,
    _lock: FolderLock,
}

impl Folder {
    /// Opens it, makes it where it is missing, and finishes what was begun when somebody was interrupted.
    pub(super) fn open(root: &Path, blackboard: &Origin, take: &Take) -> Result<Self, TakeError> {
        let own = root.join(OWN);
        // Names of people and their work are in it.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&own);
        made.map_err(TakeError::system("create", &own))?;
        sync_folder(root)?;
        let lock = lock_folder(&own, "lock")?;
        let claims = match read_list(root)? {
            None => BTreeMap::new(),
            Some(list) => {
                fits(root, &list, blackboard, take)?;
                list.claims.into_iter().map(|claim| (claim.claim, claim)).collect()
            }
        };
        let mut folder = Self { root: root.to_owned(), claims, _lock: lock };
        for step in folder.journal()? {
            folder.replay(step)?;
        }
        Ok(folder)
    }

    /// What lies there.
    pub(super) fn claims(&self) -> impl Iterator<Item = &TakenClaim> {
        self.claims.values()
    }

    /// Where a claim is put together.
    pub(super) fn parts_of(&self, claim: ClaimId) -> PathBuf {
        self.root.join(parts_of(claim))
    }

    /// The steps that were taken since the list was written; the last line may be half a one.
    fn journal(&self) -> Result<Vec<Step>, TakeError> {
        let path = self.journal_path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(TakeError::system("read", path)(error)),
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let lines = text.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.is_empty());
        let step = |line| json::from_slice(line);
        let steps: Result<_, _> = lines.map(step).collect();
        steps.map_err(|source| TakeError::List { path, source })
    }

    pub(super) fn journal_path(&self) -> PathBuf {
        self.root.join(OWN).join("journal")
    }

    /// Writes the list, and the table; then the journal is needed no more.
    pub(super) fn write(&self, list: &Taken) -> Result<(), TakeError> {
        let path = self.root.join(MANIFEST);
        let mut text = serde_json::to_vec_pretty(list)
            .map_err(|error| TakeError::system("write", &path)(error.into()))?;
        text.push(b'\n');
        replace(&path, &text, Mode::Public)?;
        replace(&self.root.join(SHEET), csv(list).as_bytes(), Mode::Public)?;
        let journal = self.journal_path();
        match fs::remove_file(&journal) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(TakeError::system("remove", journal)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes what was being put together: nothing is any more.
    pub(super) fn tidy(&self) -> Result<(), TakeError> {
        let parts = self.root.join(OWN).join("parts");
        match fs::remove_dir_all(&parts) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(TakeError::system("remove", parts)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Where a claim is put together, in the folder.
pub(super) fn parts_of(claim: ClaimId) -> String {
    format!("{OWN}/parts/{claim}")
}

fn read_list(root: &Path) -> Result<Option<Taken>, TakeError> {
    let path = root.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(TakeError::system("read", path)(error)),
    };
    json::from_slice(&text).map(Some).map_err(|source| TakeError::List { path, source })
}

/// Two assignments, or two layouts, in one folder would be taken for one.
fn fits(root: &Path, list: &Taken, blackboard: &Origin, take: &Take) -> Result<(), TakeError> {
    let Taken { blackboard: from, assignment, layout, .. } = list;
    match from == blackboard && *assignment == take.assignment && *layout == take.layout {
        true => Ok(()),
        false => Err(TakeError::OtherFolder {
            path: root.to_owned(),
            found: format!("what was handed in for {assignment} at {from}, laid out as {layout}"),
        }),
    }
}
