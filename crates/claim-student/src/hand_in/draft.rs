//! What is needed to go on with a hand-in that was begun here, whatever stopped the program: kept before the claim is
//! sent, and until its receipt is there.

use std::path::{Path, PathBuf};

use claim_core::claim::{ClaimId, Manifest, VerifiedClaim};
use claim_core::{Origin, PersonId, json};
use claim_files::FileError;
use claim_pki::{ContentType, SignedData};
use serde::{Deserialize, Serialize};

use super::collect::Collected;
use super::error::HandInError;
use super::kept::Extension;
use super::lodge::Lodged;
use super::place::Place;
use super::plan::{Plan, SignedClaim};
use super::stored_path;
use crate::exchange::Haste;
use crate::session::OpenSession;
use crate::student::Student;
use crate::wallet::{Wallet, WalletError};

const VERSION: &str = "claim v1 draft";

/// A hand-in that was begun here, and has no receipt yet.
#[derive(Clone, Debug)]
pub struct Draft {
    file: DraftFile,
    manifest: Manifest,
    cms: Vec<u8>,
}

/// What the file beside the signed claim holds, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct DraftFile {
    /// What this is, for whoever finds it.
    draft: String,
    claim: ClaimId,
    person: PersonId,
    blackboard: Origin,
    /// The course's time zone, for showing times.
    zone: String,
    /// Where the receipt goes.
    #[serde(with = "stored_path")]
    receipt: PathBuf,
    /// What the person named.
    #[serde(with = "stored_path::list")]
    named: Vec<PathBuf>,
    /// Where each file of the claim is, in the claim's order.
    #[serde(with = "stored_path::list")]
    sources: Vec<PathBuf>,
}

impl Draft {
    /// The claim's id.
    pub fn id(&self) -> ClaimId {
        self.file.claim
    }

    /// What was signed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
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

    /// What the person named: files, and folders with everything in them.
    pub fn named(&self) -> &[PathBuf] {
        &self.file.named
    }

    fn collected(&self) -> Collected {
        let DraftFile { named, sources, .. } = &self.file;
        Collected::signed(named.clone(), self.manifest.files.clone(), sources.clone())
    }
}

impl Student {
    /// The hand-ins that were begun in this folder and have no receipt yet, in the order of their ids.
    ///
    /// # Errors
    /// [`WalletError`] when the folder cannot be read.
    pub fn drafts(&self) -> Result<Vec<Draft>, WalletError> {
        self.wallet().drafts()
    }

    /// Forgets a hand-in that has ended.
    ///
    /// # Errors
    /// Whatever befalls the file system.
    pub fn forget(&self, claim: ClaimId) -> Result<(), WalletError> {
        self.wallet().remove_draft(claim)
    }
}

impl OpenSession {
    /// The claim of a draft as Blackboard has it; `None` when it was never lodged.
    ///
    /// # Errors
    /// [`HandInError`].
    pub async fn take_up(&mut self, draft: &Draft) -> Result<Option<Lodged>, HandInError> {
        let (id, manifest, cms) = (draft.id(), draft.manifest.clone(), draft.cms.clone());
        match self.on_record(id, Haste::Patient).await {
            Ok(Some(status)) => {
                self.verified(draft.collected(), manifest, id, cms, status).map(Some)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(HandInError::NotLodged(error)),
        }
    }

    pub(super) fn keep_draft(&self, signed: &SignedClaim) -> Result<(), WalletError> {
        let SignedClaim { plan: Plan { collected, assignment, place, .. }, id, .. } = signed;
        let Some(place) = place else { return Ok(()) };
        // Wherever the program is run from when it goes on.
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let file = DraftFile {
            draft: VERSION.to_owned(),
            claim: *id,
            person: self.id().clone(),
            blackboard: self.session.origin().clone(),
            zone: assignment.zone.clone(),
            receipt: absolute(&place.receipt()),
            named: collected.named().iter().map(absolute).collect(),
            sources: collected.sources().iter().map(absolute).collect(),
        };
        let wallet = self.party.student.wallet();
        let text = serde_json::to_vec(&file).map_err(|error| FileError::System {
            action: "write",
            path: wallet.receipts_folder(),
            source: error.into(),
        })?;
        wallet.keep_proof(*id, Extension::Draft, &text)
    }

    /// The claim that an earlier run signed for the very same, and that Blackboard does not have, as far as it says: sent
    /// again, it finds itself where a copy of it was only late.
    pub(super) fn unsent(&self, plan: &Plan) -> Option<(Manifest, ClaimId, Vec<u8>)> {
        let wallet = self.party.student.wallet();
        let fits = |draft: &Draft| {
            let manifest = &draft.manifest;
            draft.person() == self.id()
                && manifest.blackboard == *self.session.origin()
                && !manifest.outage
                && manifest.due == plan.assignment.due
                && manifest.replaces == plan.assignment.last_claim
                && plan.is_that_of(manifest)
        };
        let draft = wallet.drafts().ok()?.into_iter().find(fits)?;
        let root = &self.party.root;
        let now = self.server_now();
        let claim = VerifiedClaim::open(&draft.cms, |chain| root.verify_person(chain, now)).ok()?;
        let ours = claim.id() == draft.id() && claim.is_signed_by(self.id());
        ours.then(|| (draft.manifest.clone(), draft.id(), draft.cms))
    }
}

impl Wallet {
    pub(super) fn drafts(&self) -> Result<Vec<Draft>, WalletError> {
        let mut drafts: Vec<_> =
            self.kept_files()?.iter().filter_map(|path| self.draft(path)).collect();
        drafts.sort_by_key(Draft::id);
        Ok(drafts)
    }

    /// Reads one; what is not as it was written is none.
    fn draft(&self, path: &Path) -> Option<Draft> {
        let ending = path.extension()?.to_str()?;
        if ending != Extension::Draft.to_string() {
            return None;
        }
        let file: DraftFile = json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let cms = self.kept_claim(file.claim)?;
        let signed = SignedData::from_der(ContentType::Claim, &cms).ok()?;
        let content = signed.unverified_content();
        let manifest = Manifest::from_slice(content).ok()?;
        let sound = file.draft == VERSION
            && ClaimId::of_manifest(content) == file.claim
            && manifest.files.entries().len() == file.sources.len();
        sound.then_some(Draft { file, manifest, cms })
    }
}
