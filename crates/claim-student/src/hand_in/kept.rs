//! What the student's folder keeps of each claim: the signed claim, and its proofs.

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use claim_core::Timestamp;
use claim_core::claim::{ClaimId, Manifest};
use claim_core::receipt::{Container, MAX_RECEIPT, Member};
use claim_files::{FileError, Mode, replace};
use claim_pki::{ContentType, SignedData, TimestampToken};

use crate::wallet::{Wallet, WalletError};

/// The folder in the student's folder.
const FOLDER: &str = "receipts";

/// The endings of the files of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    /// The signed claim, from before it was sent.
    Claim,
    /// The proof of lodging.
    Lodged,
    /// The receipt.
    Receipt,
    /// What is needed to go on with a claim that has no receipt yet.
    Draft,
    /// A claim that CUHK has stamped and Blackboard does not have yet.
    Pending,
    /// When Blackboard erased its copy of the claim, as it said.
    Erased,
}

/// A proof in the student's folder, as it reads; it was checked when it came, and is not again here.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// The claim.
    pub claim: ClaimId,
    /// What was handed in.
    pub manifest: Manifest,
    /// When, by its timestamp.
    pub lodged_at: Timestamp,
    /// How far it goes.
    pub state: KeptState,
    /// When Blackboard erased its copy, where it has said so: what is here is all that there is.
    pub erased_at: Option<Timestamp>,
}

/// How far a kept proof goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptState {
    /// A proof of lodging.
    Lodged,
    /// A receipt.
    Received,
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claim => "p7s",
            Self::Lodged => "lodged",
            Self::Receipt => "receipt",
            Self::Draft => "draft",
            Self::Pending => "pending",
            Self::Erased => "erased",
        })
    }
}

impl Wallet {
    /// Where the copies of receipts are.
    pub fn receipts_folder(&self) -> PathBuf {
        self.dir().join(FOLDER)
    }

    /// The proofs in the folder, the latest first; what cannot be read as one is left out.
    ///
    /// # Errors
    /// [`WalletError`] when the folder cannot be read.
    pub fn kept(&self) -> Result<Vec<Kept>, WalletError> {
        let mut kept: Vec<_> = self.kept_files()?.iter().filter_map(|path| read(path)).collect();
        // Of the two proofs of one claim the one that goes further.
        kept.sort_by_key(|one| (one.claim, one.state == KeptState::Lodged));
        kept.dedup_by_key(|one| one.claim);
        kept.sort_by_key(|one| std::cmp::Reverse(one.lodged_at));
        Ok(kept)
    }

    /// All files of claims.
    pub(super) fn kept_files(&self) -> Result<Vec<PathBuf>, WalletError> {
        let folder = self.receipts_folder();
        let refused = |source| FileError::System { action: "read", path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(refused(error).into()),
        };
        let path = |entry: io::Result<fs::DirEntry>| Ok(entry.map_err(refused)?.path());
        entries.map(path).collect()
    }

    /// Takes the draft of a claim away, if there is one.
    pub(super) fn remove_draft(&self, claim: ClaimId) -> Result<(), WalletError> {
        let path = self.kept_path(claim, Extension::Draft);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(FileError::System { action: "remove", path, source }.into())
            }
            _ => Ok(()),
        }
    }

    /// The signed claim with this id, if it was signed here.
    pub(super) fn kept_claim(&self, claim: ClaimId) -> Option<Vec<u8>> {
        bounded(&self.kept_path(claim, Extension::Claim)).ok()
    }

    pub(super) fn keep_claim(&self, claim: ClaimId, cms: &[u8]) -> Result<(), WalletError> {
        self.keep_proof(claim, Extension::Claim, cms)
    }

    pub(super) fn keep_proof(
        &self,
        claim: ClaimId,
        extension: Extension,
        bytes: &[u8],
    ) -> Result<(), WalletError> {
        let folder = self.receipts_folder();
        // Names of files and people are in it.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|source| FileError::System { action: "create", path: folder, source })?;
        Ok(replace(&self.kept_path(claim, extension), bytes, Mode::Private)?)
    }

    fn kept_path(&self, claim: ClaimId, extension: Extension) -> PathBuf {
        self.receipts_folder().join(format!("{claim}.{extension}"))
    }
}

fn read(path: &Path) -> Option<Kept> {
    let state = match path.extension()?.to_str()? {
        "lodged" => KeptState::Lodged,
        "receipt" => KeptState::Received,
        _ => return None,
    };
    let container = Container::from_zip(&bounded(path).ok()?).ok()?;
    let signed =
        SignedData::from_der(ContentType::Claim, container.content(Member::Claim)?).ok()?;
    let token = TimestampToken::from_der(container.content(Member::Timestamp)?).ok()?;
    let erased = bounded(&path.with_extension(Extension::Erased.to_string())).ok();
    Some(Kept {
        path: path.to_owned(),
        claim: ClaimId::of_manifest(signed.unverified_content()),
        manifest: Manifest::from_slice(signed.unverified_content()).ok()?,
        lodged_at: token.unverified_gen_time(),
        state,
        erased_at: erased.and_then(|at| std::str::from_utf8(&at).ok()?.parse().ok()),
    })
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_RECEIPT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
