//! Timestamps that we make, OpenSSL verifies; what OpenSSL asks for, we read.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/openssl.rs"]
mod support;

use std::path::Path;

use authority::{Authority, copy, issue, key, serial, start};
use claim_pki::{
    CmsError, CmsPart, SigningKey, Subject, TimestampRequest, TimestampRequestError,
    TimestampSigner, TimestampToken, TokenError, Validity,
};
use support::{fail, folder, succeed};

const DATA: &[u8] = b"what was there";

fn digest() -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, DATA);
    digest.as_ref().try_into().unwrap()
}

const VERIFY: &str = "ts -verify -data claim.p7s -in timestamp.tsr -CAfile cuhk.cer";

/// Writes a token over `claim.p7s` that a certificate of this life made.
fn stamp(authority: &Authority, at: &Path, life: u32) -> (SigningKey, TimestampToken) {
    let key = key();
    let subject = Subject::Timestamp { origin: authority::origin() };
    let certificate = issue(&authority.root, &subject, key.public_key(), life);
    let signer = TimestampSigner::new(copy(&key), certificate.clone()).unwrap();
    let time = "2026-11-24T00:00:41.204Z".parse().unwrap();
    let token = signer.sign(&digest(), time, &serial(9)).unwrap();
    std::fs::write(at.join("claim.p7s"), DATA).unwrap();
    std::fs::write(at.join("timestamp.tsr"), token.der()).unwrap();
    std::fs::write(at.join("tsa.cer"), certificate.to_pem()).unwrap();
    (key, token)
}

#[test]
fn openssl_verifies_a_timestamp_as_evidence_md_says() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let at = folder.path();
    stamp(&authority, at, 10 * 365 * 24 * 60 * 60);
    let time = start().as_seconds() + 60;
    succeed(at, &format!("{VERIFY} -attime {time}"));
    succeed(at, &format!("{VERIFY} -untrusted tsa.cer -attime {time}"));
    succeed(at, &format!("{VERIFY} -untrusted issuing.cer -attime {time}"));
    let text = succeed(at, "ts -reply -in timestamp.tsr -text");
    for line in [
        "Status: Granted.",
        "Policy OID: 2.25.304274850276117055762681507612542191110.3.1",
        "Hash Algorithm: sha256",
        "Time stamp: Nov 24 00:00:41.204 2026 GMT",
        "Accuracy: unspecified",
        "Ordering: no",
        "Nonce: unspecified",
        "TSA: unspecified",
        "Serial number: 0x80808080808080808080808080808009",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // Over something else, under another root.
    std::fs::write(at.join("claim.p7s"), b"what was not there").unwrap();
    let complaint = fail(at, &format!("{VERIFY} -attime {time}"));
    assert!(complaint.contains("message imprint mismatch"), "{complaint}");
    std::fs::write(at.join("claim.p7s"), DATA).unwrap();
    std::fs::write(at.join("cuhk.cer"), Authority::new().root.certificate().to_pem()).unwrap();
    fail(at, &format!("{VERIFY} -attime {time}"));
}

#[test]
fn openssl_verifies_a_timestamp_whose_certificate_expired() {
    let begin = "2020-01-01T00:00:00.000Z".parse().unwrap();
    let root = authority::root(None, key(), Validity::starting(begin, 7000 * 24 * 60 * 60));
    let issuing = authority::issuing_under(&root, key(), Validity::starting(begin, 1000));
    let authority = Authority { root, issuing };
    let folder = folder(&authority);
    let at = folder.path();
    let key = key();
    let subject = Subject::Timestamp { origin: authority::origin() };
    let validity = Validity::starting(begin, 24 * 60 * 60);
    let root = &authority.root;
    let prepared = root.prepare(&subject, key.public_key(), &serial(5), validity).unwrap();
    let signer = TimestampSigner::new(key, root.issue(prepared).unwrap()).unwrap();
    let token = signer.sign(&digest(), begin, &serial(6)).unwrap();
    std::fs::write(at.join("claim.p7s"), DATA).unwrap();
    std::fs::write(at.join("timestamp.tsr"), token.der()).unwrap();
    let complaint = fail(at, VERIFY);
    assert!(complaint.contains("certificate has expired"), "{complaint}");
    succeed(at, &format!("{VERIFY} -attime {}", begin.as_seconds() + 60));
}

#[test]
fn openssl_asks_and_verifies_the_answer() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let at = folder.path();
    stamp(&authority, at, 1000);
    let query = |options: &str| {
        succeed(at, &format!("ts -query -data claim.p7s -sha256 {options} -out query.tsq"));
        TimestampRequest::from_der(&std::fs::read(at.join("query.tsq")).unwrap())
    };
    let request = query("-no_nonce -cert").unwrap();
    assert_eq!(request.digest(), &digest());
    let time = start().as_seconds() + 60;
    let by_query = "ts -verify -queryfile query.tsq -in timestamp.tsr -CAfile cuhk.cer";
    succeed(at, &format!("{by_query} -attime {time}"));
    let policy = "-tspolicy 2.25.304274850276117055762681507612542191110.3.1";
    assert_eq!(query(&format!("-no_nonce -cert {policy}")), Ok(request));
    assert_eq!(query("-cert"), Err(TimestampRequestError::Nonce));
    assert_eq!(query("-no_nonce"), Err(TimestampRequestError::NoCertificate));
    assert_eq!(query("-no_nonce -cert -tspolicy 1.2.3"), Err(TimestampRequestError::Policy));
    assert_eq!(query("-no_nonce -cert -sha512"), Err(TimestampRequestError::DigestAlgorithm));

    std::fs::write(at.join("ours.tsq"), request.to_der().unwrap()).unwrap();
    let text = succeed(at, "ts -query -in ours.tsq -text");
    for line in ["Hash Algorithm: sha256", "Certificate required: yes", "Nonce: unspecified"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// OpenSSL's own timestamp authority says more than ours may: it is refused, and the reason named.
#[test]
fn timestamps_made_by_openssl() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let at = folder.path();
    let (key, _) = stamp(&authority, at, 1000);
    std::fs::write(at.join("tsa.key"), key.to_pkcs8_pem().as_bytes()).unwrap();
    let config = "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_digest = sha256\n\
        default_policy = 2.25.304274850276117055762681507612542191110.3.1\ndigests = sha256\n\
        clock_precision_digits = 3\ness_cert_id_alg = sha256\n";
    std::fs::write(at.join("tsa.cnf"), config).unwrap();
    std::fs::write(at.join("serial"), "01\n").unwrap();
    succeed(at, "ts -query -data claim.p7s -sha256 -no_nonce -cert -out query.tsq");
    succeed(
        at,
        "ts -reply -config tsa.cnf -queryfile query.tsq -signer tsa.cer -inkey tsa.key -out theirs.tsr",
    );
    let theirs = TimestampToken::from_der(&std::fs::read(at.join("theirs.tsr")).unwrap());
    // It writes NULL as the parameters of SHA-256, and its tokens also have a signing time.
    let part = CmsPart::DigestAlgorithm;
    assert_eq!(theirs, Err(TokenError::Message(CmsError::Part { part })));
}
