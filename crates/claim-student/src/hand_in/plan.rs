//! What is about to be handed in, for a person to look at, and its signature.

use claim_core::claim::{ClaimId, Manifest, ManifestMembers, VerifiedClaim, sign_claim};
use claim_core::encoding::Bytes;
use claim_core::hand_in::{Assignment, ClaimState, Limits};
use claim_core::{Origin, StaffId, Timestamp};
use claim_http::system_rng;
use claim_pki::Signer;

use super::collect::Collected;
use super::error::HandInError;
use super::place::Place;
use crate::error::Explained;
use crate::event::Event;
use crate::session::OpenSession;
use crate::student::Student;

/// Files, an assignment and a note: everything that will be signed.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) collected: Collected,
    pub(super) assignment: Assignment,
    pub(super) note: Option<String>,
    pub(super) by: Option<StaffId>,
    pub(super) place: Option<Place>,
}

/// A claim with its signature; nothing of it has been sent.
#[derive(Clone, Debug)]
pub struct SignedClaim {
    pub(super) plan: Plan,
    pub(super) manifest: Manifest,
    pub(super) id: ClaimId,
    pub(super) cms: Vec<u8>,
    /// It was signed and sent before, by an earlier run.
    pub(super) earlier: bool,
}

/// By whom a claim is signed, when, and for whom.
pub(super) struct By<'a> {
    /// Where it goes.
    pub(super) blackboard: &'a Origin,
    /// Who signs.
    pub(super) signer: &'a Signer<'a>,
    /// Whether Blackboard cannot be reached.
    pub(super) outage: bool,
    /// The time in the signature.
    pub(super) at: Timestamp,
}

/// Why these files cannot be handed in to this assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// Too many files.
    #[error("these are {found} files; the assignment takes at most {limit}")]
    Files {
        /// How many there are.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Too many bytes.
    #[error("these are {found} bytes; the assignment takes at most {limit}")]
    Bytes {
        /// How many there are.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Nothing is taken any more.
    #[error("the assignment closed at {until}")]
    Closed {
        /// The last moment at which a claim was taken.
        until: Timestamp,
    },
}

impl Plan {
    /// These files for this assignment, with a note to those who mark it.
    ///
    /// # Errors
    /// [`LimitError`]. Blackboard looks at the limits as well, and has the last word.
    pub fn new(
        collected: Collected,
        assignment: Assignment,
        note: Option<String>,
        server_now: Timestamp,
    ) -> Result<Self, LimitError> {
        let Limits { files, bytes, .. } = assignment.limits;
        let (found, total) =
            (collected.files().entries().len() as u64, collected.files().total_size());
        if found > files {
            return Err(LimitError::Files { found, limit: files });
        }
        if total > bytes {
            return Err(LimitError::Bytes { found: total, limit: bytes });
        }
        if let Some(until) = assignment.until.filter(|until| server_now > *until) {
            return Err(LimitError::Closed { until });
        }
        Ok(Self { collected, assignment, note, by: None, place: None })
    }

    /// On behalf of those who hand in: this member of staff signs, alone.
    pub fn on_behalf(self, by: StaffId) -> Self {
        Self { by: Some(by), ..self }
    }

    /// The member of staff who hands in on behalf of others.
    pub fn by(&self) -> Option<&StaffId> {
        self.by.as_ref()
    }

    /// With its receipt at this place: what is needed to go on after whatever stops the program is kept then, before the
    /// claim is sent.
    pub fn kept_for(self, place: &Place) -> Self {
        Self { place: Some(place.clone()), ..self }
    }

    /// The files.
    pub fn collected(&self) -> &Collected {
        &self.collected
    }

    /// The assignment as Blackboard told it.
    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// The note.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// What would be signed, for this Blackboard.
    fn manifest(&self, blackboard: &Origin, outage: bool) -> Manifest {
        let assignment = &self.assignment;
        Manifest::new(ManifestMembers {
            blackboard: blackboard.clone(),
            assignment: assignment.reference(),
            due: assignment.due,
            sids: assignment.sids.clone(),
            by: self.by.clone(),
            replaces: assignment.last_claim,
            outage,
            nonce: Bytes::random(&mut system_rng()),
            note: self.note.clone(),
            files: self.collected.files().clone(),
        })
    }

    /// Signs what is planned.
    pub(super) fn sign(self, by: &By<'_>, student: &Student) -> Result<SignedClaim, HandInError> {
        let manifest = self.manifest(by.blackboard, by.outage);
        let bytes = manifest.to_bytes()?;
        let signed = sign_claim(&bytes, by.signer, by.at)?;
        let id = ClaimId::of_manifest(&bytes);
        student.tell(Event::ClaimSigned {
            claim: id,
            files: manifest.files.entries().len(),
            bytes: signed.der().len(),
        });
        Ok(SignedClaim { plan: self, manifest, id, cms: signed.der().to_vec(), earlier: false })
    }

    pub(super) fn is_that_of(&self, manifest: &Manifest) -> bool {
        manifest.assignment_ref() == self.assignment.reference()
            && manifest.sids == self.assignment.sids
            && manifest.by == self.by
            && manifest.files == *self.collected.files()
            && manifest.note == self.note
    }
}

impl SignedClaim {
    /// Its id.
    pub fn id(&self) -> ClaimId {
        self.id
    }

    /// What it says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What it was made from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether an earlier run signed it and sent it: the same files for the same assignment.
    pub fn is_from_earlier(&self) -> bool {
        self.earlier
    }
}

impl OpenSession {
    /// Signs the claim, or takes the one up again that an earlier run signed for the very same files, where
    /// Blackboard says that it is the last one and has not ended, or has never heard of it.
    ///
    /// # Errors
    /// [`HandInError::Sign`], [`HandInError::Manifest`], [`HandInError::Wallet`].
    pub fn sign(&self, plan: Plan) -> Result<SignedClaim, HandInError> {
        if let Some((manifest, id, cms)) = self.earlier(&plan) {
            return Ok(SignedClaim { plan, manifest, id, cms, earlier: true });
        }
        match self.unsent(&plan) {
            Some((manifest, id, cms)) => {
                Ok(SignedClaim { plan, manifest, id, cms, earlier: false })
            }
            None => self.sign_new(plan),
        }
    }

    /// What would be signed for this plan; nothing is signed, kept or sent.
    ///
    /// # Errors
    /// [`HandInError::Manifest`] where it would be too long.
    pub fn draft(&self, plan: &Plan) -> Result<Manifest, HandInError> {
        let manifest = plan.manifest(self.session.origin(), false);
        manifest.to_bytes()?;
        Ok(manifest)
    }

    pub(super) fn sign_new(&self, plan: Plan) -> Result<SignedClaim, HandInError> {
        let by = By {
            blackboard: self.session.origin(),
            signer: &self.signer()?,
            outage: false,
            at: self.server_now(),
        };
        plan.sign(&by, &self.party.student)
    }

    /// Who signs here.
    pub(super) fn signer(&self) -> Result<Signer<'_>, HandInError> {
        let [certificate, issuer, ..] = self.party.certificates.as_slice() else {
            return Err(HandInError::IssuerMissing { id: self.id().clone() });
        };
        Ok(Signer::new(&self.party.credential.key, certificate, issuer)?)
    }

    /// The claim of an earlier run that this would only repeat.
    fn earlier(&self, plan: &Plan) -> Option<(Manifest, ClaimId, Vec<u8>)> {
        let last = plan.assignment.last_claim?;
        let summary = plan.assignment.claims.iter().find(|claim| claim.claim == last)?;
        if !matches!(summary.state, ClaimState::Waiting | ClaimState::Received) {
            return None;
        }
        let cms = self.party.student.wallet().kept_claim(last)?;
        let root = &self.party.root;
        let claim = VerifiedClaim::open(&cms, |chain| root.verify_person(chain, self.server_now()));
        let claim =
            claim.ok().filter(|claim| claim.id() == last && claim.is_signed_by(self.id()))?;
        let manifest = claim.manifest().clone();
        // A Blackboard that has another origin by now would not take it.
        let fits = manifest.blackboard == *self.session.origin() && plan.is_that_of(&manifest);
        fits.then_some((manifest, last, cms))
    }
}

impl Explained for LimitError {
    fn advice(&self) -> String {
        match self {
            Self::Files { .. } => "Hand in fewer files, or put them into an archive.".to_owned(),
            Self::Bytes { .. } => {
                "Leave out what is not needed, or ask the people of the course.".to_owned()
            }
            Self::Closed { .. } => {
                "Ask the people of the course whether they still take it.".to_owned()
            }
        }
    }
}
