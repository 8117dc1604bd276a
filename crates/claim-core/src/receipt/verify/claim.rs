//! Point 2: the claim.

use claim_pki::Certificate;

use super::container::Opened;
use super::finding::Finding;
use super::report::{Claimed, Report, SignedBy, Tell};
use crate::claim::VerifiedClaim;
use crate::receipt::Member;
use crate::receipt::certificates::issuers;
use claim_pki::{PathError, Root};

/// A claim by those who may sign it.
pub(super) struct Signed {
    pub(super) claim: VerifiedClaim,
    /// The certificates of those who issued the signers', in the order in which a receipt has them.
    pub(super) issuers: Vec<Certificate>,
}

pub(super) fn check(
    opened: &Opened,
    root: &Root,
    found: &mut Vec<Finding>,
) -> Result<Signed, Finding> {
    let cms = opened.member(Member::Claim);
    let claim = VerifiedClaim::open(cms, |chain| {
        // The path as such, at a time at which the leaf is valid; whether it was at the right time is point 6.
        let leaf = Certificate::from_der(chain[0]).map_err(|_| PathError::Malformed)?;
        root.verify_person(chain, leaf.not_before())
    });
    let claim = claim.map_err(Finding::from)?;
    if let Some(staff) = &claim.manifest().by {
        found.push(Finding::ByStaff { staff: staff.clone() });
    }
    let issuers = issuers(claim.message());
    Ok(Signed { claim, issuers })
}

impl Tell for Signed {
    fn tell(&self, report: &mut Report) {
        let signers = self.claim.signers().iter().map(|signer| SignedBy {
            person: signer.person().id().clone(),
            name: signer.person().name().to_owned(),
            signing_time: signer.signing_time(),
        });
        report.claim = Some(Claimed {
            id: self.claim.id(),
            manifest: self.claim.manifest().clone(),
            signers: signers.collect(),
        });
    }
}
