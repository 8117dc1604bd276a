//! A small world for tests: a CUHK, one Blackboard, one student, at one moment.

#![allow(dead_code, reason = "each test uses a part of it")]

use claim_core::blackboard::Identity;
use claim_core::messages::Chain;
use claim_core::ring::{Period, Ring, SealingKey};
use claim_core::student::Credential;
use claim_core::{Origin, PersonId, Timestamp};
use claim_pki::{
    AuthorityName, Certificate, Issuer, Root, RootSpec, SerialNumber, SigningKey, Subject,
    SubjectKey, Validity,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Everything that the two sides need.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) origin: Origin,
    pub(crate) root: Root,
    pub(crate) issuing: Issuer,
    pub(crate) identity: Identity,
    pub(crate) credential: Credential,
    pub(crate) ring: Ring,
}

impl World {
    pub(crate) fn new() -> Self {
        let now: Timestamp = "2026-11-24T15:59:00.000Z".parse().unwrap();
        let origin: Origin = "https://localhost:3141".parse().unwrap();
        let (root, issuing) = authority(now);
        let identity = server(&issuing, &origin, now);
        let credential = student(&issuing, "1155123456", now);
        let period = Period { from: now, until: now.plus_seconds(86_400) };
        let key = SealingKey::generate(period, &mut ChaCha20Rng::seed_from_u64(7));
        Self { now, origin, root, issuing, identity, credential, ring: Ring::new(vec![key]) }
    }
}

/// A root and an issuing authority.
pub(crate) fn authority(now: Timestamp) -> (Root, Issuer) {
    let (root, issuing, _) = authorities(now);
    (Root::from_der(root.certificate().der()).unwrap(), issuing)
}

/// Both with their keys, and the issuing authority's key once more.
pub(crate) fn authorities(now: Timestamp) -> (Issuer, Issuer, SigningKey) {
    let spec = RootSpec { name: AuthorityName::cuhk("CUHK Root").unwrap(), domain: None };
    let key = SigningKey::generate().unwrap();
    let validity = Validity::starting(now.plus_seconds(-800 * 86_400), 20 * 365 * 86_400);
    let root = Issuer::self_signed_root(&spec, key, &serial(), validity).unwrap();
    let key = SigningKey::generate().unwrap();
    let subject = Subject::Issuing { name: AuthorityName::cuhk("CUHK Issuing").unwrap() };
    let certificate = issue(&root, &subject, &key, now.plus_seconds(-7 * 86_400), 5 * 365 * 86_400);
    let copy = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
    (root, Issuer::new(certificate, key).unwrap(), copy)
}

/// A student with a certificate.
pub(crate) fn student(issuing: &Issuer, id: &str, now: Timestamp) -> Credential {
    let id: PersonId = id.parse().unwrap();
    let key = SigningKey::generate().unwrap();
    let subject = Subject::Person { id: id.clone(), name: None };
    let leaf = issue(issuing, &subject, &key, now, 180 * 86_400);
    Credential { id, chain: chain(&leaf, issuing), key }
}

/// A Blackboard with a certificate.
pub(crate) fn server(issuing: &Issuer, origin: &Origin, now: Timestamp) -> Identity {
    server_for(issuing, origin, now, 90 * 86_400)
}

/// The same with a certificate for so many seconds.
pub(crate) fn server_for(
    issuing: &Issuer,
    origin: &Origin,
    from: Timestamp,
    life: u32,
) -> Identity {
    let key = SigningKey::generate().unwrap();
    let leaf = issue(issuing, &Subject::Server { origin: origin.clone() }, &key, from, life);
    Identity { origin: origin.clone(), chain: chain(&leaf, issuing), key }
}

fn issue(
    issuer: &Issuer,
    subject: &Subject,
    key: &SigningKey,
    from: Timestamp,
    life: u32,
) -> Certificate {
    issue_for(issuer, subject, key.public_key(), Validity::starting(from, life))
}

/// A certificate for a key of either kind.
pub(crate) fn issue_for<'a>(
    issuer: &Issuer,
    subject: &Subject,
    key: impl Into<SubjectKey<'a>>,
    validity: Validity,
) -> Certificate {
    let issuance = issuer.prepare(subject, key, &serial(), validity).unwrap();
    issuer.issue(issuance).unwrap()
}

fn chain(leaf: &Certificate, issuing: &Issuer) -> Chain {
    Chain::new(vec![leaf.der().to_vec(), issuing.certificate().der().to_vec()]).unwrap()
}

pub(crate) fn serial() -> SerialNumber {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [0; 16];
    ChaCha20Rng::seed_from_u64(NEXT.fetch_add(1, Ordering::Relaxed)).fill_bytes(&mut bytes);
    SerialNumber::from_random(bytes)
}
