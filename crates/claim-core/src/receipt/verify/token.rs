//! Point 3: Blackboard's token, and after an outage CUHK's.

use claim_pki::{Certificate, Root, TimestampToken, VerifiedToken};

use super::claim::Signed;
use super::container::Opened;
use super::finding::{self, Finding};
use super::report::{Report, Tell};
use crate::outage;
use crate::receipt::Member;

/// A token over this claim.
pub(super) struct Stamped {
    pub(super) token: VerifiedToken,
    pub(super) certificate: Certificate,
    pub(super) outage: Option<Outage>,
}

/// CUHK's token over this claim, which was signed while Blackboard could not be reached.
pub(super) struct Outage {
    pub(super) token: VerifiedToken,
    pub(super) certificate: Certificate,
}

pub(super) fn check(opened: &Opened, claim: &Signed, root: &Root) -> Result<Stamped, Finding> {
    let token = TimestampToken::from_der(opened.member(Member::Timestamp))?;
    let certificate = token.certificate().clone();
    // The path as such; whether it was valid at the right time is point 6.
    let authority =
        root.verify_timestamp(certificate.der(), certificate.not_before()).map_err(|error| {
            Finding::Path { certificate: finding::Certificate::Timestamp, error: Box::new(error) }
        })?;
    let token = token.verify(opened.digest(Member::Claim).as_bytes(), &authority)?;
    let outage = outage_token(opened, claim, root)?;
    let stamped = outage.as_ref().map(|outage| outage.token.gen_time());
    let (readme, outage_readme) = opened.readme_times;
    for (readme, token) in [(Some(readme), Some(token.gen_time())), (outage_readme, stamped)] {
        if readme != token {
            return Err(Finding::ReadmeTime { readme, token });
        }
    }
    Ok(Stamped { token, certificate, outage })
}

/// CUHK's token is there exactly when the claim says so: else a claim in time could be made of one that was late, or the
/// other way round.
fn outage_token(opened: &Opened, claim: &Signed, root: &Root) -> Result<Option<Outage>, Finding> {
    match (claim.claim.manifest().outage, opened.outage()) {
        (false, None) => Ok(None),
        (true, None) => Err(Finding::OutageMissing),
        (false, Some(_)) => Err(Finding::OutageUnclaimed),
        (true, Some(der)) => {
            let token = outage::stamped(opened.member(Member::Claim), der, root)?;
            let certificate = TimestampToken::from_der(der)?.certificate().clone();
            Ok(Some(Outage { token, certificate }))
        }
    }
}

impl Tell for Stamped {
    fn tell(&self, report: &mut Report) {
        report.lodged_at = Some(self.token.gen_time());
        report.stamped_at = self.outage.as_ref().map(|outage| outage.token.gen_time());
    }
}
