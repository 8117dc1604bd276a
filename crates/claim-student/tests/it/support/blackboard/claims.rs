//! What this Blackboard has of claims: PROTOCOL.md §9 in memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use claim_core::claim::Holder;
use claim_core::claim::{ClaimId, Manifest, VerifiedClaim, VerifiedWithdrawal};
use claim_core::hand_in::{
    Assignment, Assignments, ClaimState, ClaimStatus, ClaimSummary, Limits, MissingPieces,
    PieceRef, late_ms,
};
use claim_core::late::LatePolicy;
use claim_core::{Digest, Origin, Timestamp};
use claim_pki::{Root, TimestampSigner, TimestampToken};
use serde_json::{Value, json};

use super::super::fake::{Asked, Reply};
use super::super::person::sid;
use super::super::pki::{Authority, now, serial};
use super::evidence::{Evidence, Until};
use super::json as json_reply;

/// A claim that was lodged.
pub(crate) struct Claim {
    pub(crate) cms: Vec<u8>,
    pub(crate) manifest: Manifest,
    pub(crate) state: ClaimState,
    pub(crate) pieces: HashMap<PieceRef, Vec<u8>>,
    token: TimestampToken,
}

/// All claims for one assignment of one student.
pub(crate) struct Claims {
    root: Root,
    evidence: Evidence,
    pub(crate) signer: Mutex<TimestampSigner>,
    pub(crate) assignment: Mutex<Assignment>,
    pub(crate) claims: Mutex<Vec<(ClaimId, Claim)>>,
    /// How often a receipt still lacks its last proof.
    pub(crate) proofs_late: AtomicUsize,
}

/// A refusal by a slug that need not be one of the table.
pub(crate) fn refusal(origin: &Origin, status: u16, slug: &str, members: Value) -> Reply {
    let mut document = json!({ "type": format!("{origin}/problems/{slug}"), "title": slug,
        "status": status, "detail": "" });
    if let (Value::Object(document), Value::Object(members)) = (&mut document, members) {
        document.extend(members);
    }
    Reply::new(status, "application/problem+json", document.to_string())
}

impl Claims {
    pub(crate) fn new(authority: &Authority, origin: &Origin) -> Self {
        let assignment = Assignment {
            course: "IEMS5710".parse().unwrap(),
            assignment: "lab1".parse().unwrap(),
            title: "Lab 1".to_owned(),
            due: Some(now().plus_seconds(3_600)),
            extended_from: None,
            until: None,
            late: LatePolicy::Accept,
            zone: "Asia/Hong_Kong".to_owned(),
            upload_seconds: 86_400,
            limits: Limits { files: 100, bytes: 1 << 30, attempts: 100 },
            sids: Holder::one(sid()),
            group: None,
            last_claim: None,
            claims: vec![],
        };
        Self {
            root: Root::from_der(authority.root.der()).unwrap(),
            evidence: Evidence::new(authority, origin),
            signer: Mutex::new(authority.timestamp_signer(origin)),
            assignment: Mutex::new(assignment),
            claims: Mutex::default(),
            proofs_late: AtomicUsize::new(0),
        }
    }

    /// The answer to an authentic request; `None` when the address is another's.
    pub(crate) fn answer(&self, asked: &Asked, origin: &Origin) -> Option<Reply> {
        let path: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
        let not_found = || refusal(origin, 404, "not-found", json!({}));
        let at = |id: &str| id.parse::<ClaimId>().unwrap();
        Some(match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["v1", "assignments"]) => json_reply(200, &self.assignments()),
            ("POST", ["v1", "claims"]) => self.lodge(&asked.body, origin),
            (method, ["v1", "claims", id, rest @ ..]) => {
                let mut claims = self.claims.lock().unwrap();
                let Some((id, claim)) = claims.iter_mut().find(|(known, _)| *known == at(id))
                else {
                    return Some(not_found());
                };
                match (method, rest) {
                    ("GET", []) => json_reply(200, &claim.status(*id, self.now())),
                    ("GET", ["receipt"]) => Reply::new(200, "application/zip", self.receipt(claim)),
                    (method, ["files", file, index]) => {
                        let piece = PieceRef::from_segments(file, index).unwrap();
                        claim.piece(method, piece, asked, origin)
                    }
                    ("POST", ["withdrawal"]) => self.withdraw(*id, claim, asked, origin),
                    _ => not_found(),
                }
            }
            _ => return None,
        })
    }

    fn now(&self) -> Timestamp {
        now()
    }

    fn assignments(&self) -> Assignments {
        let mut assignment = self.assignment.lock().unwrap().clone();
        let claims = self.claims.lock().unwrap();
        let summaries = claims.iter().rev().map(|(id, claim)| {
            let status = claim.status(*id, self.now());
            let ClaimStatus { claim, lodged_at, late_ms, due, signers, state, counts, .. } = status;
            let (signed_late_ms, chosen, by) = (None, None, None);
            ClaimSummary {
                claim,
                lodged_at,
                late_ms,
                due,
                signed_late_ms,
                signers,
                state,
                counts,
                chosen,
                by,
            }
        });
        assignment.claims = summaries.collect();
        let assignments = vec![assignment];
        Assignments { server_time: self.now(), assignments, without_group: Vec::new() }
    }

    fn lodge(&self, cms: &[u8], origin: &Origin) -> Reply {
        let claim =
            VerifiedClaim::open(cms, |chain| self.root.verify_person(chain, self.now())).unwrap();
        let id = claim.id();
        let mut claims = self.claims.lock().unwrap();
        if let Some((_, stored)) = claims.iter().find(|(known, _)| *known == id) {
            let status =
                ClaimStatus { cms: Some(stored.cms.clone()), ..stored.status(id, self.now()) };
            return json_reply(200, &status);
        }
        let mut record = self.assignment.lock().unwrap();
        let manifest = claim.manifest().clone();
        if manifest.sids != record.sids {
            return refusal(origin, 409, "holder-changed", json!({ "sids": record.sids.sids() }));
        }
        if manifest.due != record.due {
            return refusal(origin, 409, "due-changed", json!({ "due": record.due }));
        }
        if manifest.replaces != record.last_claim {
            let members = json!({ "last_claim": record.last_claim });
            return refusal(origin, 409, "replaces-changed", members);
        }
        record.last_claim = Some(id);
        for (_, other) in claims.iter_mut().filter(|(_, other)| other.state == ClaimState::Waiting)
        {
            other.state = ClaimState::Superseded;
        }
        let signer = self.signer.lock().unwrap();
        let token = signer.sign(Digest::of(cms).as_bytes(), self.now(), &serial()).unwrap();
        let mut claim = Claim {
            cms: cms.to_vec(),
            manifest,
            state: ClaimState::Waiting,
            pieces: HashMap::new(),
            token,
        };
        claim.settle();
        let status = claim.status(id, self.now());
        claims.push((id, claim));
        json_reply(201, &status)
    }

    fn receipt(&self, claim: &Claim) -> Vec<u8> {
        let late = |late: usize| late.checked_sub(1);
        let until = match claim.state {
            ClaimState::Received => {
                let order = Ordering::SeqCst;
                match self.proofs_late.fetch_update(order, order, late) {
                    Ok(_) => Until::Logged,
                    Err(_) => Until::Received,
                }
            }
            _ => Until::Lodged,
        };
        self.evidence.receipt(&claim.cms, &claim.token, until)
    }

    fn withdraw(&self, id: ClaimId, claim: &mut Claim, asked: &Asked, origin: &Origin) -> Reply {
        let path = |chain: &[&[u8]; 2]| self.root.verify_person(chain, self.now());
        VerifiedWithdrawal::open(&asked.body, id, path).unwrap();
        if claim.manifest.due.is_some_and(|due| self.now() > due) {
            return refusal(origin, 409, "withdrawal-too-late", json!({}));
        }
        claim.state = ClaimState::Withdrawn;
        json_reply(200, &claim.status(id, self.now()))
    }
}

impl Claim {
    fn missing(&self) -> Vec<PieceRef> {
        let files = self.manifest.files.entries().iter().enumerate();
        let pieces = files.flat_map(|(file, entry)| {
            let file = file as u64;
            (0..entry.piece_count()).map(move |index| PieceRef { file, index })
        });
        pieces.filter(|piece| !self.pieces.contains_key(piece)).collect()
    }

    fn settle(&mut self) {
        if self.missing().is_empty() {
            self.state = ClaimState::Received;
        }
    }

    pub(crate) fn status(&self, id: ClaimId, server_time: Timestamp) -> ClaimStatus {
        let (lodged_at, due) = (self.token.unverified_gen_time(), self.manifest.due);
        let received = self.state == ClaimState::Received;
        ClaimStatus {
            claim: id,
            state: self.state,
            lodged_at,
            due,
            late_ms: late_ms(lodged_at, due),
            judged_late_ms: None,
            signers: Vec::new(),
            timestamp: self.token.der().to_vec(),
            upload_until: lodged_at.plus_seconds(86_400),
            received_at: received.then_some(lodged_at),
            missing: MissingPieces::runs(self.missing()),
            counts: received,
            server_time,
            cms: None,
            outage: None,
        }
    }

    fn piece(&mut self, method: &str, piece: PieceRef, asked: &Asked, origin: &Origin) -> Reply {
        if method == "GET" {
            return Reply::new(200, "application/octet-stream", self.pieces[&piece].clone());
        }
        let entry = piece.file_in(&self.manifest.files).unwrap();
        if entry.piece_digest(piece.index) != Some(Digest::of(&asked.body)) {
            return refusal(origin, 422, "piece-mismatch", json!({}));
        }
        if !matches!(self.state, ClaimState::Waiting | ClaimState::Received) {
            return refusal(origin, 409, "claim-ended", json!({}));
        }
        self.pieces.insert(piece, asked.body.to_vec());
        self.settle();
        Reply::empty(204)
    }

    /// The names of the files of which something is there.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let name =
            |piece: &PieceRef| piece.file_in(&self.manifest.files).unwrap().name().to_string();
        self.pieces.keys().map(name).collect()
    }
}
