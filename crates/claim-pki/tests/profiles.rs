//! The certificate profiles: a certificate that strays from its own in any part is refused.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;

use authority::{ANY_POLICY, Authority, Compromised, Forger, ORIGIN, SID, origin, push, start};
use claim_pki::{KeyError, PathError, Profile, ProfilePart};
use rcgen::{CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, KeyPair};

fn not_as(profile: Profile, part: ProfilePart) -> PathError {
    PathError::NotAsProfile { profile, part }
}

#[test]
fn profiles_are_not_exchangeable() {
    let authority = Authority::new();
    let root = authority.trusted();
    let (person, server) = (authority.person(), authority.server(&origin()));
    assert_eq!(
        root.verify_person(&authority.chain(&server), start()),
        Err(PathError::WrongProfile { expected: Profile::Person, found: Some(Profile::Server) })
    );
    assert_eq!(
        root.verify_server(&authority.chain(&person), &origin(), start()),
        Err(PathError::WrongProfile { expected: Profile::Server, found: Some(Profile::Person) })
    );
    // A person's certificate does not become an authority's.
    let compromised = Compromised::new();
    let forger = Forger::with_key_of(&compromised.root_key);
    let leaf = forger.sign(&forger.person(), "Root CA (local demo)");
    assert_eq!(
        compromised.authority.trusted().verify_issuer(&leaf, start()).unwrap_err(),
        PathError::WrongProfile { expected: Profile::Issuing, found: Some(Profile::Person) }
    );
}

#[test]
fn what_the_forger_starts_from_is_right() {
    let forged = Compromised::new();
    let forger = forged.forger();
    assert_eq!(forged.person(&forger.person(), &forger), Ok(()));
    assert_eq!(forged.server(&forger.server(), &forger), Ok(()));
}

#[test]
fn a_certificate_without_our_policy_has_no_profile() {
    let forged = Compromised::new();
    let forger = forged.forger();
    let wrong = |found| Err(PathError::WrongProfile { expected: Profile::Person, found });
    let mut params = forger.person();
    params.custom_extensions.retain(|one| !one.oid_components().eq([2, 5, 29, 32]));
    assert_eq!(forged.person(&params, &forger), wrong(None));
    params
        .custom_extensions
        .push(CustomExtension::from_oid_content(&[2, 5, 29, 32], ANY_POLICY.to_vec()));
    assert_eq!(forged.person(&params, &forger), wrong(Some(Profile::Issuing)));
    // Two policies: neither a person nor a server.
    let mut both = forger.person();
    both.custom_extensions.retain(|one| !one.oid_components().eq([2, 5, 29, 32]));
    let inner = [&authority::PERSON_POLICY[2..], &authority::SERVER_POLICY[2..]].concat();
    let content = [&[0x30, 0x34], inner.as_slice()].concat();
    both.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 32], content));
    assert_eq!(forged.person(&both, &forger), wrong(None));
}

#[test]
fn every_part_of_the_person_profile_is_checked() {
    type Spoil = fn(&mut CertificateParams);
    let cases: &[(ProfilePart, Spoil)] = &[
        (ProfilePart::KeyUsage, |p| {
            p.key_usages.pop();
        }),
        (ProfilePart::KeyUsage, |p| p.key_usages.push(rcgen::KeyUsagePurpose::ContentCommitment)),
        (ProfilePart::KeyUsage, |p| p.key_usages.clear()),
        (ProfilePart::ExtendedKeyUsage, |p| p.extended_key_usages.clear()),
        (ProfilePart::ExtendedKeyUsage, |p| {
            p.extended_key_usages.pop();
        }),
        (ProfilePart::ExtendedKeyUsage, |p| {
            p.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }),
        (ProfilePart::BasicConstraints, |p| {
            p.custom_extensions.retain(|one| !one.oid_components().eq([2, 5, 29, 14]));
            p.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }),
        (ProfilePart::SubjectKeyIdentifier, |p| {
            p.custom_extensions.retain(|one| !one.oid_components().eq([2, 5, 29, 14]));
        }),
        (ProfilePart::AuthorityKeyIdentifier, |p| {
            p.use_authority_key_identifier_extension = false;
        }),
        (ProfilePart::CriticalExtension, |p| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 3, 9999, 1], vec![5, 0]);
            unknown.set_criticality(true);
            p.custom_extensions.push(unknown);
        }),
        (ProfilePart::AlternativeName, |p| {
            p.subject_alt_names = vec![rcgen::SanType::URI(ORIGIN.try_into().unwrap())];
        }),
        (ProfilePart::Subject, |p| {
            p.distinguished_name.remove(DnType::CustomDnType(authority::UID.to_vec()));
        }),
        (ProfilePart::Subject, |p| {
            push(p, DnType::CustomDnType(authority::UID.to_vec()), "0");
        }),
        (ProfilePart::Subject, |p| {
            p.distinguished_name.remove(DnType::CommonName);
        }),
    ];
    let forged = Compromised::new();
    let forger = forged.forger();
    for (part, spoil) in cases {
        let mut params = forger.person();
        spoil(&mut params);
        assert_eq!(forged.person(&params, &forger), Err(not_as(Profile::Person, *part)));
    }
}

#[test]
fn every_part_of_the_server_profile_is_checked() {
    use rcgen::SanType::{DnsName, IpAddress, URI};
    let uri = |text: &str| URI(text.try_into().unwrap());
    let dns = |text: &str| DnsName(text.try_into().unwrap());
    let forged = Compromised::new();
    let forger = forged.forger();
    for names in [
        vec![],
        vec![dns("localhost")],
        vec![dns("localhost"), uri(ORIGIN), uri("https://other.example")],
        vec![dns("localhost"), uri("https://localhost:3141/")],
        vec![dns("localhost"), uri("http://localhost:3141")],
        // The host of the origin must be among the names.
        vec![dns("other.example"), uri(ORIGIN)],
        vec![IpAddress("127.0.0.1".parse().unwrap()), uri(ORIGIN)],
    ] {
        let mut params = forger.server();
        params.subject_alt_names = names;
        let refusal = not_as(Profile::Server, ProfilePart::AlternativeName);
        assert_eq!(forged.server(&params, &forger), Err(refusal));
    }
    let mut params = forger.server();
    push(&mut params, DnType::CustomDnType(authority::UID.to_vec()), SID);
    let refusal = not_as(Profile::Server, ProfilePart::Subject);
    assert_eq!(forged.server(&params, &forger), Err(refusal));
}

#[test]
fn every_part_of_the_issuing_profile_is_checked() {
    type Spoil = fn(&mut CertificateParams);
    let cases: &[(ProfilePart, Spoil)] = &[
        (ProfilePart::BasicConstraints, |p| {
            p.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }),
        (ProfilePart::BasicConstraints, |p| {
            p.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(1));
        }),
        (ProfilePart::KeyUsage, |p| {
            p.key_usages.pop();
        }),
        (ProfilePart::ExtendedKeyUsage, |p| {
            p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }),
        (ProfilePart::NameConstraints, |p| {
            p.name_constraints = Some(rcgen::NameConstraints {
                permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("a.example".to_owned())],
                excluded_subtrees: vec![],
            });
        }),
    ];
    let forged = Compromised::new();
    let forger = Forger::with_key_of(&forged.root_key);
    let verify = |params: &CertificateParams| {
        let issuing = forger.sign(params, "Root CA (local demo)");
        forged.authority.trusted().verify_issuer(&issuing, start()).map(drop)
    };
    assert_eq!(verify(&forger.issuing()), Ok(()));
    for (part, spoil) in cases {
        let mut params = forger.issuing();
        spoil(&mut params);
        assert_eq!(verify(&params), Err(not_as(Profile::Issuing, *part)));
    }
}

#[test]
fn keys_of_other_algorithms_are_refused() {
    let forged = Compromised::new();
    let subject_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let forger = forged.forger().with_subject_key(subject_key);
    let error = KeyError::NotP256 { algorithm: "P-384".to_owned() };
    assert_eq!(forged.person(&forger.person(), &forger), Err(PathError::Key(error)));
}
