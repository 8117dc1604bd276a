//! Point 3: Blackboard's token.

use claim_pki::{Certificate, Root, TimestampToken, VerifiedToken};

use super::container::Opened;
use super::finding::{self, Finding};
use super::report::{Report, Tell};
use crate::receipt::Member;

/// A token over this claim.
pub(super) struct Stamped {
    pub(super) token: VerifiedToken,
    pub(super) certificate: Certificate,
}

pub(super) fn check(opened: &Opened, root: &Root) -> Result<Stamped, Finding> {
    let token = TimestampToken::from_der(opened.member(Member::Timestamp))?;
    let certificate = token.certificate().clone();
    // The path as such; whether it was valid at the right time is point 6.
    let authority =
        root.verify_timestamp(certificate.der(), certificate.not_before()).map_err(|error| {
            Finding::Path { certificate: finding::Certificate::Timestamp, error: Box::new(error) }
        })?;
    let token = token.verify(opened.digest(Member::Claim).as_bytes(), &authority)?;
    if opened.readme_time != token.gen_time() {
        let (readme, token) = (opened.readme_time, token.gen_time());
        return Err(Finding::ReadmeTime { readme, token });
    }
    Ok(Stamped { token, certificate })
}

impl Tell for Stamped {
    fn tell(&self, report: &mut Report) {
        report.lodged_at = Some(self.token.gen_time());
    }
}
