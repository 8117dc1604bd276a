//! Whatever bytes come in, the parsers answer; and nothing that was altered verifies.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;

use std::sync::LazyLock;

use authority::{Authority, ed25519_key, id, key, origin, start};
use claim_pki::{
    Certificate, CertificationRequest, ContentType, Ed25519CertificationRequest, Ed25519PublicKey,
    Ed25519SigningKey, Issuer, PublicKey, RevocationList, RevocationReason, RevokedCertificate,
    Root, SerialNumber, SignedData, Signer, SigningKey, Subject, TimestampRequest, TimestampSigner,
    TimestampToken, certification_request, decode_certs_only, ed25519_certification_request,
    encode_certs_only,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Real bytes of each kind, to be altered.
struct Samples {
    authority: Authority,
    person: Vec<u8>,
    server: Vec<u8>,
    request: Vec<u8>,
    timestamp: Vec<u8>,
    log: Vec<u8>,
    witness: Vec<u8>,
    ed25519_request: Vec<u8>,
    ed25519_key: Vec<u8>,
    certs_only: Vec<u8>,
    claim: Vec<u8>,
    token: Vec<u8>,
    revoked: Vec<u8>,
    token_request: Vec<u8>,
    key_pem: String,
}

static SAMPLES: LazyLock<Samples> = LazyLock::new(|| {
    let authority = Authority::with_domain(Some("localhost"));
    let certificates = [authority.issuing.certificate().clone()];
    let subject = Subject::Person { id: id(), name: Some("Chan Tai Man".to_owned()) };
    Samples {
        person: authority.person().der().to_vec(),
        server: authority.server(&origin()).der().to_vec(),
        request: certification_request(&key(), &subject).unwrap(),
        timestamp: authority.timestamp_with(&key()).der().to_vec(),
        log: authority.log_with(&ed25519_key()).der().to_vec(),
        witness: authority.witness_with(&ed25519_key()).der().to_vec(),
        ed25519_request: ed25519_certification_request(&ed25519_key(), &subject).unwrap(),
        ed25519_key: ed25519_key().to_pkcs8_der().to_vec(),
        claim: claim(&authority),
        token: token(&authority),
        revoked: revoked(&authority),
        token_request: TimestampRequest::new(DIGEST).to_der().unwrap(),
        certs_only: encode_certs_only(&certificates).unwrap(),
        key_pem: key().to_pkcs8_pem().to_string(),
        authority,
    }
});

/// A claim that two persons signed.
fn claim(authority: &Authority) -> Vec<u8> {
    let issuing = authority.issuing.certificate();
    let persons: Vec<_> = ["1155000001", "chan.tm"]
        .map(|id| {
            let (key, id) = (key(), id.parse().unwrap());
            let subject = Subject::Person { id, name: None };
            let validity = authority.issuing.validity();
            let serial =
                SerialNumber::from_random(key.public_key().fingerprint()[..16].try_into().unwrap());
            let issuance = authority.issuing.prepare(&subject, key.public_key(), &serial, validity);
            (key, authority.issuing.issue(issuance.unwrap()).unwrap())
        })
        .into_iter()
        .collect();
    let signers: Vec<_> = persons
        .iter()
        .map(|(key, certificate)| Signer::new(key, certificate, issuing).unwrap())
        .collect();
    let content = b"{\"claim\":\"v1\"}";
    SignedData::sign(ContentType::Claim, content, &signers, start()).unwrap().der().to_vec()
}

const DIGEST: [u8; 32] = [7; 32];

fn token(authority: &Authority) -> Vec<u8> {
    let key = key();
    let certificate = authority.timestamp_with(&key);
    let signer = TimestampSigner::new(key, certificate).unwrap();
    let token = signer.sign(&DIGEST, start(), &authority::serial(1)).unwrap();
    token.der().to_vec()
}

fn revoked(authority: &Authority) -> Vec<u8> {
    let revoked: Vec<_> = [RevocationReason::KeyCompromise, RevocationReason::Unspecified]
        .into_iter()
        .enumerate()
        .map(|(number, reason)| RevokedCertificate {
            serial: authority::serial(u8::try_from(number).unwrap()),
            revoked_at: start(),
            reason,
        })
        .collect();
    let next = start().plus_seconds(1000);
    authority.issuing.revocation_list(7, start(), next, &revoked).unwrap().der().to_vec()
}

fn revokes(list: &[u8]) -> bool {
    let authority = &SAMPLES.authority;
    let issuing = authority.issuing.certificate().der();
    let issuer = authority.trusted().verify_issuer(issuing, start()).unwrap();
    RevocationList::from_der(list).is_ok_and(|list| issuer.verify_revocation_list(&list).is_ok())
}

fn verifies(token: &[u8]) -> bool {
    let root = SAMPLES.authority.trusted();
    TimestampToken::from_der(token).is_ok_and(|token| {
        root.verify_timestamp(token.certificate().der(), start())
            .is_ok_and(|authority| token.verify(&DIGEST, &authority).is_ok())
    })
}

fn read_everything(bytes: &[u8]) {
    let samples = &*SAMPLES;
    let root = samples.authority.trusted();
    let issuing = samples.authority.issuing.certificate().der();
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _ = (certificate.person_id(), certificate.public_key(), certificate.subject_key_id());
        let _ = Certificate::from_pem(&certificate.to_pem())
            .map(|again| assert_eq!(again, certificate));
    }
    let _ = Root::from_der(bytes);
    let _ = PublicKey::from_spki_der(bytes);
    let _ = SerialNumber::from_integer_octets(bytes);
    let _ = decode_certs_only(bytes);
    let _ = samples.authority.issuing.resume(bytes).map(|issuance| issuance.tbs_der().len());
    let _ = root.verify_issuer(bytes, start());
    let _ = root.verify_person(&[bytes, issuing], start());
    let _ = root.verify_server(&[bytes, issuing], &origin(), start());
    if let Ok(request) = CertificationRequest::from_der(bytes) {
        let _ = (request.names_only(&id()), request.names_only_host(&origin()));
    }
    let _ = root.verify_timestamp(bytes, start());
    let _ = root.verify_log(bytes, start());
    let _ = root.verify_witness(bytes, start());
    for content_type in [ContentType::Claim, ContentType::Withdrawal] {
        if let Ok(signed) = SignedData::from_der(content_type, bytes) {
            let _ = (signed.verify(&root, start()), signed.merge(&signed));
        }
    }
    let _ = (verifies(bytes), revokes(bytes));
    let _ = TimestampRequest::from_der(bytes);
    let _ = Ed25519PublicKey::from_spki_der(bytes);
    let _ = Ed25519SigningKey::from_pkcs8_der(bytes);
    let _ = Ed25519CertificationRequest::from_der(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = RevocationList::all_from_pem(&text, 4);
    let _ = Ed25519SigningKey::from_pkcs8_pem(&text);
    let _ = Certificate::chain_from_pem(&text);
    let _ = CertificationRequest::from_pem(&text);
    let _ = SigningKey::from_pkcs8_pem(&text);
    let _ = text.parse::<SerialNumber>();
}

/// One change: another octet, one more, one less, the end cut off.
fn altered(original: &[u8], at: &Index, octet: u8, how: u8) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let at = at.index(bytes.len());
    match how % 4 {
        0 => bytes[at] ^= octet.max(1),
        1 => bytes.insert(at, octet),
        2 => drop(bytes.remove(at)),
        _ => bytes.truncate(at),
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        read_everything(&bytes);
    }

    #[test]
    fn altered_bytes_never_panic(
        sample in 0_usize..16, at: Index, octet: u8, how: u8, again: Index, octet_again: u8,
    ) {
        let samples = &*SAMPLES;
        let original: &[u8] = match sample {
            0 => &samples.person,
            1 => &samples.server,
            2 => &samples.request,
            3 => &samples.certs_only,
            4 => samples.key_pem.as_bytes(),
            5 => &samples.timestamp,
            6 => &samples.log,
            7 => &samples.witness,
            8 => &samples.ed25519_request,
            9 => &samples.ed25519_key,
            10 => &samples.claim,
            11 => &samples.token,
            12 => &samples.token_request,
            13 => &samples.revoked,
            14 => samples.authority.root.certificate().der(),
            _ => samples.authority.issuing.certificate().der(),
        };
        let once = altered(original, &at, octet, how);
        read_everything(&once);
        if !once.is_empty() {
            read_everything(&altered(&once, &again, octet_again, how / 4));
        }
    }

    #[test]
    fn nothing_altered_verifies(at: Index, octet: u8, how: u8) {
        let samples = &*SAMPLES;
        let root = samples.authority.trusted();
        let issuing = samples.authority.issuing.certificate().der();
        let person = altered(&samples.person, &at, octet, how);
        prop_assert!(root.verify_person(&[&person, issuing], start()).is_err());
        let server = altered(&samples.server, &at, octet, how);
        prop_assert!(root.verify_server(&[&server, issuing], &origin(), start()).is_err());
        let issuing = altered(issuing, &at, octet, how);
        prop_assert!(root.verify_person(&[&samples.person, &issuing], start()).is_err());
        let request = altered(&samples.request, &at, octet, how);
        prop_assert!(CertificationRequest::from_der(&request).is_err());
        let request = altered(&samples.ed25519_request, &at, octet, how);
        prop_assert!(Ed25519CertificationRequest::from_der(&request).is_err());
        let claim = altered(&samples.claim, &at, octet, how);
        let verified = SignedData::from_der(ContentType::Claim, &claim)
            .is_ok_and(|claim| claim.verify(&root, start()).is_ok());
        prop_assert!(!verified);
        prop_assert!(verifies(&samples.token) && revokes(&samples.revoked));
        prop_assert!(!revokes(&altered(&samples.revoked, &at, octet, how)));
        prop_assert!(!verifies(&altered(&samples.token, &at, octet, how)));
        let timestamp = altered(&samples.timestamp, &at, octet, how);
        prop_assert!(root.verify_timestamp(&timestamp, start()).is_err());
        let log = altered(&samples.log, &at, octet, how);
        prop_assert!(root.verify_log(&log, start()).is_err());
        let witness = altered(&samples.witness, &at, octet, how);
        prop_assert!(root.verify_witness(&witness, start()).is_err());
        let own = altered(samples.authority.root.certificate().der(), &at, octet, how);
        prop_assert!(Root::from_der(&own).is_err());
    }

    #[test]
    fn serial_numbers_survive_the_certificate(random: [u8; 16]) {
        let serial = SerialNumber::from_random(random);
        let text = serial.to_string();
        prop_assert_eq!(text.parse::<SerialNumber>().unwrap(), serial.clone());
        let issuer: &Issuer = &SAMPLES.authority.issuing;
        let subject = Subject::Person { id: id(), name: None };
        let key = SAMPLES.authority.issuing.certificate().public_key().unwrap();
        let issuance = issuer.prepare(&subject, &key, &serial, issuer.validity()).unwrap();
        let certificate = issuer.issue(issuance).unwrap();
        prop_assert_eq!(certificate.serial(), &serial);
    }

    #[test]
    fn any_name_makes_a_certificate_for_the_id_alone(name in "\\PC*") {
        let issuer: &Issuer = &SAMPLES.authority.issuing;
        let subject = Subject::Person { id: id(), name: Some(name) };
        let key = SAMPLES.authority.issuing.certificate().public_key().unwrap();
        let serial = authority::serial(1);
        // `\PC` leaves out control characters, which are refused.
        let issuance = issuer.prepare(&subject, &key, &serial, issuer.validity()).unwrap();
        let leaf = issuer.issue(issuance).unwrap();
        let chain = SAMPLES.authority.chain(&leaf);
        let person = SAMPLES.authority.trusted().verify_person(&chain, start()).unwrap();
        prop_assert_eq!(person.id(), &id());
        prop_assert!((1..=64).contains(&person.name().chars().count()));
    }
}
