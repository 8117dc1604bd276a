//! The keys of a Blackboard's evidence: certified by the root, on a request file.

use std::os::unix::fs::PermissionsExt;

use claim_core::{Digest, Origin};
use claim_cuhk::{AdminError, Clock, Event, Office};
use claim_files::{Mode, write_new};
use claim_pki::{Ed25519SigningKey, EvidenceAnswer, EvidenceRequest, SigningKey};

use crate::fixture::{TestCuhk, folder, key, real_folder};

pub(crate) const BLACKBOARD: &str = "https://localhost:3141";

/// The keys of a Blackboard's evidence.
pub(crate) struct Keys {
    pub(crate) timestamp: SigningKey,
    pub(crate) log: Ed25519SigningKey,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { timestamp: key(), log: Ed25519SigningKey::generate().unwrap() }
    }

    pub(crate) fn request(&self, origin: &str) -> EvidenceRequest {
        let origin: Origin = origin.parse().unwrap();
        EvidenceRequest::make(&origin, &self.timestamp, &self.log).unwrap()
    }

    pub(crate) fn verify(&self, cuhk: &TestCuhk, origin: &str, answer: &EvidenceAnswer) {
        let (timestamp, log) = (self.timestamp.public_key(), self.log.public_key());
        let origin = origin.parse().unwrap();
        let now = Clock::system().now();
        answer.verify(&cuhk.root, &origin, timestamp, log, now).unwrap();
    }
}

/// Writes a request as a Blackboard does, and waits for the answer in the same folder.
pub(crate) async fn ask(cuhk: &TestCuhk, request: &EvidenceRequest) -> EvidenceAnswer {
    let dir = &cuhk.dir;
    let path = dir.join("blackboard.request");
    claim_files::replace(&path, request.to_text().as_bytes(), Mode::Private).unwrap();
    let answers = |answer: &EvidenceAnswer| {
        answer.timestamp.spki_der() == request.timestamp().public_key().spki_der()
    };
    cuhk.until(|| {
        let bytes = std::fs::read(dir.join("blackboard.answer")).ok()?;
        EvidenceAnswer::from_bytes(&bytes).ok().filter(answers)
    })
    .await
}

#[tokio::test]
async fn a_local_blackboard_gets_its_certificates_from_the_folder() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let keys = Keys::new();
    let request = keys.request(BLACKBOARD);
    let answer = ask(&cuhk, &request).await;
    keys.verify(&cuhk, BLACKBOARD, &answer);
    let witness = std::fs::read_to_string(folder.path().join("cuhk-witness.cer")).unwrap();
    assert_eq!(answer.witness.to_pem(), witness);
    let told = cuhk.events().into_iter().find_map(|event| match event {
        Event::EvidenceCertified(certified) => Some(certified),
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!((told.origin.as_str(), &told.timestamp), (BLACKBOARD, answer.timestamp.serial()));

    // Another start, and a lost answer: the same certificates, nothing new on record.
    let before = cuhk.everything_issued().await;
    std::fs::remove_file(folder.path().join("blackboard.answer")).unwrap();
    assert_eq!(ask(&cuhk, &request).await, answer);
    cuhk.stop().await;
    std::fs::remove_file(folder.path().join("blackboard.answer")).unwrap();
    let cuhk = TestCuhk::start(folder.path()).await;
    assert_eq!(ask(&cuhk, &request).await, answer);
    let evidence = |profile: &str| ["timestamp", "log", "witness"].contains(&profile);
    let of_evidence = |mut entries: Vec<claim_cuhk::CertificateEntry>| {
        // CUHK's own timestamp key is for its origin, which has another port after each start.
        let of_blackboard = |entry: &claim_cuhk::CertificateEntry| {
            entry.profile != "timestamp" || entry.holder == BLACKBOARD
        };
        entries.retain(|entry| evidence(&entry.profile) && of_blackboard(entry));
        entries
    };
    assert_eq!(of_evidence(before), of_evidence(cuhk.everything_issued().await));

    // New keys are another request.
    let others = Keys::new();
    let other = ask(&cuhk, &others.request(BLACKBOARD)).await;
    others.verify(&cuhk, BLACKBOARD, &other);
    assert_eq!(other.witness, answer.witness);
    cuhk.stop().await;
}

#[tokio::test]
async fn request_files_of_others_are_left_alone() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let path = folder.path().join("blackboard.request");
    let refused = async |said: &str| {
        cuhk.until(|| {
            cuhk.events().into_iter().find(
                |event| matches!(event, Event::EvidenceRefused { reason } if reason.contains(said)),
            )
        })
        .await;
        assert!(!folder.path().join("blackboard.answer").exists());
        std::fs::remove_file(&path).unwrap();
    };

    let keys = Keys::new();
    write_new(&path, keys.request(BLACKBOARD).to_text().as_bytes(), Mode::Public).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0o044);
    refused("chmod").await;
    let foreign = keys.request("https://blackboard.example");
    write_new(&path, foreign.to_text().as_bytes(), Mode::Private).unwrap();
    refused("this machine only").await;
    write_new(&path, b"claim request v2\n", Mode::Private).unwrap();
    refused("claim request v1").await;
    write_new(&path, &[b'x'; 70_000], Mode::Private).unwrap();
    refused("70000").await;
    cuhk.stop().await;
}

#[tokio::test]
async fn a_real_cuhk_certifies_only_when_it_is_told_to() {
    let folder = real_folder().await;
    let keys = Keys::new();
    let request = keys.request(BLACKBOARD);
    let path = folder.path().join("blackboard.request");
    write_new(&path, request.to_text().as_bytes(), Mode::Private).unwrap();
    let cuhk = TestCuhk::start(folder.path()).await;
    let office = cuhk.office().await;
    let answer = office.certify(&request).await.unwrap();
    keys.verify(&cuhk, BLACKBOARD, &answer);
    assert_eq!(office.certify(&request).await.unwrap(), answer);
    // Directly under the root: the issuing certificate is no part of it.
    for certificate in [&answer.timestamp, &answer.log, &answer.witness] {
        assert_eq!(certificate.issuer_key_id(), cuhk.root.certificate().subject_key_id());
        let serial = certificate.serial().to_string();
        let entries = cuhk.everything_issued().await;
        let entry = entries.iter().find(|entry| entry.serial == serial).unwrap();
        assert_eq!(entry.fingerprint, Some(Digest::of(certificate.der())));
    }
    // It does not look into the folder.
    let client = cuhk.client();
    let served = cuhk.send(client.get(cuhk.origin.join("/witness/certificate"))).await;
    assert_eq!(served.body, answer.witness.to_pem());
    assert!(!folder.path().join("blackboard.answer").exists());
    cuhk.stop().await;
}

#[tokio::test]
async fn without_the_roots_key_nothing_is_certified() {
    let folder = real_folder().await;
    let office = Office::open(folder.path(), None, Clock::system()).await.unwrap();
    std::fs::remove_file(folder.path().join("cuhk.key")).unwrap();
    let error = office.certify(&Keys::new().request(BLACKBOARD)).await.unwrap_err();
    assert!(matches!(error, AdminError::Ceremony(_)), "{error}");
    assert!(error.to_string().contains("cuhk.key"), "{error}");
    assert!(office.list().await.unwrap().is_empty());
}
