//! Point 4: everything is about the same Blackboard, and each certificate has its place.

use claim_log::{LogKey, WitnessKey};
use claim_pki::{Certificate, Root};

use super::claim::Signed;
use super::container::Opened;
use super::finding::{self, Finding};
use super::report::{Report, Tell};
use super::token::Stamped;
use crate::receipt::{Member, log_name};

/// The log and the witnesses that the root certifies, for the Blackboard of the claim.
pub(super) struct Services {
    pub(super) log: LogKey,
    pub(super) log_certificate: Certificate,
    pub(super) witnesses: Vec<(WitnessKey, Certificate)>,
}

pub(super) fn check(
    opened: &Opened,
    claim: &Signed,
    token: &Stamped,
    root: &Root,
) -> Result<Services, Finding> {
    let [log_certificate, witnesses @ ..] = services(opened, claim, token)? else {
        return Err(Finding::CertificateOrder { expected: finding::Certificate::Log });
    };
    // The paths as such; whether they were valid at the right time is point 6.
    let log = root
        .verify_log(log_certificate.der(), log_certificate.not_before())
        .map_err(|error| path(finding::Certificate::Log, error))?;
    let expected = &claim.claim.manifest().blackboard;
    for (certificate, found) in [
        (finding::Certificate::Timestamp, token.token.authority().origin()),
        (finding::Certificate::Log, log.origin()),
    ] {
        if found != expected {
            let (expected, found) = (expected.clone(), found.clone());
            return Err(Finding::Origin { certificate, expected, found });
        }
    }
    let name = log_name(expected);
    for (member, proof) in
        [(Member::LodgedProof, &opened.lodged), (Member::ReceivedProof, &opened.received)]
    {
        let found = proof.as_ref().map(|proof| proof.checkpoint().unverified().origin());
        if let Some(found) = found.filter(|found| *found != name.as_str()) {
            let (expected, found) = (name.to_string(), found.to_owned());
            return Err(Finding::CheckpointOrigin { member, expected, found });
        }
    }
    let log = LogKey::new(name, *log.public_key().as_bytes());
    let witnesses = read_witnesses(witnesses, root)?;
    Ok(Services { log, log_certificate: log_certificate.clone(), witnesses })
}

/// What follows signers, issuing authorities and timestamp authority, who must be there as claim and token have them.
fn services<'a>(
    opened: &'a Opened,
    claim: &Signed,
    token: &Stamped,
) -> Result<&'a [Certificate], Finding> {
    let mut rest = opened.certificates.as_slice();
    let signers = claim.claim.signers().iter().map(|signer| signer.certificate());
    let known = signers
        .map(|one| (finding::Certificate::Signer, one))
        .chain(claim.issuers.iter().map(|one| (finding::Certificate::Issuing, one)))
        .chain([(finding::Certificate::Timestamp, &token.certificate)]);
    for (expected, certificate) in known {
        rest = rest
            .strip_prefix(std::slice::from_ref(certificate))
            .ok_or(Finding::CertificateOrder { expected })?;
    }
    Ok(rest)
}

fn read_witnesses(
    certificates: &[Certificate],
    root: &Root,
) -> Result<Vec<(WitnessKey, Certificate)>, Finding> {
    let expected = finding::Certificate::Witness;
    if !certificates.is_sorted_by(|earlier, later| earlier.digest() < later.digest()) {
        return Err(Finding::CertificateOrder { expected });
    }
    let mut witnesses: Vec<(WitnessKey, Certificate)> = Vec::new();
    for certificate in certificates {
        let witness = root
            .verify_witness(certificate.der(), certificate.not_before())
            .map_err(|error| path(expected, error))?;
        let name = witness.name().as_str().parse().map_err(|_| Finding::WitnessName)?;
        let key = WitnessKey::new(name, *witness.public_key().as_bytes());
        if witnesses.iter().any(|(known, _)| *known == key) {
            return Err(Finding::CertificateOrder { expected });
        }
        witnesses.push((key, certificate.clone()));
    }
    Ok(witnesses)
}

fn path(certificate: finding::Certificate, error: claim_pki::PathError) -> Finding {
    Finding::Path { certificate, error: Box::new(error) }
}

impl Tell for Services {
    fn tell(&self, _: &mut Report) {}
}
