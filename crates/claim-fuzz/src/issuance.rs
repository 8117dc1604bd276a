//! What CUHK would sign.

use claim_pki::{Ed25519SigningKey, Origin, Subject, SubjectKey, Validity};

use crate::Outcome;
use crate::pki::content;
use crate::world::{self, WORLD};

/// Whatever comes back from storage and is signed, relying code accepts for what it is.
pub(crate) fn resume(data: &[u8]) -> Outcome {
    let mut outcome = Outcome::Refused;
    if let Ok(issuance) = WORLD.issuing.resume(data) {
        assert_eq!(issuance.tbs_der(), data);
        let leaf = WORLD.issuing.issue(issuance).expect("what was prepared can be signed");
        let chain = [leaf.der(), WORLD.issuing.certificate().der()];
        let at = leaf.not_before();
        let person = WORLD.trusted.verify_person(&chain, at);
        let server = WORLD.trusted.verify_server_for_renewal(&chain, at, 0);
        assert!(person.is_ok() != server.is_ok(), "{person:?} {server:?}");
        outcome = Outcome::Accepted;
    }
    if let Ok(issuance) = WORLD.root.resume(data) {
        let certificate = WORLD.root.issue(issuance).expect("what was prepared can be signed");
        let (der, at) = (certificate.der(), certificate.not_before());
        let verified = [
            WORLD.trusted.verify_issuer(der, at).is_ok(),
            WORLD.trusted.verify_timestamp(der, at).is_ok(),
            WORLD.trusted.verify_log(der, at).is_ok(),
            WORLD.trusted.verify_witness(der, at).is_ok(),
        ];
        assert_eq!(verified.into_iter().filter(|verified| *verified).count(), 1, "{verified:?}");
        outcome = Outcome::Accepted;
    }
    outcome
}

pub(crate) fn contents() -> Vec<Vec<u8>> {
    let localhost: Origin = world::origin();
    let address: Origin = "https://[::1]:3141".parse().unwrap();
    let mut contents: Vec<Vec<u8>> = [
        Subject::Person { id: world::id(), name: Some("Chan Tai Man".to_owned()) },
        Subject::Server { origin: localhost },
        Subject::Server { origin: address },
    ]
    .iter()
    .map(|subject| content(world::issue(&WORLD.issuing, subject, world::STUDENT).der()))
    .collect();
    contents.push(content(WORLD.issuing.certificate().der()));
    contents.extend(services());
    contents
}

/// What the root signs for timestamps and the log.
pub(crate) fn services() -> Vec<Vec<u8>> {
    let validity = Validity::starting(world::start(), 365 * 86_400);
    let (stamp, log) = (world::key(8), Ed25519SigningKey::generate().unwrap());
    let prepare = |subject: &Subject, key: SubjectKey<'_>| {
        let issuance = WORLD.root.prepare(subject, key, &world::serial(8), validity).unwrap();
        issuance.tbs_der().to_vec()
    };
    let origin = world::origin();
    vec![
        prepare(&Subject::Timestamp { origin: origin.clone() }, stamp.public_key().into()),
        prepare(&Subject::Log { origin }, log.public_key().into()),
    ]
}
