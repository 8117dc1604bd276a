//! One's own files back.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use claim_core::Digest;
use claim_core::claim::{
    ClaimError, ClaimId, FileEntry, FileHasher, Manifest, PIECE, VerifiedClaim,
};
use claim_core::hand_in::OCTETS;
use claim_core::receipt::{Container, ContainerError, Member};
use claim_files::FileError;

use super::evidence::{self, EvidenceError};
use super::kept::Extension;
use super::place::Place;
use super::target;
use crate::error::{Explained, Outcome, quoted, tamed};
use crate::event::Event;
use crate::exchange::{Ask, AskError};
use crate::session::OpenSession;
use crate::wallet::WalletError;

/// How many numbered folders are tried.
const MOST_FOLDERS: usize = 10_000;

/// Files that are back.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What the claim says.
    pub manifest: Manifest,
    /// The folder that was made for them.
    pub folder: PathBuf,
    /// Where the claim's receipt is, or its proof of lodging as long as there is no receipt.
    pub receipt: PathBuf,
}

/// Why files are not back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Blackboard did not give them.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The claim's receipt cannot be read.
    #[error("the claim's receipt cannot be read: {}", tamed(_0))]
    Container(#[from] ContainerError),
    /// The claim in it is none.
    #[error("the claim in its receipt is not genuine: {}", tamed(_0))]
    Claim(#[from] ClaimError),
    /// The receipt does not hold.
    #[error("the files are there, but their receipt does not hold: {0}")]
    Evidence(#[from] EvidenceError),
    /// The receipt cannot be stored.
    #[error("the files are there, but their receipt is not: {0}")]
    File(#[from] FileError),
    /// The folder cannot be used.
    #[error("the files are there, but their receipt is not: {0}")]
    Wallet(#[from] WalletError),
    /// It is another claim.
    #[error("Blackboard answers for another claim ({found})")]
    OtherClaim {
        /// Which one.
        found: ClaimId,
    },
    /// The bytes are not those that the claim lists.
    #[error("{name} is not the file that the claim lists")]
    OtherBytes {
        /// The file's name in the claim.
        name: String,
    },
    /// Something cannot be written.
    #[error("cannot write {}: {}", quoted(path), tamed(source))]
    Write {
        /// What.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl OpenSession {
    /// Fetches the files of a claim into a new folder below `into`; nothing that is there is touched.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&mut self, claim: ClaimId, into: &Path) -> Result<Fetched, FetchError> {
        let zip = self.receipt_of(claim, 0).await?;
        let manifest = self.manifest_of(claim, &zip)?;
        let folder = new_folder(into, manifest.assignment.as_str())?;
        for (number, entry) in manifest.files.entries().iter().enumerate() {
            self.fetch_file(claim, number, entry, &folder).await?;
        }
        let receipt = self.keep_receipt(claim, &manifest, &zip, into)?;
        Ok(Fetched { manifest, folder, receipt })
    }

    /// Stores the receipt beside the folder, once it is verified: a member of a group, and whoever staff has handed in
    /// for, has no other copy of it.
    fn keep_receipt(
        &self,
        claim: ClaimId,
        manifest: &Manifest,
        zip: &[u8],
        into: &Path,
    ) -> Result<PathBuf, FetchError> {
        let (_, verified) = evidence::genuine(&self.party.root, manifest, zip)?;
        let extension = if verified.is_received { Extension::Receipt } else { Extension::Lodged };
        let place = Place::of_assignment(into, &manifest.assignment_ref());
        let path = place.save(extension, zip)?;
        self.party.student.wallet().keep_proof(claim, extension, zip)?;
        Ok(path)
    }

    /// What the claim says, from its receipt: by the digest that is its id.
    fn manifest_of(&self, claim: ClaimId, receipt: &[u8]) -> Result<Manifest, FetchError> {
        let container = Container::from_zip(receipt)?;
        let cms = container.content(Member::Claim).unwrap_or_default();
        let root = self.party.root.clone();
        let now = self.server_now();
        // Who signed may have let the certificate run out since; the digest tells that it is this claim.
        let signed = VerifiedClaim::open(cms, |chain| {
            let leaf = claim_pki::Certificate::from_der(chain[0]);
            let at = leaf.map_or(now, |leaf| now.clamp(leaf.not_before(), leaf.not_after()));
            root.verify_person(chain, at)
        })?;
        match signed.id() == claim {
            true => Ok(signed.manifest().clone()),
            false => Err(FetchError::OtherClaim { found: signed.id() }),
        }
    }

    async fn fetch_file(
        &mut self,
        claim: ClaimId,
        number: usize,
        entry: &FileEntry,
        folder: &Path,
    ) -> Result<(), FetchError> {
        // The name is one that every system holds, without a way out of the folder.
        let path = folder.join(entry.name().as_str());
        let failed = |source| FetchError::Write { path: path.clone(), source };
        let other = || FetchError::OtherBytes { name: entry.name().to_string() };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
        let mut hasher = FileHasher::new();
        for index in 0..entry.piece_count() {
            let ask = Ask::get(target(claim, &format!("/files/{number}/{index}")));
            let ask = ask.at_most(usize::try_from(PIECE).unwrap_or(usize::MAX));
            let bytes = self.ask_bytes(&ask, OCTETS).await?;
            if Some(Digest::of(&bytes)) != entry.piece_digest(index) {
                return Err(other());
            }
            hasher.update(&bytes);
            file.write_all(&bytes).map_err(failed)?;
        }
        match hasher.finish(entry.name().clone()) {
            Ok(found) if found == *entry => {}
            _ => return Err(other()),
        }
        file.sync_all().map_err(failed)?;
        self.party.student.tell(Event::FileFetched { path: path.clone(), size: entry.size() });
        Ok(())
    }
}

/// A folder that was not there: `lab1`, `lab1-2`, …
fn new_folder(into: &Path, stem: &str) -> Result<PathBuf, FetchError> {
    fs::create_dir_all(into)
        .map_err(|source| FetchError::Write { path: into.to_owned(), source })?;
    let mut number = 1;
    loop {
        let name = if number == 1 { stem.to_owned() } else { format!("{stem}-{number}") };
        let path = into.join(name);
        match DirBuilder::new().create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_FOLDERS => {
                number += 1;
            }
            Err(source) => return Err(FetchError::Write { path, source }),
        }
    }
}

impl Explained for FetchError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Ask(error) => error.why(),
            Self::OtherBytes { .. } => Some(
                "Its digest is another: the server gave other bytes than were handed in."
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Ask(error) => error.advice(),
            Self::Wallet(error) => error.advice(),
            Self::Write { .. } | Self::File(_) => {
                "Make room or choose another folder with --out, then fetch again.".to_owned()
            }
            _ => "Tell the people who run Blackboard, with this message.".to_owned(),
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            // Nothing is changed by asking for files.
            Self::Ask(error) => match error.outcome() {
                Outcome::Unknown => Outcome::Unreachable,
                outcome => outcome,
            },
            _ => Outcome::Refused,
        }
    }
}
