//! Whether what Blackboard gave proves what it should: nothing is told a person before.
//!
//! The one place where handing in judges tokens and receipts.

use claim_core::claim::{ClaimError, ClaimId, Manifest, VerifiedClaim};
use claim_core::hand_in::{ClaimState, ClaimStatus, late_ms};
use claim_core::outage::{OutageError, stamped};
use claim_core::receipt::{
    Container, ContainerError, Evidence, Finding, Member, Severity, Verdict, verify,
};
use claim_core::{Digest, Origin, Timestamp};
use claim_pki::{PathError, Root, TimestampToken, TokenError, VerifiedToken, VerifyTokenError};

use super::lodge::Lodged;
use crate::error::{Explained, tamed};

/// Why what Blackboard gave does not prove what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The answer is about another claim.
    #[error("Blackboard answers for another claim ({found})")]
    OtherClaim {
        /// The claim in the answer.
        found: ClaimId,
    },
    /// What is said to be the stored claim is none, or another one.
    #[error("what Blackboard has stored is not this claim: {}", tamed(_0))]
    Stored(#[source] ClaimError),
    /// The token is not of the form that a timestamp has.
    #[error("the timestamp is not one: {}", tamed(_0))]
    Token(#[from] TokenError),
    /// The token's certificate is not that of a timestamp authority under the root.
    #[error("the timestamp's certificate is refused: {}", tamed(_0))]
    Authority(#[from] PathError),
    /// The token is over something else, or not signed by the authority.
    #[error("{0}")]
    Signature(#[from] VerifyTokenError),
    /// The authority stamps for another server.
    #[error("the timestamp was made for {found}")]
    OtherOrigin {
        /// The origin in its certificate.
        found: Origin,
    },
    /// The key signed when it was not to be used.
    #[error("the timestamp says {at}, when its key was not in use")]
    OutsideKeyUsage {
        /// The token's time.
        at: Timestamp,
    },
    /// What is said to be CUHK's timestamp is not.
    #[error("CUHK's timestamp does not hold: {}", tamed(_0))]
    Outage(#[from] OutageError),
    /// What is said beside the token is not what token and claim say.
    #[error("Blackboard says otherwise than the timestamp and the claim: {what}")]
    Contradiction {
        /// About what.
        what: &'static str,
    },
    /// More pieces are said to be missing than the claim has.
    #[error("Blackboard says that pieces are missing which the claim does not have")]
    Missing,
    /// The receipt is not in the form of one.
    #[error("{}", tamed(_0))]
    Container(#[from] ContainerError),
    /// The receipt does not verify.
    #[error("the receipt does not hold: {}", tamed(finding))]
    NotVerified {
        /// What is wrong with it.
        finding: String,
    },
    /// The receipt holds something else.
    #[error("{member} in it is not that of this claim")]
    OtherMember {
        /// Which part.
        member: Member,
    },
}

/// What a genuine receipt shows.
#[derive(Clone, Debug)]
pub(super) struct Verified {
    /// The log has that all files were received.
    pub(super) is_received: bool,
    /// What is missing in it, in words.
    pub(super) incomplete: Vec<String>,
}

/// The stored claim where Blackboard sent it, which may have other signatures than ours; else ours.
pub(super) fn stored_claim(
    root: &Root,
    status: &ClaimStatus,
    id: ClaimId,
    ours: Vec<u8>,
) -> Result<Vec<u8>, EvidenceError> {
    if status.claim != id {
        return Err(EvidenceError::OtherClaim { found: status.claim });
    }
    let Some(stored) = status.cms.clone().filter(|stored| *stored != ours) else { return Ok(ours) };
    let claim = VerifiedClaim::open(&stored, |chain| root.verify_person(chain, status.lodged_at))
        .map_err(EvidenceError::Stored)?;
    match claim.id() == id {
        true => Ok(stored),
        false => Err(EvidenceError::OtherClaim { found: claim.id() }),
    }
}

/// Verifies the token over this signed claim (PROTOCOL.md §11, point 3), and that what is said beside it agrees.
pub(super) fn token(
    root: &Root,
    manifest: &Manifest,
    cms: &[u8],
    status: &ClaimStatus,
) -> Result<VerifiedToken, EvidenceError> {
    let token = TimestampToken::from_der(&status.timestamp)?;
    // When a certificate had to be valid: the one moment that there is before a witness tells another.
    let at = token.unverified_gen_time();
    let authority = root.verify_timestamp(token.certificate().der(), at)?;
    let token = token.verify(Digest::of(cms).as_bytes(), &authority)?;
    if authority.origin() != &manifest.blackboard {
        return Err(EvidenceError::OtherOrigin { found: authority.origin().clone() });
    }
    if !token.within_key_usage() {
        return Err(EvidenceError::OutsideKeyUsage { at: token.gen_time() });
    }
    let contradiction = |what| Err(EvidenceError::Contradiction { what });
    if status.lodged_at != token.gen_time() {
        return contradiction("when it was lodged");
    }
    if status.due != manifest.due {
        return contradiction("when it is due");
    }
    let judged = match (manifest.outage, &status.outage) {
        (false, None) => token.gen_time(),
        (true, Some(stamp)) => stamped(cms, stamp, root)?.gen_time(),
        _ => return contradiction("whether it was signed in an outage"),
    };
    if status.late_ms != late_ms(judged, manifest.due) {
        return contradiction("whether it is late");
    }
    Ok(token)
}

/// A later word about a claim agrees with the verified one.
pub(super) fn same(verified: &ClaimStatus, later: &ClaimStatus) -> Result<(), EvidenceError> {
    if later.claim != verified.claim {
        return Err(EvidenceError::OtherClaim { found: later.claim });
    }
    let contradiction = |what| Err(EvidenceError::Contradiction { what });
    if later.timestamp != verified.timestamp || later.lodged_at != verified.lodged_at {
        return contradiction("when it was lodged");
    }
    if later.due != verified.due || later.late_ms != verified.late_ms {
        return contradiction("whether it is late");
    }
    if verified.state == ClaimState::Received && later.state == ClaimState::Waiting {
        return contradiction("whether it was received");
    }
    Ok(())
}

/// Verifies a receipt, or a proof of lodging, with the one list for that, and that it is of this claim and token.
pub(super) fn receipt(root: &Root, lodged: &Lodged, zip: &[u8]) -> Result<Verified, EvidenceError> {
    let (container, verified) = genuine(root, &lodged.manifest, zip)?;
    for (member, ours) in
        [(Member::Claim, &lodged.cms), (Member::Timestamp, &lodged.status.timestamp)]
    {
        if container.content(member) != Some(ours.as_slice()) {
            return Err(EvidenceError::OtherMember { member });
        }
    }
    Ok(verified)
}

/// Verifies the receipt, or proof of lodging, of a claim with this manifest, by the one list for that.
pub(super) fn genuine(
    root: &Root,
    manifest: &Manifest,
    zip: &[u8],
) -> Result<(Container, Verified), EvidenceError> {
    let files = manifest.files.entries();
    let report = verify(&Evidence { receipt: zip, root, files, witness: None, newer_lists: &[] });
    let missing = |finding: &&Finding| finding.severity() == Severity::Incomplete;
    if report.verdict() == Verdict::NotVerified {
        let wrong = report.findings().find(|finding| finding.severity() == Severity::Failure);
        let finding = wrong.map(ToString::to_string).unwrap_or_default();
        return Err(EvidenceError::NotVerified { finding });
    }
    let container = Container::from_zip(zip)?;
    let verified = Verified {
        is_received: container.content(Member::ReceivedProof).is_some(),
        incomplete: report.findings().filter(missing).map(tamed).collect(),
    };
    Ok((container, verified))
}

impl Explained for EvidenceError {
    fn why(&self) -> Option<String> {
        Some(
            "Without evidence that holds, nothing shows later what was handed in, and when."
                .to_owned(),
        )
    }

    fn advice(&self) -> String {
        "Do not count on this hand-in: tell the people of the course at once, with this message, and send them \
         the files in another way too."
            .to_owned()
    }
}
