//! Timestamp authorities, logs and witnesses: certified by the root itself, each for its one purpose.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;

use authority::{
    Authority, Compromised, Forger, ORIGIN, SID, UID, USAGE_PERIOD, WITNESS, ed25519_key, issue,
    key, origin, own_usage, policy, push, push_extension, remove_extension, serial, start,
    usage_period, valid,
};
use claim_pki::{
    CrlUrl, Issuer, KeyError, PathError, PrepareError, Profile, ProfileError, ProfilePart, Root,
    Subject, Timestamp, Validity,
};
use rcgen::{CertificateParams, DnType, KeyPair, SanType};

const DAY: i64 = 24 * 60 * 60;
const ROOT: &str = "Root CA (local demo)";

#[test]
fn each_service_is_verified_directly_under_the_root() {
    let authority = Authority::new();
    let root = authority.trusted();
    let (timestamp_key, log_key, witness_key) = (key(), ed25519_key(), ed25519_key());
    let later = start().plus_seconds(9 * 365 * DAY);

    let certificate = authority.timestamp_with(&timestamp_key);
    let timestamp = root.verify_timestamp(certificate.der(), later).unwrap();
    assert_eq!(timestamp.origin(), &origin());
    assert_eq!(timestamp.public_key(), timestamp_key.public_key());
    assert_eq!(timestamp.serial(), certificate.serial());
    assert_eq!(timestamp.leaf_digest(), certificate.digest());
    assert_eq!(timestamp.issuer_key_id(), authority.root.key_id());
    let year = Validity::new(start(), start().plus_seconds(365 * DAY)).unwrap();
    assert_eq!(timestamp.key_usage_period(), year);
    assert_eq!(timestamp.not_after(), start().plus_seconds(3652 * DAY));
    assert_eq!(certificate.common_name(), Some("localhost timestamp"));

    let certificate = authority.log_with(&log_key);
    let log = root.verify_log(certificate.der(), later).unwrap();
    assert_eq!((log.origin(), log.public_key()), (&origin(), log_key.public_key()));
    assert_eq!(certificate.common_name(), Some("localhost log"));

    let certificate = authority.witness_with(&witness_key);
    let witness = root.verify_witness(certificate.der(), later).unwrap();
    assert_eq!(
        (witness.name().as_str(), witness.public_key()),
        (WITNESS, witness_key.public_key())
    );
    assert!(witness.valid_at(later) && !witness.valid_at(start().plus_seconds(3653 * DAY)));
}

#[test]
fn what_the_forger_starts_from_is_right() {
    let forged = Forged::new();
    assert_eq!(forged.timestamp(&forged.p256.timestamp()), Ok(()));
    assert_eq!(forged.log(&forged.ed25519.log()), Ok(()));
    assert_eq!(forged.witness(&forged.ed25519.witness()), Ok(()));
}

#[test]
fn no_service_passes_for_another() {
    let authority = Authority::new();
    let root = authority.trusted();
    let timestamp = authority.timestamp_with(&key());
    let log = authority.log_with(&ed25519_key());
    let witness = authority.witness_with(&ed25519_key());
    let issuing = authority.issuing.certificate();
    let wrong = |expected, found| Err(PathError::WrongProfile { expected, found: Some(found) });
    for (certificate, found) in [
        (&timestamp, Profile::Timestamp),
        (&log, Profile::Log),
        (&witness, Profile::Witness),
        (issuing, Profile::Issuing),
    ] {
        let der = certificate.der();
        let timestamp = root.verify_timestamp(der, start()).map(drop);
        let log = root.verify_log(der, start()).map(drop);
        let witness = root.verify_witness(der, start()).map(drop);
        for (verified, expected) in
            [(timestamp, Profile::Timestamp), (log, Profile::Log), (witness, Profile::Witness)]
        {
            match expected == found {
                true => assert_eq!(verified, Ok(())),
                false => assert_eq!(verified, wrong(expected, found)),
            }
        }
        let person = root.verify_person(&[der, issuing.der()], start());
        assert_eq!(person, Err(PathError::IssuedByRoot));
    }
    let own = authority.root.certificate().der();
    assert!(root.verify_log(own, start()).is_err());
}

/// Theft of the issuing authority's key must not discredit evidence.
#[test]
fn the_issuing_authority_certifies_no_service() {
    let compromised = Compromised::new();
    let root = compromised.authority.trusted();
    let forger = compromised.forger();
    let refused = Err(PathError::NotIssuedByRoot);
    let timestamp = forger.sign(&forger.timestamp(), "Issuing CA");
    assert_eq!(root.verify_timestamp(&timestamp, start()).map(drop), refused);
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let forger = compromised.forger().with_subject_key(ed25519);
    let log = forger.sign(&forger.log(), "Issuing CA");
    assert_eq!(root.verify_log(&log, start()).map(drop), refused);
    let witness = forger.sign(&forger.witness(), "Issuing CA");
    assert_eq!(root.verify_witness(&witness, start()).map(drop), refused);

    // In the root's name but with the issuing authority's key, and owning up to it or not.
    let log = forger.sign(&forger.log(), ROOT);
    assert_eq!(root.verify_log(&log, start()).map(drop), Err(PathError::UnknownIssuer));
    let forger = forger.claiming_key_id(compromised.root_key.public_key().key_id());
    let log = forger.sign(&forger.log(), ROOT);
    assert_eq!(root.verify_log(&log, start()).map(drop), Err(PathError::BadSignature));
}

#[test]
fn another_root_of_the_same_name_certifies_no_service() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let log = theirs.log_with(&ed25519_key());
    let refused = ours.trusted().verify_log(log.der(), start()).unwrap_err();
    assert_eq!(refused, PathError::UnknownIssuer);
}

#[test]
fn services_have_their_time() {
    let root_key = key();
    let validity = Validity::starting(start(), 100);
    let root = authority::root(None, authority::copy(&root_key), validity);
    let trusted = Root::new(root.certificate().clone()).unwrap();
    let leaf = issue(&root, &Subject::Log { origin: origin() }, ed25519_key().public_key(), 50);
    let verify = |at: Timestamp| trusted.verify_log(leaf.der(), at).map(drop);
    assert_eq!(verify(start()), Ok(()));
    assert_eq!(verify(start().plus_seconds(50)), Ok(()));
    let at = start().plus_seconds(51);
    assert_eq!(verify(at), Err(PathError::Expired { at, not_after: leaf.not_after() }));
    let at = start().plus_seconds(-1);
    assert_eq!(verify(at), Err(PathError::NotYetValid { at, not_before: start() }));

    // A certificate that outlives the root, which `prepare` would refuse.
    let forger = Forger::with_key_of(&root_key);
    let mut params = forger.timestamp();
    valid(&mut params, start(), start().plus_seconds(400 * DAY));
    let leaf = forger.sign(&params, ROOT);
    let at = start().plus_seconds(101);
    let refused = trusted.verify_timestamp(&leaf, at).unwrap_err();
    assert_eq!(refused, PathError::IssuerNotValid { at, issuer: Profile::Root, validity });
}

/// The root's key in wrong hands, and a forger for each kind of subject key.
struct Forged {
    root: Root,
    p256: Forger,
    ed25519: Forger,
}

impl Forged {
    fn new() -> Self {
        let compromised = Compromised::new();
        let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        Self {
            root: compromised.authority.trusted(),
            p256: Forger::with_key_of(&compromised.root_key),
            ed25519: Forger::with_key_of(&compromised.root_key).with_subject_key(ed25519),
        }
    }

    fn timestamp(&self, params: &CertificateParams) -> Result<(), PathError> {
        let leaf = self.p256.sign(params, ROOT);
        self.root.verify_timestamp(&leaf, start()).map(drop)
    }

    fn log(&self, params: &CertificateParams) -> Result<(), PathError> {
        let leaf = self.ed25519.sign(params, ROOT);
        self.root.verify_log(&leaf, start()).map(drop)
    }

    fn witness(&self, params: &CertificateParams) -> Result<(), PathError> {
        let leaf = self.ed25519.sign(params, ROOT);
        self.root.verify_witness(&leaf, start()).map(drop)
    }
}

type Spoil = fn(&mut CertificateParams);

const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
const TIME_STAMPING: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 8];

/// What spoils every one of the three profiles.
const SPOILT: &[(ProfilePart, Spoil)] = &[
    (ProfilePart::KeyUsage, |p| p.key_usages.clear()),
    (ProfilePart::KeyUsage, |p| p.key_usages.push(rcgen::KeyUsagePurpose::KeyCertSign)),
    (ProfilePart::ExtendedKeyUsage, |p| remove_extension(p, EXTENDED_KEY_USAGE)),
    (ProfilePart::ExtendedKeyUsage, |p| {
        remove_extension(p, EXTENDED_KEY_USAGE);
        push_extension(p, EXTENDED_KEY_USAGE, own_usage(3), true);
    }),
    (ProfilePart::ExtendedKeyUsage, |p| {
        remove_extension(p, EXTENDED_KEY_USAGE);
        let both = [&[0x30, 0x22], &own_usage(1)[2..], &TIME_STAMPING[2..]].concat();
        push_extension(p, EXTENDED_KEY_USAGE, both, true);
    }),
    (ProfilePart::BasicConstraints, |p| {
        remove_extension(p, &[2, 5, 29, 14]);
        p.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }),
    (ProfilePart::SubjectKeyIdentifier, |p| remove_extension(p, &[2, 5, 29, 14])),
    (ProfilePart::AuthorityKeyIdentifier, |p| p.use_authority_key_identifier_extension = false),
    (ProfilePart::CriticalExtension, |p| push_extension(p, &[1, 3, 9999, 1], vec![5, 0], true)),
    (ProfilePart::Subject, |p| {
        p.distinguished_name.remove(DnType::CommonName);
        push(p, DnType::OrganizationName, "localhost");
    }),
    (ProfilePart::Subject, |p| push(p, DnType::CustomDnType(UID.to_vec()), SID)),
    (ProfilePart::AlternativeName, |p| {
        p.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    }),
    (ProfilePart::AlternativeName, |p| {
        let uri = || SanType::URI(ORIGIN.try_into().unwrap());
        p.subject_alt_names = vec![uri(), uri()];
    }),
];

#[test]
fn every_part_of_the_profiles_is_checked() {
    let forged = Forged::new();
    for (part, spoil) in SPOILT {
        let refusal = |profile| Err(PathError::NotAsProfile { profile, part: *part });
        let spoilt = |mut params: CertificateParams| {
            spoil(&mut params);
            params
        };
        let timestamp = forged.timestamp(&spoilt(forged.p256.timestamp()));
        assert_eq!(timestamp, refusal(Profile::Timestamp));
        assert_eq!(forged.log(&spoilt(forged.ed25519.log())), refusal(Profile::Log));
        assert_eq!(forged.witness(&spoilt(forged.ed25519.witness())), refusal(Profile::Witness));
    }
}

#[test]
fn every_part_that_only_one_of_them_has_is_checked() {
    let forged = Forged::new();
    let cases: &[(ProfilePart, Spoil)] = &[
        // RFC 3161 §2.3: critical.
        (ProfilePart::ExtendedKeyUsage, |p| {
            remove_extension(p, EXTENDED_KEY_USAGE);
            push_extension(p, EXTENDED_KEY_USAGE, TIME_STAMPING.to_vec(), false);
        }),
        (ProfilePart::AlternativeName, |p| p.subject_alt_names.clear()),
        (ProfilePart::PrivateKeyUsagePeriod, |p| remove_extension(p, USAGE_PERIOD)),
        // Before and beyond the certificate's validity, and for more than a year.
        (ProfilePart::PrivateKeyUsagePeriod, |p| usage(p, usage_period(b"20261123", b"20270101"))),
        (ProfilePart::PrivateKeyUsagePeriod, |p| usage(p, usage_period(b"20270101", b"20271231"))),
        (ProfilePart::PrivateKeyUsagePeriod, |p| usage(p, usage_period(b"20261124", b"20271125"))),
        (ProfilePart::PrivateKeyUsagePeriod, |p| usage(p, usage_period(b"20270101", b"20261201"))),
        // One end only.
        (ProfilePart::PrivateKeyUsagePeriod, |p| {
            let both = usage_period(b"20261124", b"20271124");
            usage(p, [&[0x30, 17], &both[2..19]].concat());
        }),
        (ProfilePart::PrivateKeyUsagePeriod, |p| {
            let both = usage_period(b"20261124", b"20271124");
            usage(p, [&[0x30, 17], &both[19..]].concat());
        }),
    ];
    fn usage(params: &mut CertificateParams, content: Vec<u8>) {
        remove_extension(params, USAGE_PERIOD);
        push_extension(params, USAGE_PERIOD, content, false);
    }
    for (part, spoil) in cases {
        let mut params = forged.p256.timestamp();
        spoil(&mut params);
        let refusal = PathError::NotAsProfile { profile: Profile::Timestamp, part: *part };
        assert_eq!(forged.timestamp(&params), Err(refusal));
    }
    let mut params = forged.ed25519.log();
    params.subject_alt_names.clear();
    let part = ProfilePart::AlternativeName;
    let refusal = PathError::NotAsProfile { profile: Profile::Log, part };
    assert_eq!(forged.log(&params), Err(refusal));
    for name in ["two words", "a+b"] {
        let mut params = forged.ed25519.witness();
        params.distinguished_name.remove(DnType::CommonName);
        push(&mut params, DnType::CommonName, name);
        let part = ProfilePart::Subject;
        let refusal = PathError::NotAsProfile { profile: Profile::Witness, part };
        assert_eq!(forged.witness(&params), Err(refusal));
    }
}

#[test]
fn each_service_has_its_kind_of_key() {
    let forged = Forged::new();
    let error = |error| Err(PathError::Key(error));
    let p256 = KeyError::NotEd25519 { algorithm: "P-256".to_owned() };
    let log = forged.p256.sign(&forged.p256.log(), ROOT);
    assert_eq!(forged.root.verify_log(&log, start()).map(drop), error(p256.clone()));
    let witness = forged.p256.sign(&forged.p256.witness(), ROOT);
    assert_eq!(forged.root.verify_witness(&witness, start()).map(drop), error(p256.clone()));
    let timestamp = forged.ed25519.sign(&forged.ed25519.timestamp(), ROOT);
    let ed25519 = KeyError::NotP256 { algorithm: "Ed25519".to_owned() };
    assert_eq!(forged.root.verify_timestamp(&timestamp, start()).map(drop), error(ed25519.clone()));

    let root = Authority::new().root;
    let year = Validity::starting(start(), 1000);
    let timestamp = Subject::Timestamp { origin: origin() };
    let refused = root.prepare(&timestamp, ed25519_key().public_key(), &serial(7), year);
    assert_eq!(refused.unwrap_err(), PrepareError::Profile(ProfileError::Key(ed25519)));
    let log = Subject::Log { origin: origin() };
    let refused = root.prepare(&log, key().public_key(), &serial(7), year);
    assert_eq!(refused.unwrap_err(), PrepareError::Profile(ProfileError::Key(p256)));
}

#[test]
fn only_a_root_issues_to_services() {
    let authority = Authority::new();
    let day = Validity::starting(start(), 1000);
    for subject in
        [Subject::Log { origin: origin() }, Subject::Witness { name: WITNESS.parse().unwrap() }]
    {
        let prepare = |issuer: &Issuer| {
            issuer.prepare(&subject, ed25519_key().public_key(), &serial(7), day).map(drop)
        };
        assert_eq!(prepare(&authority.root), Ok(()));
        let profiles = (subject.profile(), Profile::Issuing);
        let refusal = PrepareError::WrongIssuer { subject: profiles.0, issuer: profiles.1 };
        assert_eq!(prepare(&authority.issuing), Err(refusal));
    }
    let timestamp = Subject::Timestamp { origin: origin() };
    let refused = authority.issuing.prepare(&timestamp, key().public_key(), &serial(7), day);
    let (subject, issuer) = (Profile::Timestamp, Profile::Issuing);
    assert_eq!(refused.unwrap_err(), PrepareError::WrongIssuer { subject, issuer });
}

/// After a crash a service's certificate is taken up again like any other.
#[test]
fn what_was_prepared_for_a_service_is_resumed() {
    let authority = Authority::new();
    let log_key = ed25519_key();
    let subject = Subject::Log { origin: origin() };
    let day = Validity::starting(start(), 1000);
    let root = &authority.root;
    let issuance = root.prepare(&subject, log_key.public_key(), &serial(7), day).unwrap();
    let resumed = root.resume(issuance.tbs_der()).unwrap();
    let leaf = root.issue(resumed).unwrap();
    let log = authority.trusted().verify_log(leaf.der(), start()).unwrap();
    assert_eq!(log.public_key(), log_key.public_key());
}

#[test]
fn a_short_lived_timestamp_key_is_used_no_longer_than_its_certificate() {
    let authority = Authority::new();
    let subject = Subject::Timestamp { origin: origin() };
    let leaf = issue(&authority.root, &subject, key().public_key(), 1000);
    let verified = authority.trusted().verify_timestamp(leaf.der(), start()).unwrap();
    assert_eq!(verified.key_usage_period(), leaf.validity());
}

#[test]
fn long_hosts_are_cut_in_the_common_name_only() {
    let authority = Authority::new();
    let host = format!("{}.example", "a".repeat(56));
    let origin: claim_pki::Origin = format!("https://{host}").parse().unwrap();
    let subject = Subject::Timestamp { origin: origin.clone() };
    let leaf = issue(&authority.root, &subject, key().public_key(), 1000);
    assert_eq!(leaf.common_name(), Some(format!("{} timestamp", &host[..54]).as_str()));
    let verified = authority.trusted().verify_timestamp(leaf.der(), start()).unwrap();
    assert_eq!(verified.origin(), &origin);
}

/// The profiles say nothing of where the CRL lies: with and without it the certificates verify.
#[test]
fn certificates_tell_where_the_crl_lies() {
    let Compromised { root_key, issuing_key, .. } = Compromised::new();
    let url = "https://cuhk.example:9335/crl/0a.crl";
    let with_url = |issuer: Issuer| issuer.with_crl_url(url.parse::<CrlUrl>().unwrap());
    let authority = Authority::with_keys(root_key, issuing_key);
    let Authority { root, issuing } = authority;
    let authority = Authority { root: with_url(root), issuing: with_url(issuing) };
    let contains = |der: &[u8]| der.windows(url.len()).any(|window| window == url.as_bytes());
    let person = authority.person();
    assert!(contains(person.der()));
    assert!(authority.trusted().verify_person(&authority.chain(&person), start()).is_ok());
    let log = authority.log_with(&ed25519_key());
    assert!(contains(log.der()));
    assert!(authority.trusted().verify_log(log.der(), start()).is_ok());
    assert!(!contains(Authority::new().person().der()));
    // Its policy is the log's own.
    let own = &policy(4)[4..];
    assert!(log.der().windows(own.len()).any(|window| window == own));
}
