//! A claim that several members of a group sign before one of them lodges it.
//!
//! Between them goes one file: the signed claim itself (CMS), so that whoever gets it sees what it says and who has signed,
//! with this program or with any other that reads CMS. It fixes due time and predecessor as Blackboard told them, so a
//! change of either means that it must be made and signed anew, by all: nothing here signs for somebody else, and nothing
//! leaves a signature out.

mod compared;
mod error;
mod lodge;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use claim_core::PersonId;
use claim_core::claim::{ClaimId, Files, Manifest, VerifiedClaim};
use claim_core::hand_in::{Assignment, Assignments};
use claim_files::{FileError, Mode, replace, write_new};
use claim_pki::SignedData;

use super::change::{Change, First};
use super::plan::{Plan, SignedClaim};
use crate::session::OpenSession;

pub use compared::Compared;
pub use error::TogetherError;

/// A claim in a file, signed by some of those for whom it is. Every signature in it has been verified.
#[derive(Clone, Debug)]
pub struct SharedClaim {
    path: PathBuf,
    claim: VerifiedClaim,
}

impl SharedClaim {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The claim's id.
    pub fn id(&self) -> ClaimId {
        self.claim.id()
    }

    /// What is claimed.
    pub fn manifest(&self) -> &Manifest {
        self.claim.manifest()
    }

    /// Who has signed, by id.
    pub fn signers(&self) -> Vec<PersonId> {
        signers(&self.claim)
    }

    /// Which of its members have not signed, by id.
    pub fn missing(&self) -> Vec<PersonId> {
        let signed = self.signers();
        let members = self.manifest().sids.sids().iter().cloned().map(PersonId::from);
        members.filter(|member| !signed.contains(member)).collect()
    }

    /// How files on this disk compare with those that the claim lists.
    pub fn compared(&self, files: &Files) -> Compared {
        Compared::new(&self.manifest().files, files)
    }

    fn cms(&self) -> &[u8] {
        self.claim.message().der()
    }
}

/// Who has signed, by id.
fn signers(claim: &VerifiedClaim) -> Vec<PersonId> {
    let mut signers: Vec<_> =
        claim.signers().iter().map(|signer| signer.person().id().clone()).collect();
    signers.sort();
    signers
}

impl OpenSession {
    /// Signs the claim anew, for a file that others sign as well: it is never one that an earlier run has sent.
    ///
    /// # Errors
    /// [`TogetherError::HandIn`].
    pub fn sign_for_others(&self, plan: Plan) -> Result<SignedClaim, TogetherError> {
        Ok(self.sign_new(plan)?)
    }

    /// Writes a claim that was signed here into a file that is not there yet, for the eyes of its owner only, and keeps a
    /// copy in the folder. Nothing is sent.
    ///
    /// # Errors
    /// [`TogetherError::File`], [`TogetherError::HandIn`].
    pub fn share(&self, signed: &SignedClaim, path: &Path) -> Result<SharedClaim, TogetherError> {
        self.party.student.wallet().keep_claim(signed.id, &signed.cms)?;
        write_new(path, &signed.cms, Mode::Private)?;
        self.shared(path)
    }

    /// Reads a claim that others have signed, and verifies every signature in it.
    ///
    /// # Errors
    /// [`TogetherError`], by the name of what cannot be accepted.
    pub fn shared(&self, path: &Path) -> Result<SharedClaim, TogetherError> {
        self.shared_of(path, &bounded(path)?)
    }

    fn shared_of(&self, path: &Path, cms: &[u8]) -> Result<SharedClaim, TogetherError> {
        let (root, now) = (&self.party.root, self.server_now());
        let claim = VerifiedClaim::open(cms, |chain| root.verify_person(chain, now));
        let path = path.to_owned();
        let claim = claim.map_err(|source| TogetherError::NotAClaim {
            path: path.clone(),
            source: Box::new(source),
        })?;
        let manifest = claim.manifest();
        if manifest.blackboard != *self.session.origin() {
            let (found, ours) = (manifest.blackboard.clone(), self.session.origin().clone());
            return Err(TogetherError::OtherBlackboard { found, ours });
        }
        // What staff hands in for students, and what CUHK stamps, one person signs and sends at once.
        if manifest.by.is_some() || manifest.outage {
            return Err(TogetherError::SignedAlone { path });
        }
        Ok(SharedClaim { path, claim })
    }

    /// The assignment that the claim is for as Blackboard has it now, if the claim fits it to the letter.
    ///
    /// # Errors
    /// [`TogetherError::NotYours`], [`TogetherError::NoAssignment`], [`TogetherError::Lodged`],
    /// [`TogetherError::Changed`], [`TogetherError::Closed`].
    pub fn fits(
        &self,
        shared: &SharedClaim,
        assignments: &Assignments,
    ) -> Result<Assignment, TogetherError> {
        let manifest = shared.manifest();
        if !manifest.may_sign(self.id()) {
            let (sids, id) = (manifest.sids.clone(), self.id().clone());
            return Err(TogetherError::NotYours { id, sids });
        }
        let reference = manifest.assignment_ref();
        let assignment = assignments.assignments.iter().find(|one| one.reference() == reference);
        let assignment = assignment.ok_or(TogetherError::NoAssignment { reference })?.clone();
        if let Some(lodged) = assignment.claims.iter().find(|one| one.claim == shared.id()) {
            let (claim, lodged_at) = (lodged.claim, lodged.lodged_at);
            let (signers, zone) = (lodged.signers.clone(), assignment.zone);
            return Err(TogetherError::Lodged { claim, lodged_at, signers, zone });
        }
        let zone = assignment.zone.clone();
        if let Some(until) = assignment.until.filter(|until| self.server_now() > *until) {
            return Err(TogetherError::Closed { until, zone });
        }
        match change(manifest, &assignment) {
            Some(change) => Err(TogetherError::Changed { change: Box::new(change), zone }),
            None => Ok(assignment),
        }
    }

    /// Adds this person's signature to the file, in its place.
    ///
    /// # Errors
    /// [`TogetherError::SignedAlready`], [`TogetherError::FileChanged`] when somebody else has written it since it was
    /// read; nothing is written then.
    pub fn add_signature(&self, shared: &SharedClaim) -> Result<SharedClaim, TogetherError> {
        if shared.claim.is_signed_by(self.id()) {
            return Err(TogetherError::SignedAlready { id: self.id().clone() });
        }
        let signed = shared.claim.message().add_signature(&self.signer()?, self.server_now());
        let signed = signed.map_err(|error| TogetherError::Sign(Box::new(error)))?;
        // As it will be read again, before it takes the place of what there is.
        let signed = self.shared_of(&shared.path, signed.der())?;
        self.party.student.wallet().keep_claim(signed.id(), signed.cms())?;
        if bounded(&shared.path)? != shared.cms() {
            return Err(TogetherError::FileChanged { path: shared.path.clone() });
        }
        replace(&shared.path, signed.cms(), Mode::Private)?;
        Ok(signed)
    }

    /// Puts the signatures of several copies of one claim together, as when members have signed at the same time.
    ///
    /// # Errors
    /// [`TogetherError::OtherClaim`]; [`TogetherError::Merge`].
    pub fn join(
        &self,
        first: SharedClaim,
        others: &[SharedClaim],
    ) -> Result<SharedClaim, TogetherError> {
        let mut message = first.claim.message().clone();
        for other in others {
            if other.id() != first.id() {
                let (one, other) = (first.path.clone(), other.path.clone());
                return Err(TogetherError::OtherClaim { one, other });
            }
            let merged = message.merge(other.claim.message());
            message = merged.map_err(|error| TogetherError::Merge(Box::new(error)))?;
        }
        self.shared_of(&first.path, message.der())
    }
}

/// What Blackboard's records say otherwise than the claim.
fn change(manifest: &Manifest, assignment: &Assignment) -> Option<Change> {
    let (now, due, last) = (&assignment.sids, assignment.due, assignment.last_claim);
    if manifest.sids != *now {
        return Some(Change::Holder { was: manifest.sids.clone(), now: now.clone() });
    }
    if manifest.due != due {
        return Some(Change::Due { was: manifest.due, now: due });
    }
    let first = assignment.claims.iter().find(|claim| Some(claim.claim) == last);
    let first =
        first.map(|claim| First { lodged_at: claim.lodged_at, signers: claim.signers.clone() });
    let was = manifest.replaces;
    (was != last).then_some(Change::Replaces { was, now: last, first })
}

/// The file, but no more of it than a claim can have.
fn bounded(path: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |source| FileError::System { action: "read", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let most = SignedData::MAX_SIZE as u64 + 1;
    let file = File::open(path).map_err(unreadable)?;
    file.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
