//! What Blackboard answers to those who hand in, as the student's program reads it; the answer with evidence certificates.

use std::sync::LazyLock;

use claim_core::claim::{FileHasher, Files};
use claim_core::hand_in::{Assignments, ClaimStatus, RecordMembers};
use claim_core::json;
use claim_pki::{
    Ed25519SigningKey, EvidenceAnswer, Subject, SubjectKey, Validity, VerifyEvidenceError,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::world::{self, WORLD};
use crate::{Outcome, outcome};

const DIGEST: &str = "abababababababababababababababababababababababababababababababab";

/// A claim of two files, one of two pieces and one of none.
static FILES: LazyLock<Files> = LazyLock::new(|| {
    let file = |name: &str, size: usize| {
        let mut hasher = FileHasher::new();
        hasher.update(&vec![0; size]);
        hasher.finish(name.to_owned().try_into().unwrap()).unwrap()
    };
    Files::new(vec![file("report.pdf", 5_000_000), file("empty", 0)]).unwrap()
});

/// An answer that is read is written and read as the same; what is missing of a claim is never more than it has.
pub(crate) fn answer(data: &[u8]) -> Outcome {
    let (assignments, status) = (same::<Assignments>(data), same::<ClaimStatus>(data));
    let refusal = json::from_slice::<RecordMembers>(data);
    if let Some(status) = &status {
        for run in status.missing.iter().take(64) {
            let pieces: Vec<_> = run.pieces(&FILES).take(3).collect();
            assert!(pieces.len() <= 2, "a server makes the student's program count");
            assert!(pieces.iter().all(|piece| piece.file_in(&FILES).is_some()));
        }
    }
    if let Some(assignments) = &assignments {
        for one in &assignments.assignments {
            assert_eq!(one.reference().to_string().matches('/').count(), 1);
        }
    }
    match assignments.is_some() || status.is_some() || refusal.is_ok() {
        true => Outcome::Accepted,
        false => Outcome::Refused,
    }
}

fn same<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(data: &[u8]) -> Option<T> {
    let read: T = json::from_slice(data).ok()?;
    let written = serde_json::to_vec(&read).unwrap();
    assert_eq!(json::from_slice::<T>(&written).unwrap(), read);
    Some(read)
}

pub(crate) fn answers() -> Vec<Vec<u8>> {
    let time = "2026-11-24T15:59:59.999Z";
    let summary = format!(
        r#"{{"claim":"{DIGEST}","lodged_at":"{time}","late_ms":0,"state":"received","counts":true}}"#
    );
    let assignments = format!(
        r#"{{"server_time":"{time}","assignments":[{{"course":"IEMS5710","assignment":"lab1","title":"Lab 1","due":"{time}","until":null,"zone":"Asia/Hong_Kong","upload_seconds":3600,"limits":{{"files":10,"bytes":1000000,"attempts":5}},"sids":["1155123456"],"last_claim":"{DIGEST}","claims":[{summary}]}}]}}"#
    );
    let status = format!(
        r#"{{"claim":"{DIGEST}","state":"waiting","lodged_at":"{time}","due":"{time}","late_ms":0,"timestamp":"AQID","upload_until":"{time}","received_at":null,"missing":[[0,0,1]],"counts":false,"server_time":"{time}","cms":"AQID"}}"#
    );
    let refusal = format!(r#"{{"sids":["1155123456"],"due":null,"last_claim":"{DIGEST}"}}"#);
    [assignments, status, refusal].map(String::into_bytes).to_vec()
}

/// An answer that is written reads the same, and counts for one Blackboard and its own two keys only.
pub(crate) fn evidence_answer(data: &[u8]) -> Outcome {
    let read = EvidenceAnswer::from_bytes(data);
    if let Ok(answer) = &read {
        assert_eq!(EvidenceAnswer::from_bytes(answer.to_text().as_bytes()).as_ref(), Ok(answer));
        let (timestamp, log) = (world::key(8), &*LOG);
        let keys = (timestamp.public_key(), log.public_key());
        let verify = |origin| answer.verify(&WORLD.trusted, origin, keys.0, keys.1, world::now());
        if let Ok(verified) = verify(&world::origin()) {
            assert_eq!(verified.timestamp.origin(), &world::origin());
            assert_eq!(verified.log.origin(), &world::origin());
            assert_ne!(verified.witness.public_key(), verified.log.public_key());
            let elsewhere = verify(&world::OTHER_ORIGIN.parse().unwrap());
            assert!(matches!(elsewhere, Err(VerifyEvidenceError::OtherOrigin { .. })));
        }
    }
    outcome(&read)
}

/// New in every run: an answer that was kept is read, but verifies only in the run that made it.
static LOG: LazyLock<Ed25519SigningKey> = LazyLock::new(|| Ed25519SigningKey::generate().unwrap());

pub(crate) fn evidence_answers() -> Vec<Vec<u8>> {
    let issue = |subject: Subject, key: SubjectKey<'_>, number| {
        let validity = Validity::starting(world::start(), 86_400);
        let serial = world::serial(number);
        let issuance = WORLD.root.prepare(&subject, key, &serial, validity).unwrap();
        WORLD.root.issue(issuance).unwrap()
    };
    let (timestamp, witness) = (world::key(8), Ed25519SigningKey::generate().unwrap());
    let origin = world::origin();
    let answer = EvidenceAnswer {
        timestamp: issue(
            Subject::Timestamp { origin: origin.clone() },
            timestamp.public_key().into(),
            8,
        ),
        log: issue(Subject::Log { origin }, LOG.public_key().into(), 9),
        witness: issue(
            Subject::Witness { name: "localhost:9335/witness".parse().unwrap() },
            witness.public_key().into(),
            10,
        ),
    };
    vec![answer.to_text().into_bytes()]
}
