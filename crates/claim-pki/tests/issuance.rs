//! Issuing: what is prepared, recorded, signed; what is refused before anything is signed.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;

use authority::{Authority, Forger, SID, copy, id, key, origin, serial, start, valid};
use claim_pki::{
    AuthorityName, IssueError, Issuer, Origin, PrepareError, Profile, ProfileError, ProfilePart,
    RootMakingError, RootSpec, Subject, SubjectError, Validity,
};

fn person(name: Option<&str>) -> Subject {
    Subject::Person { id: id(), name: name.map(str::to_owned) }
}

fn a_day() -> Validity {
    Validity::starting(start(), 24 * 60 * 60)
}

/// The common name of a certificate for this subject, or why there is none.
fn common_name(authority: &Authority, subject: &Subject) -> Result<String, PrepareError> {
    let issuer = &authority.issuing;
    let issuance = issuer.prepare(subject, key().public_key(), &serial(7), a_day())?;
    Ok(issuer.issue(issuance).unwrap().common_name().unwrap().to_owned())
}

#[test]
fn what_was_recorded_is_what_is_signed() {
    let authority = Authority::new();
    let key = key();
    let issuance = authority
        .issuing
        .prepare(&person(Some("Chan Tai Man")), key.public_key(), &serial(7), a_day())
        .unwrap();
    assert_eq!(issuance.serial(), &serial(7));
    assert_eq!(issuance.not_after(), a_day().not_after());
    let recorded = issuance.tbs_der().to_vec();
    let certificate = authority.issuing.issue(issuance).unwrap();
    assert_eq!(certificate.serial(), &serial(7));
    assert_eq!(certificate.validity(), a_day());
    assert_eq!(certificate.public_key().unwrap(), *key.public_key());
    assert_eq!(certificate.person_id(), Some(id()));
    assert_eq!(certificate.issuer_key_id(), Some(*authority.issuing.key_id()));
    assert_eq!(certificate.subject_key_id(), Some(key.public_key().key_id()));
    assert!(certificate.der().windows(recorded.len()).any(|window| window == recorded));
}

#[test]
fn after_a_crash_the_same_content_is_signed_again() {
    let authority = Authority::new();
    let issuer = &authority.issuing;
    let issuance = issuer.prepare(&person(None), key().public_key(), &serial(7), a_day()).unwrap();
    let recorded = issuance.tbs_der().to_vec();
    let first = issuer.issue(issuance).unwrap();
    let second = issuer.issue(issuer.resume(&recorded).unwrap()).unwrap();
    assert_eq!(first.serial(), second.serial());
    assert_eq!(first.spki_der(), second.spki_der());
    for leaf in [&first, &second] {
        assert!(authority.trusted().verify_person(&authority.chain(leaf), start()).is_ok());
    }
}

#[test]
fn another_issuer_neither_resumes_nor_signs() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let prepare =
        || ours.issuing.prepare(&person(None), key().public_key(), &serial(7), a_day()).unwrap();
    assert_eq!(theirs.issuing.resume(prepare().tbs_der()).unwrap_err(), PrepareError::OtherIssuer);
    assert_eq!(theirs.issuing.issue(prepare()).unwrap_err(), IssueError::OtherIssuer);
    assert_eq!(ours.root.issue(prepare()).unwrap_err(), IssueError::OtherIssuer);
}

/// A record that was tampered with does not get signed.
#[test]
fn what_comes_back_is_checked_like_what_is_new() {
    let issuing_key = key();
    let authority = Authority::with_keys(key(), copy(&issuing_key));
    let forger = Forger::with_key_of(&issuing_key);
    let tbs = |params: &rcgen::CertificateParams| {
        let der = forger.sign(params, "Issuing CA");
        // Certificate ::= SEQUENCE { tbsCertificate, … }: a header of four octets, then the content with its own.
        let length = usize::from(u16::from_be_bytes([der[6], der[7]])) + 4;
        der[4..4 + length].to_vec()
    };
    assert!(authority.issuing.resume(&tbs(&forger.person())).is_ok());

    assert!(matches!(authority.issuing.resume(b"garbage"), Err(PrepareError::Encoding(_))));

    let mut outlives = forger.person();
    valid(&mut outlives, start(), authority.issuing.validity().not_after().plus_seconds(1));
    assert!(matches!(
        authority.issuing.resume(&tbs(&outlives)),
        Err(PrepareError::OutsideIssuer { .. })
    ));

    let mut usage = forger.person();
    usage.key_usages.push(rcgen::KeyUsagePurpose::KeyCertSign);
    assert_eq!(
        authority.issuing.resume(&tbs(&usage)).unwrap_err(),
        PrepareError::Profile(ProfileError::Part {
            profile: Profile::Person,
            part: ProfilePart::KeyUsage
        })
    );

    assert_eq!(
        authority.issuing.resume(&tbs(&forger.issuing())).unwrap_err(),
        PrepareError::WrongIssuer { subject: Profile::Issuing, issuer: Profile::Issuing }
    );

    let mut nothing = forger.person();
    nothing.custom_extensions.clear();
    assert_eq!(authority.issuing.resume(&tbs(&nothing)).unwrap_err(), PrepareError::NoProfile);
}

#[test]
fn no_certificate_outlives_its_issuer() {
    let authority = Authority::new();
    let issuer = authority.issuing.validity();
    let prepare = |wanted: Validity| {
        let public = key();
        authority.issuing.prepare(&person(None), public.public_key(), &serial(7), wanted).map(drop)
    };
    let end = issuer.not_after();
    for wanted in [
        Validity::new(start(), end.plus_seconds(1)).unwrap(),
        Validity::new(start().plus_seconds(-1), end).unwrap(),
    ] {
        assert_eq!(prepare(wanted), Err(PrepareError::OutsideIssuer { wanted, issuer }));
        assert_eq!(prepare(wanted.within(issuer).unwrap()), Ok(()));
    }
}

#[test]
fn each_authority_issues_its_own_profiles_only() {
    let authority = Authority::new();
    let issuing = Subject::Issuing { name: AuthorityName::cuhk("Another CA").unwrap() };
    let server = Subject::Server { origin: origin() };
    for (issuer, subject, profiles) in [
        (&authority.root, &person(None), (Profile::Person, Profile::Root)),
        (&authority.root, &server, (Profile::Server, Profile::Root)),
        (&authority.issuing, &issuing, (Profile::Issuing, Profile::Issuing)),
    ] {
        let (subject_profile, issuer_profile) = profiles;
        assert_eq!(
            issuer.prepare(subject, key().public_key(), &serial(7), a_day()).unwrap_err(),
            PrepareError::WrongIssuer { subject: subject_profile, issuer: issuer_profile }
        );
    }
}

#[test]
fn a_persons_common_name_is_the_name_else_the_id() {
    let authority = Authority::new();
    let long = "é".repeat(65);
    for (name, expected) in [
        (None, SID),
        (Some(""), SID),
        (Some("  "), SID),
        (Some(" Chan Tai Man "), "Chan Tai Man"),
        (Some("陳大文"), "陳大文"),
        (Some(long.as_str()), &long[..128]),
        // Not a second attribute, not a second name.
        (Some("x,O=evil+UID=0000000000"), "x,O=evil+UID=0000000000"),
    ] {
        assert_eq!(common_name(&authority, &person(name)).unwrap(), expected);
    }
    assert_eq!(
        common_name(&authority, &person(Some("Chan\u{1b}[2J"))).unwrap_err(),
        PrepareError::Subject(SubjectError::ControlCharacter { found: '\u{1b}' })
    );
}

#[test]
fn hosts_must_be_dns_names_that_fit() {
    let authority = Authority::new();
    let server = |text: &str| {
        let origin: Origin = text.parse().unwrap();
        common_name(&authority, &Subject::Server { origin })
    };
    assert_eq!(server("https://blackboard.cuhk.example:3141").unwrap(), "blackboard.cuhk.example");
    assert_eq!(server("https://[::1]:3141").unwrap(), "::1");
    for host in ["*.cuhk.example", "localhost.", "a..b"] {
        assert_eq!(
            server(&format!("https://{host}")).unwrap_err(),
            PrepareError::Subject(SubjectError::Host { found: host.to_owned() })
        );
    }
    let long = format!("{0}.{0}.example", "a".repeat(40));
    let error = SubjectError::Length { text: long.clone(), found: long.len() };
    assert_eq!(server(&format!("https://{long}")).unwrap_err(), PrepareError::Subject(error));
}

#[test]
fn authorities_have_names_that_fit() {
    let long = "a".repeat(65);
    for (country, organisation, common_name) in [
        ("hk", "CUHK", "Root"),
        ("HKG", "CUHK", "Root"),
        ("HK", "", "Root"),
        ("HK", "CUHK", ""),
        ("HK", "CUHK", "Ro\not"),
        ("HK", "CUHK", &long),
    ] {
        assert!(AuthorityName::new(country, organisation, common_name).is_err());
    }
    let name = AuthorityName::new("GB", "École", &long[1..]).unwrap();
    let spec = RootSpec { name, domain: None };
    let root = Issuer::self_signed_root(&spec, key(), &serial(1), a_day()).unwrap();
    assert_eq!(root.certificate().common_name(), Some(&long[1..]));
}

#[test]
fn a_roots_domain_is_a_dns_name() {
    for domain in ["", ".cuhk.example", "*.cuhk.example", "cuhk example", "cuhk.example."] {
        let name = AuthorityName::cuhk("Root").unwrap();
        let spec = RootSpec { name, domain: Some(domain.to_owned()) };
        let error = Issuer::self_signed_root(&spec, key(), &serial(1), a_day()).unwrap_err();
        let expected = PrepareError::Domain { found: domain.to_owned() };
        assert_eq!(error, RootMakingError::Prepare(expected));
    }
}

#[test]
fn lives_are_those_of_the_design() {
    const DAY: u32 = 24 * 60 * 60;
    assert_eq!(Profile::Person.life(), 180 * DAY);
    assert_eq!(Profile::Server.life(), 90 * DAY);
    assert_eq!(Profile::Issuing.life() / DAY, 1826);
    assert_eq!(Profile::Root.life() / DAY, 7305);
    // Beyond 2049 the dates change their form (RFC 5280 §4.1.2.5).
    let start = "2049-06-01T00:00:00.000Z".parse().unwrap();
    let validity = Validity::starting(start, Profile::Root.life());
    let spec = RootSpec { name: AuthorityName::cuhk("Root").unwrap(), domain: None };
    let root = Issuer::self_signed_root(&spec, key(), &serial(1), validity).unwrap();
    assert_eq!(root.certificate().validity(), validity);
    assert_eq!(root.certificate().not_after().to_string(), "2069-06-01T00:00:00.000Z");
}
