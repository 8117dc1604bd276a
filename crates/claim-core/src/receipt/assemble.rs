//! Putting a receipt together.

use claim_log::{LogProof, WitnessKey};
use claim_pki::{Certificate, Ed25519PublicKey, KeyError, SignedData, TimestampToken};

use super::certificates::{RevocationLists, issuers, write};
use super::container::{Container, Member};
use super::readme::readme;

/// What a receipt is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The signed claim.
    pub claim: &'a SignedData,
    /// Blackboard's token over it.
    pub token: &'a TimestampToken,
    /// CUHK's token over it, where it was signed in an outage.
    pub outage: Option<&'a TimestampToken>,
    /// The lists by which the signers were judged; the very ones whose digest is in the log's entry.
    pub revocation: &'a RevocationLists,
    /// The log's certificate.
    pub log: &'a Certificate,
    /// Certificates of witnesses. Those that cosigned none of the proofs are left out.
    pub witnesses: &'a [Certificate],
    /// The log has the claim.
    pub lodged: Option<&'a LogProof>,
    /// The log has that all files were received.
    pub received: Option<&'a LogProof>,
}

/// Why a receipt cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// A certificate that is said to be a witness's has no Ed25519 key, or no name that a witness can have.
    #[error("the certificate of a witness cannot be used: {0}")]
    WitnessKey(#[from] KeyError),
    /// The certificate has no common name that can be the name of a key.
    #[error("the certificate of a witness has no name that a witness can have")]
    WitnessName,
}

/// The receipt, or as much of it as there is: a lodging proof without `received`.
///
/// Nothing is verified: [`verify`](super::verify()) it before it leaves the house.
///
/// # Errors
/// [`AssembleError`].
pub fn assemble(parts: &Parts<'_>) -> Result<Container, AssembleError> {
    let Parts { claim, token, revocation, log, .. } = *parts;
    let issuers = issuers(claim);
    let witnesses = witnesses(parts)?;
    let certificates = claim
        .unverified_signers()
        .chain(&issuers)
        .chain([token.certificate(), log])
        .chain(witnesses.iter().copied());
    let proof = |member, proof: Option<&LogProof>| proof.map(|proof| (member, proof.to_bytes()));
    let stamped = parts.outage.map(TimestampToken::unverified_gen_time);
    let outage = parts.outage.map(|token| (Member::Outage, token.der().to_vec()));
    let required = [
        (Member::Readme, readme(token.unverified_gen_time(), stamped).into_bytes()),
        (Member::Claim, claim.der().to_vec()),
        (Member::Timestamp, token.der().to_vec()),
        (Member::RevocationLists, revocation.to_bytes()),
        (Member::Certificates, write(certificates)),
    ];
    let lodged = proof(Member::LodgedProof, parts.lodged);
    let received = proof(Member::ReceivedProof, parts.received);
    let optional = [outage, lodged, received].into_iter().flatten();
    Ok(Container::new(required.into_iter().chain(optional)))
}

/// Those who cosigned one of the proofs, in the order of their certificates' digests, each key once.
fn witnesses<'a>(parts: &Parts<'a>) -> Result<Vec<&'a Certificate>, AssembleError> {
    let mut chosen: Vec<(WitnessKey, &Certificate)> = Vec::new();
    for certificate in parts.witnesses {
        let key = witness_key(certificate)?;
        let cosigned = |proof: &LogProof| {
            let verifier = key.as_verifier();
            let mut signatures = proof.checkpoint().signatures().iter();
            signatures.any(|one| one.name() == verifier.name() && one.id() == verifier.id())
        };
        let needed = [parts.lodged, parts.received].into_iter().flatten().any(cosigned);
        if needed && chosen.iter().all(|(known, _)| *known != key) {
            chosen.push((key, certificate));
        }
    }
    chosen.sort_by_key(|(_, certificate)| *certificate.digest());
    Ok(chosen.into_iter().map(|(_, certificate)| certificate).collect())
}

fn witness_key(certificate: &Certificate) -> Result<WitnessKey, AssembleError> {
    let public = Ed25519PublicKey::from_spki_der(certificate.spki_der())?;
    let name = certificate.common_name().and_then(|name| name.parse().ok());
    Ok(WitnessKey::new(name.ok_or(AssembleError::WitnessName)?, *public.as_bytes()))
}
