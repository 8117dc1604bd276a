//! `lab1.pending`: a claim that CUHK has stamped and Blackboard does not have yet, with all that is needed to finish.

use std::io::Read;
use std::path::{Path, PathBuf};

use claim_core::claim::{ClaimId, Manifest};
use claim_core::outage::{OutageClaim, OutageError, stamped};
use claim_core::{Origin, PersonId, Timestamp, json};
use claim_files::{FileError, Mode};
use claim_pki::{ContentType, Root, SignedData};
use serde::{Deserialize, Serialize};

use super::collect::Collected;
use super::kept::Extension;
use super::place::Place;
use super::stored_path;
use crate::error::{Explained, quoted, tamed};

/// The largest file that is read: a signed claim of 4 MiB in base64, and the names of 10,000 files.
const MAX_FILE: u64 = 32 * 1024 * 1024;

/// A hand-in that waits for Blackboard.
#[derive(Clone, Debug)]
pub struct Pending {
    pub(super) file: PendingFile,
    pub(super) manifest: Manifest,
    pub(super) id: ClaimId,
    pub(super) stamped_at: Timestamp,
    /// Where it is kept.
    pub(super) path: PathBuf,
}

/// What the file holds, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PendingFile {
    /// What this is, for whoever finds it.
    pending: String,
    /// Who hands in.
    pub(super) person: PersonId,
    /// Where to.
    pub(super) blackboard: Origin,
    /// The course's time zone, for showing times.
    pub(super) zone: String,
    /// Where the receipt goes.
    #[serde(with = "stored_path")]
    receipt: PathBuf,
    /// Where each file of the claim is, in the claim's order.
    #[serde(with = "stored_path::list")]
    sources: Vec<PathBuf>,
    /// The claim of the same files that was sent before, of which nobody knows whether it was lodged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sent: Option<ClaimId>,
    /// The signed claim and CUHK's timestamp.
    #[serde(flatten)]
    pub(super) stamped: OutageClaim,
}

/// Why a file is not a hand-in that waits.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PendingError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is something else, or was changed.
    #[error("{} is not a hand-in that waits for Blackboard: {}", quoted(path), tamed(what))]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// CUHK's timestamp in it does not hold.
    #[error("the timestamp in {} does not hold: {}", quoted(path), tamed(source))]
    Timestamp {
        /// The file.
        path: PathBuf,
        /// Why.
        source: OutageError,
    },
}

const VERSION: &str = "claim v1 pending";

impl PendingFile {
    pub(super) fn new(
        person: &PersonId,
        blackboard: &Origin,
        zone: &str,
        place: &Place,
        collected: &Collected,
        sent: Option<ClaimId>,
        stamped: OutageClaim,
    ) -> Self {
        // Wherever the program is run from when it finishes.
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Self {
            pending: VERSION.to_owned(),
            person: person.clone(),
            blackboard: blackboard.clone(),
            zone: zone.to_owned(),
            receipt: absolute(&place.receipt()),
            sources: collected.sources().iter().map(absolute).collect(),
            sent,
            stamped,
        }
    }
}

impl Pending {
    /// Stores it where the receipt will be, for the owner only, and verifies it as it will be read again.
    pub(super) fn keep(
        file: PendingFile,
        place: &Place,
        root: &Root,
    ) -> Result<Self, PendingError> {
        let place_name = place.receipt();
        let form = |error: serde_json::Error| PendingError::Form {
            path: place_name.clone(),
            what: error.to_string(),
        };
        let mut text = serde_json::to_vec_pretty(&file).map_err(form)?;
        text.push(b'\n');
        let path = place.save_as(Extension::Pending, &text, Mode::Private)?;
        Self::of(file, path, root)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`PendingError`].
    pub fn open(path: &Path, root: &Root) -> Result<Self, PendingError> {
        let unreadable =
            |source| FileError::System { action: "read", path: path.to_owned(), source };
        let mut bytes = Vec::new();
        let opened = std::fs::File::open(path).map_err(unreadable)?;
        opened.take(MAX_FILE).read_to_end(&mut bytes).map_err(unreadable)?;
        let form = |what: String| PendingError::Form { path: path.to_owned(), what };
        let file: PendingFile =
            json::from_slice(&bytes).map_err(|error| form(error.to_string()))?;
        if file.pending != VERSION {
            return Err(form(format!("it says {:?}", file.pending)));
        }
        Self::of(file, path.to_owned(), root)
    }

    fn of(file: PendingFile, path: PathBuf, root: &Root) -> Result<Self, PendingError> {
        let form = |what: String| PendingError::Form { path: path.clone(), what };
        let signed = SignedData::from_der(ContentType::Claim, &file.stamped.claim)
            .map_err(|error| form(error.to_string()))?;
        let manifest = Manifest::from_slice(signed.unverified_content())
            .map_err(|error| form(error.to_string()))?;
        if file.sources.len() != manifest.files.entries().len() {
            return Err(form("it does not say where each file is".to_owned()));
        }
        let token = stamped(&file.stamped.claim, &file.stamped.timestamp, root)
            .map_err(|source| PendingError::Timestamp { path: path.clone(), source })?;
        let id = ClaimId::of_manifest(signed.unverified_content());
        Ok(Self { stamped_at: token.gen_time(), file, manifest, id, path })
    }

    /// The claim's id.
    pub fn id(&self) -> ClaimId {
        self.id
    }

    /// What was signed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// When CUHK stamped it.
    pub fn stamped_at(&self) -> Timestamp {
        self.stamped_at
    }

    /// Where it is kept until it is finished.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who hands in.
    pub fn person(&self) -> &PersonId {
        &self.file.person
    }

    /// Where to.
    pub fn blackboard(&self) -> &Origin {
        &self.file.blackboard
    }

    /// The course's time zone.
    pub fn zone(&self) -> &str {
        &self.file.zone
    }

    /// Where the receipt goes.
    pub fn place(&self) -> Option<Place> {
        Place::of_receipt(&self.file.receipt)
    }

    /// The files as they were signed; each piece is compared again when it is sent.
    pub fn collected(&self) -> Collected {
        let sources = &self.file.sources;
        Collected::signed(sources.clone(), self.manifest.files.clone(), sources.clone())
    }

    /// Takes the file away, once there is a receipt or it is of no use any more.
    ///
    /// # Errors
    /// Whatever befalls the file system.
    pub fn remove(&self) -> Result<(), PendingError> {
        match std::fs::remove_file(&self.path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                let path = self.path.clone();
                Err(FileError::System { action: "remove", path, source }.into())
            }
            _ => Ok(()),
        }
    }
}

impl Explained for PendingError {
    fn advice(&self) -> String {
        match self {
            Self::File(_) => "Put that right and run the same command again.".to_owned(),
            Self::Form { .. } => {
                "Name the .pending file as the program wrote it; or hand in again.".to_owned()
            }
            Self::Timestamp { .. } => {
                "Do not count on it: hand in again, and tell the people of the course at once."
                    .to_owned()
            }
        }
    }
}
