//! What this Blackboard's receipts are made with: a log of its own, and CUHK as its witness.

use std::collections::HashMap;
use std::sync::Mutex;

use claim_core::claim::{ClaimId, LogEntry};
use claim_core::receipt::{Parts, RevocationLists, assemble, log_name};
use claim_core::{Digest, Origin};
use claim_log::note::SigningKey as NoteKey;
use claim_log::witness::{AddCheckpoint, Decision, decide};
use claim_log::{
    ConsistencyProof, Edge, Entry, InclusionProof, LogProof, LogSigner, Resource, TileSet,
    WitnessSigner,
};
use claim_pki::{
    Certificate, Ed25519SigningKey, RevocationList, SignedData, Subject, TimestampToken,
};

use super::super::pki::{Authority, now};

/// Keys and certificates of log and witness, and the list by which signers are judged.
pub(crate) struct Evidence {
    log: LogSigner,
    log_certificate: Certificate,
    witness: WitnessSigner,
    witness_certificate: Certificate,
    list: RevocationList,
    /// A receipt is made once, as its proofs are.
    made: Mutex<HashMap<(Digest, Until), Vec<u8>>>,
}

/// How far a receipt is to go.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Until {
    Lodged,
    Logged,
    Received,
}

impl Evidence {
    pub(crate) fn new(authority: &Authority, origin: &Origin) -> Self {
        let (log_certificate, log) = authority.service(&Subject::Log { origin: origin.clone() });
        let name = "localhost:9335/witness";
        let (witness_certificate, witness) =
            authority.service(&Subject::Witness { name: name.parse().unwrap() });
        let end = now().plus_seconds(86_400);
        Self {
            log: LogSigner::new(log_name(origin), note_key(&log)),
            log_certificate,
            witness: WitnessSigner::new(name.parse().unwrap(), note_key(&witness)),
            witness_certificate,
            made: Mutex::default(),
            list: authority.issuing.revocation_list(1, now(), end, &[]).unwrap(),
        }
    }

    /// A receipt as an honest Blackboard makes it.
    pub(crate) fn receipt(&self, cms: &[u8], token: &TimestampToken, until: Until) -> Vec<u8> {
        let mut made = self.made.lock().unwrap();
        let make = || self.make(cms, token, until);
        made.entry((Digest::of(cms), until)).or_insert_with(make).clone()
    }

    fn make(&self, cms: &[u8], token: &TimestampToken, until: Until) -> Vec<u8> {
        let claim = SignedData::from_der(claim_pki::ContentType::Claim, cms).unwrap();
        let id = ClaimId::of_manifest(claim.unverified_content());
        let lists = RevocationLists::for_claim(&claim, std::slice::from_ref(&self.list)).unwrap();
        let lodged = LogEntry::Lodged {
            claim: id,
            timestamp: Digest::of(token.der()),
            revocation: Digest::of(&lists.to_bytes()),
        };
        let entries = [lodged.to_bytes(), LogEntry::Received { claim: id }.to_bytes()];
        let lodged = (until != Until::Lodged).then(|| self.prove(&entries[..1], 0));
        let received = (until == Until::Received).then(|| self.prove(&entries, 1));
        let parts = Parts {
            claim: &claim,
            token,
            outage: None,
            revocation: &lists,
            log: &self.log_certificate,
            witnesses: std::slice::from_ref(&self.witness_certificate),
            lodged: lodged.as_ref(),
            received: received.as_ref(),
        };
        assemble(&parts).unwrap().to_zip()
    }

    /// That the entry is in the log that has just these.
    fn prove(&self, entries: &[Vec<u8>], index: u64) -> LogProof {
        let entries: Vec<Entry> =
            entries.iter().map(|entry| Entry::new(entry.clone()).unwrap()).collect();
        let plan = Edge::empty().plan(&entries).unwrap();
        let mut tiles = TileSet::default();
        for object in plan.objects() {
            if let Resource::Tile(tile) = object.resource {
                tiles.insert(tile, &object.octets).unwrap();
            }
        }
        let index = index.try_into().unwrap();
        let inclusion = InclusionProof::from_tiles(index, plan.head().size, &tiles).unwrap();
        let checkpoint = self.log.sign(plan.head()).unwrap();
        let nothing = ConsistencyProof::new(Vec::new()).unwrap();
        let request = AddCheckpoint::new(0_u64.try_into().unwrap(), nothing, checkpoint.clone());
        let Decision::Accept(accepted) = decide(Some(&self.log.key()), None, &request) else {
            panic!("a witness takes the first checkpoint");
        };
        let time = u64::try_from(now().as_seconds()).unwrap().try_into().unwrap();
        let signature = accepted.cosign(&self.witness, time).unwrap();
        LogProof::new(index, inclusion, checkpoint.with_signature(signature).unwrap())
    }
}

fn note_key(secret: &Ed25519SigningKey) -> NoteKey {
    NoteKey::from_pkcs8_der(&secret.to_pkcs8_der()).unwrap()
}
