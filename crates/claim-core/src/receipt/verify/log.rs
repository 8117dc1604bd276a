//! Point 5: what stands in the log, and who saw the log.

use claim_log::{LogProof, TreeHead, WitnessKey};

use super::claim::Signed;
use super::container::Opened;
use super::finding::Finding;
use super::origins::Services;
use super::report::{Logged, Report, Tell, Witnessed};
use crate::Timestamp;
use crate::claim::LogEntry;
use crate::receipt::Member;

/// How far the claim stands in the log.
pub(super) struct InLog {
    facts: Logged,
    /// The cosignatures of both proofs.
    pub(super) cosignatures: Vec<Witnessed>,
}

impl InLog {
    /// The cosignature whose time counts, `W`.
    pub(super) fn witnessed(&self) -> Option<&Witnessed> {
        self.facts.witness.as_ref()
    }
}

/// One proof that holds.
struct Held {
    index: u64,
    head: TreeHead,
    /// The earliest first.
    cosigned: Vec<Witnessed>,
}

pub(super) fn check(
    opened: &Opened,
    claim: &Signed,
    services: &Services,
    demanded: Option<&WitnessKey>,
    found: &mut Vec<Finding>,
) -> Result<InLog, Finding> {
    let id = claim.claim.id();
    let lodged = LogEntry::Lodged {
        claim: id,
        timestamp: opened.digest(Member::Timestamp),
        revocation: opened.digest(Member::RevocationLists),
    };
    let hold = |member, proof: &Option<LogProof>, entry: LogEntry| {
        let held = proof.as_ref().map(|proof| hold(member, proof, entry, services, demanded));
        held.transpose()
    };
    let lodged = hold(Member::LodgedProof, &opened.lodged, lodged)?;
    let received = hold(Member::ReceivedProof, &opened.received, LogEntry::Received { claim: id })?;
    match (&lodged, &received) {
        (None, _) => found.push(Finding::NotLogged),
        (Some(_), None) => found.push(Finding::NotReceived),
        (Some(lodged), Some(received)) => one_history(lodged, received)?,
    }
    let held = [&lodged, &received].into_iter().flatten();
    let cosignatures: Vec<_> = held.flat_map(|held| held.cosigned.clone()).collect();
    no_idle_witness(services, &cosignatures)?;
    let witnesses = lodged.as_ref().map(|held| held.cosigned.clone()).unwrap_or_default();
    let counts = |one: &&Witnessed| demanded.is_none_or(|demanded| one.witness == *demanded);
    let facts = Logged {
        log: services.log.name().to_string(),
        lodged: lodged.map(|held| held.index),
        received: received.map(|held| held.index),
        witness: witnesses.iter().find(counts).cloned(),
        witnesses,
    };
    Ok(InLog { facts, cosignatures })
}

fn hold(
    member: Member,
    proof: &LogProof,
    entry: LogEntry,
    services: &Services,
    demanded: Option<&WitnessKey>,
) -> Result<Held, Finding> {
    let certified: Vec<&WitnessKey> = services.witnesses.iter().map(|(key, _)| key).collect();
    let mut keys: Vec<WitnessKey> = certified.iter().copied().cloned().collect();
    keys.extend(demanded.filter(|demanded| !certified.contains(demanded)).cloned());
    let logged = proof
        .verify(&entry.to_bytes(), &services.log, &keys)
        .map_err(|error| Finding::Proof { member, error: Box::new(error) })?;
    let mut cosigned: Vec<Witnessed> = logged
        .cosigned()
        .iter()
        .map(|one| Witnessed {
            witness: one.witness().clone(),
            certified: certified.contains(&one.witness()),
            at: Timestamp::from_seconds(i64::try_from(one.time().seconds()).unwrap_or(i64::MAX)),
        })
        .collect();
    cosigned.sort_by_key(|one| one.at);
    match demanded {
        Some(witness) if cosigned.iter().all(|one| one.witness != *witness) => {
            Err(Finding::NotByDemanded { member, witness: Box::new(witness.clone()) })
        }
        None if cosigned.is_empty() => Err(Finding::NotCosigned { member }),
        _ => {
            let (index, head) = (logged.index().value(), logged.checkpoint().head());
            Ok(Held { index, head, cosigned })
        }
    }
}

/// What can be seen of a log that has two histories: each proof alone would hold.
fn one_history(lodged: &Held, received: &Held) -> Result<(), Finding> {
    if received.index <= lodged.index {
        return Err(Finding::ReceivedBeforeLodged {
            lodged: lodged.index,
            received: received.index,
        });
    }
    let (one, other) = (lodged.head, received.head);
    if one.size == other.size && one.root != other.root {
        return Err(Finding::TwoHistories { size: one.size.value() });
    }
    Ok(())
}

/// A witness's certificate that no cosignature needs has no place in the receipt.
fn no_idle_witness(services: &Services, cosignatures: &[Witnessed]) -> Result<(), Finding> {
    let idle = |key: &&WitnessKey| cosignatures.iter().all(|one| one.witness != **key);
    match services.witnesses.iter().map(|(key, _)| key).find(idle) {
        Some(witness) => Err(Finding::IdleWitness { witness: Box::new(witness.clone()) }),
        None => Ok(()),
    }
}

impl Tell for InLog {
    fn tell(&self, report: &mut Report) {
        report.logged = Some(self.facts.clone());
    }
}
