//! The keys of a CUHK.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use claim_core::messages::Chain;
use claim_core::student::Credential;
use claim_core::{Origin, PersonId, Timestamp};
use claim_pki::{
    AuthorityName, Certificate, Issuer, PublicKey, Root, RootSpec, SerialNumber, SigningKey,
    Subject, Validity,
};

pub(crate) const DAY: i64 = 86_400;

/// A root and an issuing authority, valid around now.
pub(crate) struct Authority {
    pub(crate) root: Issuer,
    pub(crate) issuing: Issuer,
}

pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap())
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("CUHK Root")
    }

    pub(crate) fn local_demo() -> Self {
        Self::named("CUHK (local demo)")
    }

    fn named(root: &str) -> Self {
        let validity = years(20);
        let spec = RootSpec { name: AuthorityName::cuhk(root).unwrap(), domain: None };
        let key = SigningKey::generate().unwrap();
        let root = Issuer::self_signed_root(&spec, key, &serial(), validity).unwrap();
        let key = SigningKey::generate().unwrap();
        let subject = Subject::Issuing { name: AuthorityName::cuhk("CUHK Issuing").unwrap() };
        let certificate = issue(&root, &subject, key.public_key(), years(5));
        Self { issuing: Issuer::new(certificate, key).unwrap(), root }
    }

    pub(crate) fn anchor(&self) -> Root {
        Root::new(self.root.certificate().clone()).unwrap()
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.certificate().to_pem()
    }

    /// A student with a certificate that is valid from yesterday on.
    pub(crate) fn student(&self, id: &str) -> Credential {
        self.person(id, from(now().plus_seconds(-DAY), 180 * DAY))
    }

    pub(crate) fn person(&self, id: &str, validity: Validity) -> Credential {
        let id: PersonId = id.parse().unwrap();
        let key = SigningKey::generate().unwrap();
        let subject = Subject::Person { id: id.clone(), name: None };
        let leaf = issue(&self.issuing, &subject, key.public_key(), validity);
        Credential { id, chain: self.chain(&leaf), key }
    }

    pub(crate) fn server(
        &self,
        origin: &Origin,
        key: &PublicKey,
        validity: Validity,
    ) -> Certificate {
        issue(&self.issuing, &Subject::Server { origin: origin.clone() }, key, validity)
    }

    /// A server's key with its certificate, and both as the PEM files of a Blackboard.
    pub(crate) fn server_files(&self, origin: &Origin, validity: Validity) -> (String, String) {
        let key = SigningKey::generate().unwrap();
        let leaf = self.server(origin, key.public_key(), validity);
        let chain = leaf.to_pem() + &self.issuing.certificate().to_pem();
        (key.to_pkcs8_pem().to_string(), chain)
    }

    pub(crate) fn chain(&self, leaf: &Certificate) -> Chain {
        Chain::new(vec![leaf.der().to_vec(), self.issuing.certificate().der().to_vec()]).unwrap()
    }
}

/// So many seconds from a moment on.
pub(crate) fn from(start: Timestamp, seconds: i64) -> Validity {
    Validity::new(start, start.plus_seconds(seconds)).unwrap()
}

/// The 90 days of a server, begun yesterday.
pub(crate) fn fresh() -> Validity {
    from(now().plus_seconds(-DAY), 90 * DAY)
}

fn years(count: i64) -> Validity {
    from(now().plus_seconds(-365 * DAY), (count + 1) * 365 * DAY)
}

fn issue(issuer: &Issuer, subject: &Subject, key: &PublicKey, validity: Validity) -> Certificate {
    let issuance = issuer.prepare(subject, key, &serial(), validity).unwrap();
    issuer.issue(issuance).unwrap()
}

fn serial() -> SerialNumber {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut octets = [0x11; 16];
    octets[8..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    SerialNumber::from_random(octets)
}
