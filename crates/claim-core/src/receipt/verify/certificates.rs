//! Point 6, the certificates: each valid when it was used, and not revoked.

use claim_pki::{RevocationList, Root, VerifiedIssuer, VerifiedRevocationList};

use super::claim::Signed;
use super::container::Opened;
use super::finding::{Certificate, Finding};
use super::log::InLog;
use super::origins::Services;
use super::token::Stamped;
use crate::Timestamp;

/// How old a revocation list may be when the claim is lodged, in seconds: lists are made daily.
const LIST_AGE: i64 = 25 * 60 * 60;

/// Everything that was established so far.
pub(super) struct Used<'a> {
    pub(super) opened: &'a Opened,
    pub(super) claim: &'a Signed,
    pub(super) token: &'a Stamped,
    pub(super) services: &'a Services,
    pub(super) logged: &'a InLog,
}

pub(super) fn check(
    used: &Used<'_>,
    root: &Root,
    newer: &[RevocationList],
    found: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let gen_time = used.token.token.gen_time();
    let issuers = signers(used.claim, root, gen_time)?;
    if let Some(outage) = &used.token.outage {
        // Nobody can have stamped a signature before its certificate was there.
        signers(used.claim, root, outage.token.gen_time())?;
    }
    used_in_their_time(used, root)?;
    lists(used, &issuers, gen_time, found)?;
    newer_lists(used, root, &issuers, newer)
}

/// Signers and their issuers, at genTime.
fn signers(
    claim: &Signed,
    root: &Root,
    gen_time: Timestamp,
) -> Result<Vec<VerifiedIssuer>, Finding> {
    for signer in claim.claim.signers() {
        let chain = [signer.certificate().der(), signer.issuer().der()];
        root.verify_person(&chain, gen_time).map_err(|error| {
            let person = signer.person().id().clone();
            Finding::SignerNotValid { person, error: Box::new(error) }
        })?;
    }
    let verified = |issuer: &claim_pki::Certificate| {
        root.verify_issuer(issuer.der(), gen_time).map_err(|error| Finding::Path {
            certificate: Certificate::Issuing,
            error: Box::new(error),
        })
    };
    claim.issuers.iter().map(verified).collect()
}

/// A certificate that the root issued, and when it was used.
struct Use<'a> {
    role: Certificate,
    certificate: &'a claim_pki::Certificate,
    at: Timestamp,
}

/// Timestamp authority and log at W, or at genTime when no witness says when; witnesses when they cosigned.
fn uses<'a>(used: &Used<'a>) -> Vec<Use<'a>> {
    let gen_time = used.token.token.gen_time();
    let at = used.logged.witnessed().map_or(gen_time, |witness| witness.at);
    let mut uses = vec![
        Use { role: Certificate::Timestamp, certificate: &used.token.certificate, at },
        Use { role: Certificate::Log, certificate: &used.services.log_certificate, at },
    ];
    if let Some(outage) = &used.token.outage {
        uses.push(Use { role: Certificate::Outage, certificate: &outage.certificate, at });
    }
    for certificate in &used.claim.issuers {
        uses.push(Use { role: Certificate::Issuing, certificate, at: gen_time });
    }
    for cosignature in &used.logged.cosignatures {
        let mut witnesses = used.services.witnesses.iter();
        let witness = witnesses.find(|(key, _)| *key == cosignature.witness);
        let (role, at) = (Certificate::Witness, cosignature.at);
        uses.extend(witness.map(|(_, certificate)| Use { role, certificate, at }));
    }
    uses
}

/// All but the signers and their issuers, which were verified at genTime.
fn used_in_their_time(used: &Used<'_>, root: &Root) -> Result<(), Finding> {
    let token = &used.token.token;
    if !token.within_key_usage() {
        let (gen_time, period) = (token.gen_time(), token.authority().key_usage_period());
        return Err(Finding::KeyUsage { gen_time, period });
    }
    for Use { role, certificate, at } in uses(used) {
        let verified = match role {
            Certificate::Timestamp => root.verify_timestamp(certificate.der(), at).map(drop),
            Certificate::Log => root.verify_log(certificate.der(), at).map(drop),
            Certificate::Witness => root.verify_witness(certificate.der(), at).map(drop),
            // At its own time, with its token.
            Certificate::Outage => Ok(()),
            Certificate::Issuing | Certificate::Signer => Ok(()),
        };
        verified.map_err(|error| Finding::Path { certificate: role, error: Box::new(error) })?;
    }
    Ok(())
}

/// `revocation.crl`: by the signers' issuers, recent, and without the signers.
fn lists(
    used: &Used<'_>,
    issuers: &[VerifiedIssuer],
    gen_time: Timestamp,
    found: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let lists = used.opened.lists.lists();
    if lists.len() != issuers.len() {
        return Err(Finding::ListCount { expected: issuers.len(), found: lists.len() });
    }
    for (issuer, list) in issuers.iter().zip(lists) {
        let list =
            issuer.verify_revocation_list(list).map_err(|error| Finding::List(Box::new(error)))?;
        let this_update = list.this_update();
        let age = gen_time.millis_since(this_update);
        if age > LIST_AGE * 1000 {
            found.push(Finding::ListOld { this_update, gen_time });
        }
        if age < 0 {
            found.push(Finding::ListLater { this_update, gen_time });
        }
        no_signer_revoked(used.claim, &list, gen_time)?;
    }
    Ok(())
}

fn no_signer_revoked(
    claim: &Signed,
    list: &VerifiedRevocationList,
    gen_time: Timestamp,
) -> Result<(), Finding> {
    for signer in claim.claim.signers() {
        let person = signer.person();
        if person.issuer_key_id() != list.issuer_key_id() {
            continue;
        }
        if let Some(revocation) = list.revoked(person.serial()).filter(|one| one.at <= gen_time) {
            let (person, revoked_at) = (person.id().clone(), revocation.at);
            return Err(Finding::SignerRevoked { person, revoked_at, gen_time });
        }
    }
    Ok(())
}

/// Newer lists say what became of the services' certificates. The signers' are judged by the list that the log has:
/// otherwise the issuing authority could undo a receipt by revoking a certificate for a time that is past.
fn newer_lists(
    used: &Used<'_>,
    root: &Root,
    issuers: &[VerifiedIssuer],
    newer: &[RevocationList],
) -> Result<(), Finding> {
    for list in newer {
        let Ok(list) = root.verify_revocation_list(list) else {
            if issuers.iter().any(|issuer| issuer.verify_revocation_list(list).is_ok()) {
                continue;
            }
            return Err(Finding::ForeignList);
        };
        for Use { role, certificate, at } in uses(used) {
            if let Some(one) = list.revoked(certificate.serial()).filter(|one| one.at < at) {
                let (revoked_at, used_at) = (one.at, at);
                return Err(Finding::Revoked { certificate: role, revoked_at, used_at });
            }
        }
    }
    Ok(())
}
