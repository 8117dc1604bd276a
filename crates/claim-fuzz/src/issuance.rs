//! What CUHK would sign.

use claim_pki::{Origin, Subject};

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
        let verified = WORLD.trusted.verify_issuer(certificate.der(), certificate.not_before());
        assert!(verified.is_ok(), "{verified:?}");
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
    contents
}
