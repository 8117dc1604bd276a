//! What evidence is made of: manifests, signed claims, timestamps, revocation lists, receipts, leaves.

use claim_core::claim::{FileName, LogEntry, Manifest};
use claim_core::receipt::{Container, Member};
use claim_pki::{
    Certificate, ContentType, Ed25519SigningKey, EvidenceRequest, RevocationList, RevocationReason,
    RevokedCertificate, SignedData, Signer, Subject, TimestampRequest, TimestampSigner,
    TimestampToken, Validity, WitnessRequest,
};

use crate::pki::{content, sign};
use crate::world::{self, ISSUING, STUDENT, WORLD};
use crate::{Outcome, outcome};

/// Signed content has one encoding; what verifies was signed by somebody whom this CUHK knows.
pub(crate) fn signed_data(data: &[u8]) -> Outcome {
    let read = SignedData::from_der(ContentType::Claim, data);
    if let Ok(read) = &read {
        assert_eq!(read.der(), data);
        assert!(SignedData::from_der(ContentType::Withdrawal, data).is_err());
        if let Ok(verified) = read.verify(&WORLD.trusted, world::now()) {
            assert_eq!(verified.content(), read.unverified_content());
            assert!(!verified.signers().is_empty());
            for signer in verified.signers() {
                assert!(WORLD.credentials.iter().any(|known| known.id == *signer.person().id()));
            }
        }
    }
    outcome(&read)
}

pub(crate) fn signed_datas() -> Vec<Vec<u8>> {
    let certificate = Certificate::from_der(WORLD.credentials[0].chain.leaf()).unwrap();
    let key = world::key(STUDENT);
    let signer = Signer::new(&key, &certificate, WORLD.issuing.certificate()).unwrap();
    let manifest = &manifests()[0];
    let signed = SignedData::sign(ContentType::Claim, manifest, &[signer], world::now()).unwrap();
    vec![signed.der().to_vec()]
}

/// A token has one encoding.
pub(crate) fn timestamp_token(data: &[u8]) -> Outcome {
    let read = TimestampToken::from_der(data);
    if let Ok(read) = &read {
        assert_eq!(read.der(), data);
    }
    outcome(&read)
}

pub(crate) fn timestamp_tokens() -> Vec<Vec<u8>> {
    let subject = Subject::Timestamp { origin: world::origin() };
    let (key, validity) = (world::key(8), Validity::starting(world::start(), 86_400));
    let issuance =
        WORLD.root.prepare(&subject, key.public_key(), &world::serial(8), validity).unwrap();
    let certificate = WORLD.root.issue(issuance).unwrap();
    let signer = TimestampSigner::new(key, certificate).unwrap();
    let token = signer.sign(&[1; 32], world::now(), &world::serial(9)).unwrap();
    vec![token.der().to_vec()]
}

pub(crate) fn timestamp_request(data: &[u8]) -> Outcome {
    let read = TimestampRequest::from_der(data);
    if let Ok(read) = &read {
        let written = read.to_der().unwrap();
        let again = TimestampRequest::from_der(&written).unwrap();
        assert_eq!(again.digest(), read.digest());
    }
    outcome(&read)
}

pub(crate) fn timestamp_requests() -> Vec<Vec<u8>> {
    vec![TimestampRequest::new([1; 32]).to_der().unwrap()]
}

/// A list, signed here after it was changed: what verifies is the authority's, and has this one encoding.
pub(crate) fn revocation_list(data: &[u8]) -> Outcome {
    let Some(signed) = sign(data, &world::key(ISSUING)) else { return Outcome::Refused };
    let read = RevocationList::from_der(&signed);
    if let Ok(list) = &read {
        assert_eq!(list.der(), signed);
        let again = RevocationList::from_pem(&list.to_pem()).map(|one| one.der().to_vec());
        assert_eq!(again.as_ref(), Ok(&signed));
        let issuing = WORLD.issuing.certificate().der();
        let issuer = WORLD.trusted.verify_issuer(issuing, world::now()).unwrap();
        if let Ok(verified) = issuer.verify_revocation_list(list) {
            assert_eq!(verified.issuer_key_id(), WORLD.issuing.key_id());
            assert!(verified.this_update() < verified.next_update());
            assert!(verified.is_empty() || signed.len() > verified.len());
            if let Some(revocation) = verified.revoked(&world::serial(3)) {
                assert_eq!(revocation.at.as_millis() % 1000, 0, "whole seconds");
            }
        }
    }
    outcome(&read)
}

pub(crate) fn revocation_lists() -> Vec<Vec<u8>> {
    let revoked = |serial, reason| RevokedCertificate {
        serial: world::serial(serial),
        revoked_at: world::now(),
        reason,
    };
    let some =
        [revoked(3, RevocationReason::KeyCompromise), revoked(4, RevocationReason::Unspecified)];
    [&[][..], &some]
        .map(|revoked| {
            let end = world::now().plus_seconds(86_400);
            let list = WORLD.issuing.revocation_list(7, world::now(), end, revoked).unwrap();
            content(list.der())
        })
        .to_vec()
}

/// A manifest that is written reads the same.
pub(crate) fn manifest(data: &[u8]) -> Outcome {
    let read = Manifest::from_slice(data);
    if let Ok(read) = &read {
        let written = read.to_bytes().unwrap();
        assert_eq!(&Manifest::from_slice(&written).unwrap(), read);
        for file in read.files.entries() {
            let name = file.name().as_str();
            assert!(
                !name.starts_with('/')
                    && !name.split('/').any(|part| matches!(part, "" | "." | ".."))
            );
            assert!(!name.contains(['\\', ':']) && !name.chars().any(char::is_control));
        }
    }
    outcome(&read)
}

pub(crate) fn manifests() -> Vec<Vec<u8>> {
    let digest = "ab".repeat(32);
    let text = format!(
        r#"{{"claim":"v1","blackboard":"https://localhost:3141","course":"IEMS5710","assignment":"lab1","due":"2026-11-24T15:59:59.999Z","sids":["1155123456"],"by":null,"replaces":null,"outage":false,"nonce":"AQEBAQEBAQEBAQEBAQEBAQ","note":null,"files":[{{"name":"a/report.pdf","size":5000000,"sha256":"{digest}","chunks":["{digest}","{digest}"]}},{{"name":"b.txt","size":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}]}}"#
    );
    vec![text.into_bytes()]
}

/// A name that was accepted is a relative path on every system, and normalising leaves it as it is.
pub(crate) fn file_name(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let read = FileName::normalised(text);
    if let Ok(name) = &read {
        assert_eq!(FileName::normalised(name.as_str()).as_ref(), Ok(name));
        assert!(name.as_str().len() <= 1024);
        assert!(
            name.as_str()
                .split('/')
                .all(|part| !matches!(part, "" | "." | "..") && part.len() <= 255)
        );
    }
    outcome(&read)
}

pub(crate) fn file_names() -> Vec<Vec<u8>> {
    ["report.pdf", "a/b/\u{e9}.txt", "e\u{301}"].map(|name| name.as_bytes().to_vec()).to_vec()
}

/// Each leaf has one text.
pub(crate) fn log_entry(data: &[u8]) -> Outcome {
    let read = LogEntry::from_slice(data);
    if let Ok(entry) = &read {
        assert_eq!(entry.to_bytes(), data);
    }
    outcome(&read)
}

pub(crate) fn log_entries() -> Vec<Vec<u8>> {
    let id = "ab".repeat(32);
    [
        format!("claim v1 lodged\n{id}\n{id}\n{id}\n"),
        format!("claim v1 received\n{id}\n"),
        format!("claim v1 withdrawn\n{id}\n{id}\n"),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// Each container has one form.
pub(crate) fn container(data: &[u8]) -> Outcome {
    let read = Container::from_zip(data);
    if let Ok(container) = &read {
        assert_eq!(container.to_zip(), data);
    }
    outcome(&read)
}

pub(crate) fn containers() -> Vec<Vec<u8>> {
    let members = [
        Member::Readme,
        Member::Claim,
        Member::Timestamp,
        Member::RevocationLists,
        Member::Certificates,
    ];
    let content = |member: Member| (member, member.name().as_bytes().to_vec());
    let lodged = Container::new(members.map(content));
    let all =
        members.into_iter().chain([Member::Outage, Member::LodgedProof, Member::ReceivedProof]);
    vec![lodged.to_zip(), Container::new(all.map(content)).to_zip()]
}

/// The file by which a Blackboard, or a witness, asks for its evidence certificates: written, it reads the same.
pub(crate) fn evidence_request(data: &[u8]) -> Outcome {
    if WitnessRequest::is_meant(data) {
        let read = WitnessRequest::from_bytes(data);
        if let Ok(request) = &read {
            let again = WitnessRequest::from_bytes(request.to_text().as_bytes()).unwrap();
            assert_eq!(again.to_text(), request.to_text());
        }
        return outcome(&read);
    }
    let read = EvidenceRequest::from_bytes(data);
    if let Ok(request) = &read {
        let again = EvidenceRequest::from_bytes(request.to_text().as_bytes()).unwrap();
        assert_eq!(again.to_text(), request.to_text());
        assert_eq!(again.origin(), request.origin());
    }
    outcome(&read)
}

pub(crate) fn evidence_requests() -> Vec<Vec<u8>> {
    let log = Ed25519SigningKey::generate().unwrap();
    let request = EvidenceRequest::make(&world::origin(), &world::key(8), &log).unwrap();
    let witness = WitnessRequest::make(&"witness.example".parse().unwrap(), &log).unwrap();
    vec![request.to_text().into_bytes(), witness.to_text().into_bytes()]
}
