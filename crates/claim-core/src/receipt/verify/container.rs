//! Point 1: the archive, and the members that are no signed messages, in the one form of each.

use claim_log::LogProof;

use super::finding::Finding;
use super::report::{Report, Tell};
use crate::receipt::{Container, Member, RevocationLists, certificates, readme};
use crate::{Digest, Timestamp};

/// A well-formed container.
pub(super) struct Opened {
    container: Container,
    /// The times for which `README.txt` is the text: of the token, and of CUHK's.
    pub(super) readme_times: (Timestamp, Option<Timestamp>),
    pub(super) lodged: Option<LogProof>,
    pub(super) received: Option<LogProof>,
    pub(super) lists: RevocationLists,
    pub(super) certificates: Vec<claim_pki::Certificate>,
}

impl Opened {
    /// A member's bytes; nothing when it is not there.
    pub(super) fn member(&self, member: Member) -> &[u8] {
        self.container.content(member).unwrap_or_default()
    }

    /// CUHK's token, if it is there.
    pub(super) fn outage(&self) -> Option<&[u8]> {
        self.container.content(Member::Outage)
    }

    /// A member's digest.
    pub(super) fn digest(&self, member: Member) -> Digest {
        Digest::of(self.member(member))
    }
}

pub(super) fn check(receipt: &[u8]) -> Result<Opened, Finding> {
    let container = Container::from_zip(receipt)?;
    let member = |member| container.content(member).unwrap_or_default();
    let readme_times = readme::read(member(Member::Readme)).ok_or(Finding::Readme)?;
    let lodged = proof(&container, Member::LodgedProof)?;
    let received = proof(&container, Member::ReceivedProof)?;
    if received.is_some() && lodged.is_none() {
        return Err(Finding::ReceivedWithoutLodged);
    }
    let lists = RevocationLists::from_slice(member(Member::RevocationLists))?;
    let certificates = certificates::read(member(Member::Certificates))?;
    Ok(Opened { readme_times, lodged, received, lists, certificates, container })
}

fn proof(container: &Container, member: Member) -> Result<Option<LogProof>, Finding> {
    let Some(octets) = container.content(member) else { return Ok(None) };
    let proof = LogProof::from_bytes(octets)
        .map_err(|error| Finding::ProofForm { member, error: Box::new(error) })?;
    // Nobody signs the extra data.
    match proof.extra() {
        Some(_) => Err(Finding::ProofExtra { member }),
        None => Ok(Some(proof)),
    }
}

impl Tell for Opened {
    fn tell(&self, _: &mut Report) {}
}
