//! A small world with fixed keys, so that an input that was kept means the same tomorrow.

use std::sync::LazyLock;

use claim_core::blackboard::Identity;
use claim_core::messages::Chain;
use claim_core::ring::{Period, Ring, SealingKey, WrappingKey};
use claim_core::student::Credential;
use claim_core::{Origin, PersonId, Secret, Timestamp};
use claim_pki::{
    AuthorityName, Certificate, Issuer, Profile, Root, RootSpec, SerialNumber, SigningKey, Subject,
    Validity,
};
use der::pem::{LineEnding, encode_string};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

pub(crate) const SID: &str = "1155123456";
pub(crate) const ORIGIN: &str = "https://localhost:3141";
pub(crate) const OTHER_ORIGIN: &str = "https://other.example";

/// Which key is whose.
pub(crate) const ROOT: u8 = 1;
pub(crate) const ISSUING: u8 = 2;
pub(crate) const STUDENT: u8 = 3;
pub(crate) const OTHER_STUDENT: u8 = 4;
pub(crate) const BLACKBOARD: u8 = 5;
pub(crate) const OTHER_BLACKBOARD: u8 = 6;

/// A CUHK, two Blackboards, a student and a member of staff.
pub(crate) struct World {
    pub(crate) trusted: Root,
    pub(crate) root: Issuer,
    pub(crate) issuing: Issuer,
    pub(crate) identities: [Identity; 2],
    pub(crate) credentials: [Credential; 2],
    pub(crate) rings: [Ring; 2],
    pub(crate) wrapping: WrappingKey,
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// When everything happens: 2026-11-24T12:00:00Z.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T12:00:00.000Z".parse().unwrap()
}

/// When all certificates begin.
pub(crate) fn start() -> Timestamp {
    "2026-11-24T00:00:00.000Z".parse().unwrap()
}

pub(crate) fn id() -> PersonId {
    SID.parse().unwrap()
}

pub(crate) fn origin() -> Origin {
    ORIGIN.parse().unwrap()
}

/// The private key whose octets are all this one: no secret, and the same in every run.
pub(crate) fn key(octet: u8) -> SigningKey {
    SigningKey::from_pkcs8_pem(&sec1_pem(octet)).unwrap()
}

/// The same as SEC1 writes it.
pub(crate) fn sec1_pem(octet: u8) -> String {
    // RFC 5915 §3: version 1, the octets, the curve by name.
    let der = [
        &[0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20],
        [octet; 32].as_slice(),
        &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    ]
    .concat();
    encode_string("EC PRIVATE KEY", LineEnding::LF, &der).unwrap()
}

pub(crate) fn serial(last: u8) -> SerialNumber {
    let mut octets = [0x40; 16];
    octets[15] = last;
    SerialNumber::from_random(octets)
}

pub(crate) fn issue(issuer: &Issuer, subject: &Subject, owner: u8) -> Certificate {
    let validity =
        Validity::starting(start(), subject.profile().life()).within(issuer.validity()).unwrap();
    let key = key(owner);
    let issuance = issuer.prepare(subject, key.public_key(), &serial(owner), validity).unwrap();
    issuer.issue(issuance).unwrap()
}

impl World {
    fn new() -> Self {
        let name = AuthorityName::cuhk("Root CA").unwrap();
        let spec = RootSpec { name, domain: None };
        let validity = Validity::starting(start(), Profile::Root.life());
        let root = Issuer::self_signed_root(&spec, key(ROOT), &serial(ROOT), validity).unwrap();
        let subject = Subject::Issuing { name: AuthorityName::cuhk("Issuing CA").unwrap() };
        let issuing = Issuer::new(issue(&root, &subject, ISSUING), key(ISSUING)).unwrap();
        let credential = |id: &str, owner| {
            let id: PersonId = id.parse().unwrap();
            let subject = Subject::Person { id: id.clone(), name: Some("Chan Tai Man".to_owned()) };
            let chain = chain(&issue(&issuing, &subject, owner), &issuing);
            Credential { id, chain, key: key(owner) }
        };
        let identity = |origin: &str, owner| {
            let origin: Origin = origin.parse().unwrap();
            let subject = Subject::Server { origin: origin.clone() };
            let chain = chain(&issue(&issuing, &subject, owner), &issuing);
            Identity { origin, chain, key: key(owner) }
        };
        Self {
            trusted: Root::new(root.certificate().clone()).unwrap(),
            credentials: [credential(SID, STUDENT), credential("chan.tm", OTHER_STUDENT)],
            identities: [identity(ORIGIN, BLACKBOARD), identity(OTHER_ORIGIN, OTHER_BLACKBOARD)],
            rings: [ring(7), ring(8)],
            wrapping: WrappingKey::new(Secret::new([9; 32])),
            root,
            issuing,
        }
    }

    /// A student's chain as DER, leaf first.
    pub(crate) fn person_chain(&self) -> Vec<&[u8]> {
        self.credentials[0].chain.certificates()
    }
}

/// The ring of one Blackboard: a key for each of three days.
fn ring(seed: u64) -> Ring {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let day = |from: i64| Period {
        from: start().plus_seconds(from * 86_400),
        until: start().plus_seconds((from + 1) * 86_400),
    };
    Ring::new((0..3).map(|number| SealingKey::generate(day(number), &mut rng)).collect())
}

fn chain(leaf: &Certificate, issuing: &Issuer) -> Chain {
    Chain::new(vec![leaf.der().to_vec(), issuing.certificate().der().to_vec()]).unwrap()
}
