//! The signed claim and the signed withdrawal: CMS whose content says what, by persons who may say it.

use claim_pki::{
    CmsError, ContentType, PathError, PersonId, SignError, SignedData, Signer, Timestamp,
    VerifiedPerson, VerifiedSignedData, VerifiedSigner, VerifyError,
};

use super::manifest::{ClaimId, Manifest, ManifestError};
use crate::hand_in::withdrawal_content;

/// A claim whose every signature was verified, each by somebody who may sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedClaim {
    id: ClaimId,
    manifest: Manifest,
    message: SignedData,
    verified: VerifiedSignedData,
}

/// Why a message is not a claim, or not one that its signers may make.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// It is not CMS as a claim must be.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// A signature or a signer's certificate does not verify.
    #[error(transparent)]
    Signature(#[from] VerifyError),
    /// Its content is not a manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A signer is not one of those for whom it is, nor the one by whom it is.
    #[error("{signer} signed the claim, but it is not theirs")]
    Signer {
        /// The signer.
        signer: PersonId,
    },
}

/// Signs a manifest's bytes as a claim.
///
/// # Errors
/// [`SignError`].
pub fn sign_claim(
    manifest: &[u8],
    signer: &Signer<'_>,
    at: Timestamp,
) -> Result<SignedData, SignError> {
    SignedData::sign(ContentType::Claim, manifest, std::slice::from_ref(signer), at)
}

/// Signs the withdrawal of a claim.
///
/// # Errors
/// [`SignError`].
pub fn sign_withdrawal(
    claim: ClaimId,
    signer: &Signer<'_>,
    at: Timestamp,
) -> Result<SignedData, SignError> {
    let content = withdrawal_content(claim);
    SignedData::sign(ContentType::Withdrawal, &content, std::slice::from_ref(signer), at)
}

impl VerifiedClaim {
    /// Reads a signed claim and verifies it. `path` verifies a signer's certificate with its issuer's, both in DER.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn open(
        cms: &[u8],
        path: impl FnMut(&[&[u8]; 2]) -> Result<VerifiedPerson, PathError>,
    ) -> Result<Self, ClaimError> {
        let signed = SignedData::from_der(ContentType::Claim, cms)?;
        // Before any signature: what is no manifest costs nobody a verification.
        let manifest = Manifest::from_slice(signed.unverified_content())?;
        let verified = signed.verify_with(path)?;
        let persons = verified.signers().iter().map(|signer| signer.person().id());
        if let Some(signer) = persons.clone().find(|person| !manifest.may_sign(person)) {
            return Err(ClaimError::Signer { signer: signer.clone() });
        }
        Ok(Self {
            id: ClaimId::of_manifest(verified.content()),
            manifest,
            message: signed,
            verified,
        })
    }

    /// Its id.
    pub fn id(&self) -> ClaimId {
        self.id
    }

    /// What it says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Who signed it.
    pub fn signers(&self) -> &[VerifiedSigner] {
        self.verified.signers()
    }

    /// The message that they signed.
    pub fn message(&self) -> &SignedData {
        &self.message
    }

    /// Whether this person is one of those who signed.
    pub fn is_signed_by(&self, person: &PersonId) -> bool {
        self.signers().iter().any(|signer| signer.person().id() == person)
    }
}

/// A withdrawal whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedWithdrawal {
    person: PersonId,
}

/// Why a message does not withdraw a claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WithdrawalError {
    /// It is not CMS as a withdrawal must be.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// The signature or the signer's certificate does not verify.
    #[error(transparent)]
    Signature(#[from] VerifyError),
    /// It withdraws something else.
    #[error("the content is not the withdrawal of this claim")]
    Content,
    /// More than one signed; whoever asks signs alone.
    #[error("a withdrawal is signed by one person")]
    Signers,
}

impl VerifiedWithdrawal {
    /// Reads a signed withdrawal of this claim and verifies it; `path` as for [`VerifiedClaim::open`].
    ///
    /// # Errors
    /// [`WithdrawalError`].
    pub fn open(
        cms: &[u8],
        claim: ClaimId,
        path: impl FnMut(&[&[u8]; 2]) -> Result<VerifiedPerson, PathError>,
    ) -> Result<Self, WithdrawalError> {
        let signed = SignedData::from_der(ContentType::Withdrawal, cms)?;
        if signed.unverified_content() != withdrawal_content(claim) {
            return Err(WithdrawalError::Content);
        }
        match signed.verify_with(path)?.signers() {
            [signer] => Ok(Self { person: signer.person().id().clone() }),
            _ => Err(WithdrawalError::Signers),
        }
    }

    /// Who withdraws.
    pub fn person(&self) -> &PersonId {
        &self.person
    }
}
