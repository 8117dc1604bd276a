//! A CUHK for tests: root and issuing authority at a fixed time, and a forger who has their keys but not their rules.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::time::Duration;

use claim_pki::{
    AuthorityName, Certificate, Ed25519PublicKey, Ed25519SigningKey, Issuer, Origin, PathError,
    PersonId, Profile, PublicKey, RootSpec, SerialNumber, SigningKey, Subject, SubjectKey,
    Timestamp, Validity,
};
use rcgen::{CertificateParams, CustomExtension, DnType, DnValue, KeyIdMethod, KeyPair};

pub(crate) const SID: &str = "1155123456";
pub(crate) const ORIGIN: &str = "https://localhost:3141";
pub(crate) const WITNESS: &str = "localhost:9335/witness";
pub(crate) const PERSON_POLICY: &[u8] = &[
    0x30, 0x1a, 0x30, 0x18, 0x06, 0x16, 0x69, 0x83, 0xc9, 0xe9, 0x9a, 0x97, 0xa6, 0xa6, 0xba, 0xa7,
    0x87, 0x81, 0xfa, 0xe3, 0xb2, 0xc5, 0xf2, 0xd5, 0x8c, 0x06, 0x01, 0x01,
];
pub(crate) const SERVER_POLICY: &[u8] = &[
    0x30, 0x1a, 0x30, 0x18, 0x06, 0x16, 0x69, 0x83, 0xc9, 0xe9, 0x9a, 0x97, 0xa6, 0xa6, 0xba, 0xa7,
    0x87, 0x81, 0xfa, 0xe3, 0xb2, 0xc5, 0xf2, 0xd5, 0x8c, 0x06, 0x01, 0x02,
];
/// Certificate policies with one of our own, by its number.
pub(crate) fn policy(number: u8) -> Vec<u8> {
    let mut policies = PERSON_POLICY.to_vec();
    *policies.last_mut().unwrap() = number;
    policies
}

/// An extended key usage of our own, by its number.
pub(crate) fn own_usage(number: u8) -> Vec<u8> {
    [&[0x30, 0x18], &PERSON_POLICY[4..26], &[4, number]].concat()
}

pub(crate) const ANY_POLICY: &[u8] = &[0x30, 0x08, 0x30, 0x06, 0x06, 0x04, 0x55, 0x1d, 0x20, 0x00];

/// When everything starts, in the tests: 2026-11-24T00:00:00Z.
pub(crate) fn start() -> Timestamp {
    "2026-11-24T00:00:00.000Z".parse().unwrap()
}

pub(crate) fn id() -> PersonId {
    SID.parse().unwrap()
}

pub(crate) fn origin() -> Origin {
    ORIGIN.parse().unwrap()
}

pub(crate) struct Authority {
    pub(crate) root: Issuer,
    pub(crate) issuing: Issuer,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::with_domain(None)
    }

    pub(crate) fn with_domain(domain: Option<&str>) -> Self {
        let root = root(domain, key(), Validity::starting(start(), Profile::Root.life()));
        Self::under(root, key())
    }

    /// With keys that the caller knows.
    pub(crate) fn with_keys(root_key: SigningKey, issuing_key: SigningKey) -> Self {
        let root = root(None, root_key, Validity::starting(start(), Profile::Root.life()));
        Self::under(root, issuing_key)
    }

    fn under(root: Issuer, issuing_key: SigningKey) -> Self {
        let validity = Validity::starting(start(), Profile::Issuing.life());
        let issuing = issuing_under(&root, issuing_key, validity);
        Self { root, issuing }
    }

    pub(crate) fn trusted(&self) -> claim_pki::Root {
        claim_pki::Root::new(self.root.certificate().clone()).unwrap()
    }

    pub(crate) fn person(&self) -> Certificate {
        self.person_with(&key())
    }

    pub(crate) fn person_with(&self, key: &SigningKey) -> Certificate {
        let subject = Subject::Person { id: id(), name: Some("Chan Tai Man".to_owned()) };
        issue(&self.issuing, &subject, key.public_key(), Profile::Person.life())
    }

    pub(crate) fn server(&self, origin: &Origin) -> Certificate {
        let subject = Subject::Server { origin: origin.clone() };
        issue(&self.issuing, &subject, key().public_key(), Profile::Server.life())
    }

    pub(crate) fn timestamp_with(&self, key: &SigningKey) -> Certificate {
        let subject = Subject::Timestamp { origin: origin() };
        issue(&self.root, &subject, key.public_key(), Profile::Timestamp.life())
    }

    pub(crate) fn log_with(&self, key: &Ed25519SigningKey) -> Certificate {
        let subject = Subject::Log { origin: origin() };
        issue(&self.root, &subject, key.public_key(), Profile::Log.life())
    }

    pub(crate) fn witness_with(&self, key: &Ed25519SigningKey) -> Certificate {
        let subject = Subject::Witness { name: WITNESS.parse().unwrap() };
        issue(&self.root, &subject, key.public_key(), Profile::Witness.life())
    }

    /// The leaf and the issuing authority's certificate.
    pub(crate) fn chain<'a>(&'a self, leaf: &'a Certificate) -> [&'a [u8]; 2] {
        [leaf.der(), self.issuing.certificate().der()]
    }
}

pub(crate) fn root(domain: Option<&str>, key: SigningKey, validity: Validity) -> Issuer {
    let name = AuthorityName::cuhk("Root CA (local demo)").unwrap();
    let spec = RootSpec { name, domain: domain.map(str::to_owned) };
    Issuer::self_signed_root(&spec, key, &serial(1), validity).unwrap()
}

pub(crate) fn issuing_under(root: &Issuer, key: SigningKey, validity: Validity) -> Issuer {
    let subject = Subject::Issuing { name: AuthorityName::cuhk("Issuing CA").unwrap() };
    let issuance = root.prepare(&subject, key.public_key(), &serial(2), validity).unwrap();
    Issuer::new(root.issue(issuance).unwrap(), key).unwrap()
}

/// The same key once more: issuers do not give theirs away.
pub(crate) fn copy(key: &SigningKey) -> SigningKey {
    SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap()
}

pub(crate) fn issue<'a>(
    issuer: &Issuer,
    subject: &Subject,
    key: impl Into<SubjectKey<'a>>,
    life: u32,
) -> Certificate {
    let validity = Validity::starting(start(), life).within(issuer.validity()).unwrap();
    let issuance = issuer.prepare(subject, key, &serial(3), validity).unwrap();
    issuer.issue(issuance).unwrap()
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

pub(crate) fn ed25519_key() -> Ed25519SigningKey {
    Ed25519SigningKey::generate().unwrap()
}

pub(crate) fn serial(last: u8) -> SerialNumber {
    let mut random = [0x80; 16];
    random[15] = last;
    SerialNumber::from_random(random)
}

/// Makes any certificate, by another library, in the name of an issuing authority and with its key.
pub(crate) struct Forger {
    key: KeyPair,
    key_id: [u8; 20],
    subject_key: KeyPair,
}

impl Forger {
    /// With an authority's own key; a forger has that only in tests.
    pub(crate) fn with_key_of(issuer: &SigningKey) -> Self {
        Self {
            key: KeyPair::from_pem(&issuer.to_pkcs8_pem()).unwrap(),
            key_id: issuer.public_key().key_id(),
            subject_key: KeyPair::generate().unwrap(),
        }
    }

    /// The key of what is forged.
    pub(crate) fn with_subject_key(self, subject_key: KeyPair) -> Self {
        Self { subject_key, ..self }
    }

    /// Claims that another key signed.
    pub(crate) fn claiming_key_id(self, key_id: [u8; 20]) -> Self {
        Self { key_id, ..self }
    }

    /// What the person profile would look like, to be spoilt.
    pub(crate) fn person(&self) -> CertificateParams {
        let mut params = self.blank(PERSON_POLICY);
        push(&mut params, DnType::CustomDnType(UID.to_vec()), SID);
        push(&mut params, DnType::CommonName, "Chan Tai Man");
        params.key_usages =
            vec![rcgen::KeyUsagePurpose::DigitalSignature, rcgen::KeyUsagePurpose::KeyAgreement];
        params.extended_key_usages = vec![
            rcgen::ExtendedKeyUsagePurpose::ClientAuth,
            rcgen::ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36]),
        ];
        params
    }

    /// What the server profile would look like, to be spoilt.
    pub(crate) fn server(&self) -> CertificateParams {
        let mut params = self.blank(SERVER_POLICY);
        push(&mut params, DnType::CommonName, "localhost");
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            rcgen::ExtendedKeyUsagePurpose::ServerAuth,
            rcgen::ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.subject_alt_names = vec![
            rcgen::SanType::DnsName("localhost".try_into().unwrap()),
            rcgen::SanType::URI(ORIGIN.try_into().unwrap()),
        ];
        params
    }

    /// What the issuing authority's profile would look like, to be spoilt.
    pub(crate) fn issuing(&self) -> CertificateParams {
        let mut params = self.blank(ANY_POLICY);
        params.distinguished_name = authority_name("Issuing CA");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        params.key_usages =
            vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        // For an authority the library adds it by itself.
        params.custom_extensions.retain(|one| !one.oid_components().eq([2, 5, 29, 14]));
        params
    }

    /// What the timestamp profile would look like, to be spoilt.
    pub(crate) fn timestamp(&self) -> CertificateParams {
        let mut params = self.service("localhost timestamp", 3);
        let purposes = [0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 8].to_vec();
        push_extension(&mut params, &[2, 5, 29, 37], purposes, true);
        push_extension(&mut params, USAGE_PERIOD, usage_period(b"20261124", b"20271124"), false);
        params
    }

    /// What the log profile would look like, to be spoilt.
    pub(crate) fn log(&self) -> CertificateParams {
        let mut params = self.service("localhost log", 4);
        push_extension(&mut params, &[2, 5, 29, 37], own_usage(1), false);
        params
    }

    /// What the witness profile would look like, to be spoilt.
    pub(crate) fn witness(&self) -> CertificateParams {
        let mut params = self.service(WITNESS, 5);
        push_extension(&mut params, &[2, 5, 29, 37], own_usage(2), false);
        params.subject_alt_names.clear();
        params
    }

    fn service(&self, name: &str, number: u8) -> CertificateParams {
        let mut params = self.blank(&policy(number));
        valid(&mut params, start(), start().plus_seconds(366 * 24 * 60 * 60));
        push(&mut params, DnType::CommonName, name);
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = vec![rcgen::SanType::URI(ORIGIN.try_into().unwrap())];
        params
    }

    /// Signs it in the name of the authority with this common name.
    pub(crate) fn sign(&self, params: &CertificateParams, issuer: &str) -> Vec<u8> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name = authority_name(issuer);
        authority.key_identifier_method = KeyIdMethod::PreSpecified(self.key_id.to_vec());
        let issuer = rcgen::Issuer::from_params(&authority, &self.key);
        params.signed_by(&self.subject_key, &issuer).unwrap().der().to_vec()
    }

    fn blank(&self, policies: &[u8]) -> CertificateParams {
        use rcgen::PublicKeyData;
        let spki = self.subject_key.subject_public_key_info();
        let ed25519 = || Ed25519PublicKey::from_spki_der(&spki).map_or([0; 20], |key| key.key_id());
        let id = PublicKey::from_spki_der(&spki).map_or_else(|_| ed25519(), |key| key.key_id());
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        valid(&mut params, start(), start().plus_seconds(90 * 24 * 60 * 60));
        params.use_authority_key_identifier_extension = true;
        params.key_identifier_method = KeyIdMethod::PreSpecified(id.to_vec());
        let octet_string = [&[0x04, 0x14], id.as_slice()].concat();
        params.custom_extensions = vec![
            CustomExtension::from_oid_content(&[2, 5, 29, 32], policies.to_vec()),
            CustomExtension::from_oid_content(&[2, 5, 29, 14], octet_string),
        ];
        params
    }
}

/// An authority whose keys a forger shares.
pub(crate) struct Compromised {
    pub(crate) authority: Authority,
    pub(crate) root_key: SigningKey,
    pub(crate) issuing_key: SigningKey,
}

impl Compromised {
    pub(crate) fn new() -> Self {
        let (root_key, issuing_key) = (key(), key());
        let authority = Authority::with_keys(copy(&root_key), copy(&issuing_key));
        Self { authority, root_key, issuing_key }
    }

    pub(crate) fn forger(&self) -> Forger {
        Forger::with_key_of(&self.issuing_key)
    }

    pub(crate) fn person(
        &self,
        params: &CertificateParams,
        forger: &Forger,
    ) -> Result<(), PathError> {
        let leaf = forger.sign(params, "Issuing CA");
        self.verify_person(&leaf)
    }

    pub(crate) fn verify_person(&self, leaf: &[u8]) -> Result<(), PathError> {
        let chain = [leaf, self.authority.issuing.certificate().der()];
        self.authority.trusted().verify_person(&chain, start()).map(drop)
    }

    pub(crate) fn server(
        &self,
        params: &CertificateParams,
        forger: &Forger,
    ) -> Result<(), PathError> {
        let leaf = forger.sign(params, "Issuing CA");
        let chain = [leaf.as_slice(), self.authority.issuing.certificate().der()];
        self.authority.trusted().verify_server(&chain, &origin(), start()).map(drop)
    }
}

pub(crate) const USAGE_PERIOD: &[u64] = &[2, 5, 29, 16];

/// A `privateKeyUsagePeriod` from and until midnight of these days.
pub(crate) fn usage_period(from: &[u8; 8], until: &[u8; 8]) -> Vec<u8> {
    [&[0x30, 34, 0x80, 15], &from[..], b"000000Z", &[0x81, 15], until, b"000000Z"].concat()
}

pub(crate) fn push_extension(
    params: &mut CertificateParams,
    oid: &[u64],
    content: Vec<u8>,
    critical: bool,
) {
    let mut extension = CustomExtension::from_oid_content(oid, content);
    extension.set_criticality(critical);
    params.custom_extensions.push(extension);
}

pub(crate) fn remove_extension(params: &mut CertificateParams, oid: &[u64]) {
    params.custom_extensions.retain(|one| !one.oid_components().eq(oid.iter().copied()));
}

pub(crate) const UID: &[u64] = &[0, 9, 2342, 19_200_300, 100, 1, 1];

pub(crate) fn push(params: &mut CertificateParams, attribute: DnType, text: &str) {
    params.distinguished_name.push(attribute, DnValue::Utf8String(text.to_owned()));
}

/// Sets the validity; the type of the dates is not among what the library exports.
pub(crate) fn valid(params: &mut CertificateParams, not_before: Timestamp, not_after: Timestamp) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let after = |at: Timestamp| Duration::from_secs(at.as_seconds().unsigned_abs());
    params.not_before = epoch + after(not_before);
    params.not_after = epoch + after(not_after);
}

fn authority_name(common_name: &str) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(DnType::CountryName, DnValue::PrintableString("HK".try_into().unwrap()));
    name.push(DnType::OrganizationName, DnValue::Utf8String("CUHK".to_owned()));
    name.push(DnType::CommonName, DnValue::Utf8String(common_name.to_owned()));
    name
}
