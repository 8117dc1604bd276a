//! Path validation: what is accepted, and each refusal with the cause made for real.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;

use authority::{
    Authority, Compromised, Forger, SID, copy, id, issue, issuing_under, key, origin, serial,
    start, valid,
};
use claim_pki::{
    Certificate, Issuer, KeyError, Origin, PathError, Profile, Root, RootError, Subject, Timestamp,
    Validity,
};
use rcgen::{CertificateParams, KeyPair};

const DAY: i64 = 24 * 60 * 60;

fn later(seconds: i64) -> Timestamp {
    start().plus_seconds(seconds)
}

#[test]
fn a_person_is_verified() {
    let authority = Authority::new();
    let key = key();
    let leaf = authority.person_with(&key);
    let person = authority.trusted().verify_person(&authority.chain(&leaf), start()).unwrap();
    assert_eq!(person.id(), &id());
    assert_eq!(person.name(), "Chan Tai Man");
    assert_eq!(person.public_key(), key.public_key());
    assert_eq!(person.leaf_digest(), leaf.digest());
    assert_eq!(person.serial(), &serial(3));
    assert_eq!(person.issuer_key_id(), authority.issuing.key_id());
    assert_eq!(person.not_before(), start());
    assert_eq!(person.not_after(), later(180 * DAY));
    assert!(person.valid_at(later(180 * DAY)) && !person.valid_at(later(180 * DAY + 1)));
}

#[test]
fn a_server_is_verified_for_its_origin_only() {
    let authority = Authority::new();
    let leaf = authority.server(&origin());
    let verify = |origin: &Origin| {
        authority.trusted().verify_server(&authority.chain(&leaf), origin, start())
    };
    assert_eq!(verify(&origin()).unwrap().origin(), &origin());
    for other in ["https://localhost:9335", "https://localhost", "https://127.0.0.1:3141"] {
        let expected: Origin = other.parse().unwrap();
        let error = PathError::WrongOrigin { expected: expected.clone(), found: origin() };
        assert_eq!(verify(&expected).unwrap_err(), error);
    }
}

#[test]
fn a_kept_issuer_verifies_leaves_alone() {
    let authority = Authority::new();
    let root = authority.trusted();
    let issuer = root.verify_issuer(authority.issuing.certificate().der(), start()).unwrap();
    assert_eq!(issuer.certificate(), authority.issuing.certificate());
    assert_eq!(issuer.key_id(), authority.issuing.key_id());
    let (person, server) = (authority.person(), authority.server(&origin()));
    assert_eq!(
        issuer.verify_person(person.der(), start()).unwrap(),
        root.verify_person(&authority.chain(&person), start()).unwrap()
    );
    assert_eq!(
        issuer.verify_server(server.der(), &origin(), start()).unwrap(),
        root.verify_server(&authority.chain(&server), &origin(), start()).unwrap()
    );
    // It notices by itself that its own time is over.
    let end = authority.issuing.certificate().not_after();
    let leaf = issue_until(&authority, end);
    assert!(issuer.verify_person(&leaf, end).is_ok());
    assert!(
        root.verify_issuer(authority.issuing.certificate().der(), end.plus_seconds(1)).is_err()
    );
    let stranger = Authority::new().person();
    assert_eq!(
        issuer.verify_person(stranger.der(), start()).unwrap_err(),
        PathError::UnknownIssuer
    );
}

fn issue_until(authority: &Authority, end: Timestamp) -> Vec<u8> {
    let subject = Subject::Person { id: id(), name: None };
    let validity = Validity::new(start(), end).unwrap();
    let issuer = &authority.issuing;
    let issuance = issuer.prepare(&subject, key().public_key(), &serial(9), validity).unwrap();
    issuer.issue(issuance).unwrap().der().to_vec()
}

#[test]
fn the_order_of_the_intermediates_does_not_matter() {
    let authority = Authority::new();
    let leaf = authority.person();
    let [leaf, issuing] = authority.chain(&leaf);
    let root = authority.root.certificate().der();
    let other = Authority::new();
    let namesake = other.issuing.certificate().der();
    for chain in [
        &[leaf, issuing] as &[&[u8]],
        &[leaf, issuing, root],
        &[leaf, root, issuing],
        &[leaf, namesake, root, issuing],
    ] {
        assert!(authority.trusted().verify_person(chain, start()).is_ok(), "{}", chain.len());
    }
}

#[test]
fn chains_have_a_budget() {
    let authority = Authority::new();
    let leaf = authority.person();
    let [leaf, issuing] = authority.chain(&leaf);
    let verify = |chain: &[&[u8]]| authority.trusted().verify_person(chain, start()).unwrap_err();
    assert_eq!(verify(&[]), PathError::NoCertificate);
    assert_eq!(
        verify(&[leaf, issuing, issuing, issuing, issuing]),
        PathError::TooManyCertificates { found: 5 }
    );
    let large = vec![0x30; Root::MAX_SIZE + 1];
    assert_eq!(verify(&[&large, issuing]), PathError::TooLarge { found: Root::MAX_SIZE + 1 });
    assert_eq!(verify(&[leaf, &large]), PathError::TooLarge { found: Root::MAX_SIZE + 1 });
}

#[test]
fn what_is_no_certificate_is_malformed() {
    let authority = Authority::new();
    let leaf = authority.person();
    let [leaf, issuing] = authority.chain(&leaf);
    let trailing = [leaf, &[0]].concat();
    for chain in
        [[b"".as_slice(), issuing], [b"garbage", issuing], [&trailing, issuing], [leaf, b"x"]]
    {
        assert_eq!(
            authority.trusted().verify_person(&chain, start()).unwrap_err(),
            PathError::Malformed
        );
    }
}

#[test]
fn unknown_issuers() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let leaf = theirs.person();
    let root = ours.trusted();
    for chain in [
        // The same names everywhere, but another root.
        &theirs.chain(&leaf) as &[&[u8]],
        // Their leaf under our authority.
        &[leaf.der(), ours.issuing.certificate().der()],
        // No issuer at all.
        &[leaf.der()],
        &[ours.person().der()],
    ] {
        assert_eq!(root.verify_person(chain, start()).unwrap_err(), PathError::UnknownIssuer);
    }
}

#[test]
fn bad_signatures() {
    let forged = Compromised::new();
    let good = forged.authority.person();
    let mut tampered = good.der().to_vec();
    let at = tampered.windows(SID.len()).position(|w| w == SID.as_bytes()).unwrap();
    tampered[at] = b'2';
    assert_eq!(forged.verify_person(&tampered), Err(PathError::BadSignature));

    // By a stranger, who claims the authority's name and key.
    let stranger = Forger::with_key_of(&key()).claiming_key_id(*forged.authority.issuing.key_id());
    assert_eq!(forged.person(&stranger.person(), &stranger), Err(PathError::BadSignature));

    // An authority that gave itself the name of ours and pretends that the root signed.
    let own_key = key();
    let subject_key = KeyPair::from_pem(&own_key.to_pkcs8_pem()).unwrap();
    let forger = Forger::with_key_of(&own_key)
        .with_subject_key(subject_key)
        .claiming_key_id(forged.root_key.public_key().key_id());
    let issuing = forger.sign(&forger.issuing(), "Root CA (local demo)");
    let forger = Forger::with_key_of(&own_key);
    let leaf = forger.sign(&forger.person(), "Issuing CA");
    let root = forged.authority.trusted();
    assert_eq!(root.verify_person(&[&leaf, &issuing], start()), Err(PathError::BadSignature));
    assert!(matches!(root.verify_issuer(&issuing, start()), Err(PathError::BadSignature)));
}

#[test]
fn leaves_come_from_the_issuing_authority_only() {
    let forged = Compromised::new();
    let forger = Forger::with_key_of(&forged.root_key);
    let leaf = forger.sign(&forger.person(), "Root CA (local demo)");
    let authority = &forged.authority;
    let (root, issuing) =
        (authority.root.certificate().der(), authority.issuing.certificate().der());
    for chain in
        [&[leaf.as_slice()] as &[&[u8]], &[&leaf, root], &[&leaf, issuing], &[issuing, root]]
    {
        assert_eq!(authority.trusted().verify_person(chain, start()), Err(PathError::IssuedByRoot));
    }
}

#[test]
fn names_outside_the_roots_domain_are_refused() {
    let authority = Authority::with_domain(Some("cuhk.example"));
    let outside: Origin = "https://evil.example".parse().unwrap();
    let leaf = authority.server(&outside);
    assert_eq!(
        authority.trusted().verify_server(&authority.chain(&leaf), &outside, start()),
        Err(PathError::NameConstraints)
    );
}

#[test]
fn times_count_in_whole_seconds_and_include_both_ends() {
    let authority = Authority::new();
    let leaf = authority.person();
    let end = leaf.not_after();
    let verify = |at: Timestamp| authority.trusted().verify_person(&authority.chain(&leaf), at);
    assert!(verify(start()).is_ok());
    assert!(verify(Timestamp::from_millis(end.as_millis() + 999)).is_ok());
    let at = Timestamp::from_millis(end.as_millis() + 1000);
    assert_eq!(verify(at), Err(PathError::Expired { at, not_after: end }));
    let at = Timestamp::from_millis(start().as_millis() - 1);
    assert_eq!(verify(at), Err(PathError::NotYetValid { at, not_before: start() }));
}

#[test]
fn expired_is_said_only_of_what_is_otherwise_right() {
    let forged = Compromised::new();
    let late = later(1000 * DAY);
    let person = forged.authority.person();
    let root = forged.authority.trusted();
    let stranger = Authority::new();
    let leaf = stranger.person();
    assert_eq!(root.verify_person(&stranger.chain(&leaf), late), Err(PathError::UnknownIssuer));
    let mut tampered = person.der().to_vec();
    *tampered.last_mut().unwrap() ^= 1;
    let chain = [tampered.as_slice(), forged.authority.issuing.certificate().der()];
    assert_eq!(root.verify_person(&chain, late), Err(PathError::BadSignature));
    let server = forged.authority.server(&origin());
    assert!(matches!(
        root.verify_person(&forged.authority.chain(&server), late),
        Err(PathError::WrongProfile { .. })
    ));
    assert_eq!(
        root.verify_person(&forged.authority.chain(&person), late),
        Err(PathError::Expired { at: late, not_after: person.not_after() })
    );
    // Also when the authority's own time is over.
    let very_late = later(3000 * DAY);
    assert!(matches!(
        root.verify_person(&forged.authority.chain(&person), very_late),
        Err(PathError::Expired { .. })
    ));
}

#[test]
fn an_authority_that_is_not_valid_vouches_for_nobody() {
    let forged = Compromised::new();
    let forger = forged.forger();
    let mut params = forger.person();
    // A certificate that outlives its issuer, which prepare() would refuse.
    valid(&mut params, start(), later(3000 * DAY));
    let leaf = forger.sign(&params, "Issuing CA");
    let chain = [leaf.as_slice(), forged.authority.issuing.certificate().der()];
    let at = later(2000 * DAY);
    let validity = forged.authority.issuing.validity();
    assert_eq!(
        forged.authority.trusted().verify_person(&chain, at),
        Err(PathError::IssuerNotValid { at, issuer: Profile::Issuing, validity })
    );

    // The same for the root.
    let root_key = key();
    let root = authority::root(None, copy(&root_key), Validity::starting(start(), 10));
    let forger = Forger::with_key_of(&root_key);
    let mut params = forger.issuing();
    valid(&mut params, start(), later(100 * DAY));
    let issuing = forger.sign(&params, "Root CA (local demo)");
    let at = later(DAY);
    let validity = root.validity();
    let trusted = Root::new(root.certificate().clone()).unwrap();
    assert_eq!(
        trusted.verify_issuer(&issuing, at).unwrap_err(),
        PathError::IssuerNotValid { at, issuer: Profile::Root, validity }
    );
}

#[test]
fn renewal_has_a_grace() {
    let authority = Authority::new();
    let root = authority.trusted();
    let grace = 30 * 24 * 60 * 60;
    let person = authority.person();
    let renew = |at| root.verify_person_for_renewal(&authority.chain(&person), at, grace);
    let end = person.not_after();
    assert!(renew(start()).is_ok());
    assert_eq!(renew(end.plus_seconds(30 * DAY)).unwrap().not_after(), end);
    let at = end.plus_seconds(30 * DAY + 1);
    assert_eq!(renew(at), Err(PathError::Expired { at, not_after: end }));
    let at = start().plus_seconds(-1);
    assert_eq!(renew(at), Err(PathError::NotYetValid { at, not_before: start() }));

    let server = authority.server(&origin());
    let at = server.not_after().plus_seconds(DAY);
    let renewed = root.verify_server_for_renewal(&authority.chain(&server), at, grace).unwrap();
    assert_eq!(renewed.origin(), &origin());
    let chain = authority.chain(&server);
    assert!(root.verify_server_for_renewal(&chain, at.plus_seconds(30 * DAY), grace).is_err());

    // The authority must have been valid when the certificate was, not now.
    let short = issuing_under(&authority.root, key(), Validity::starting(start(), 100));
    let subject = Subject::Person { id: id(), name: None };
    let leaf = issue(&short, &subject, key().public_key(), 1000);
    let chain = [leaf.der(), short.certificate().der()];
    assert!(root.verify_person_for_renewal(&chain, later(DAY), grace).is_ok());
}

#[test]
fn roots() {
    let authority = Authority::new();
    let root = authority.trusted();
    assert!(root.is_local_demo());
    assert_eq!(root.hash(), authority.root.certificate().digest());
    assert_eq!(Root::from_pem(&authority.root.certificate().to_pem()).unwrap(), root);
    assert_eq!(Root::from_der(root.der()).unwrap(), root);

    let issuing = authority.issuing.certificate().clone();
    assert_eq!(Root::new(issuing).unwrap_err(), RootError::NotSelfSigned);
    let mut altered = root.der().to_vec();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    assert_eq!(Root::from_der(&altered).unwrap_err(), RootError::Signature);

    let self_signed = |params: &CertificateParams, key: &KeyPair| {
        let der = params.self_signed(key).unwrap().der().to_vec();
        Root::from_der(&der).unwrap_err()
    };
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let p256 = KeyPair::generate().unwrap();
    assert_eq!(self_signed(&params, &p256), RootError::NotAnAuthority);
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let error = KeyError::NotP256 { algorithm: "P-384".to_owned() };
    assert_eq!(self_signed(&params, &p384), RootError::Key(error));
    assert!(matches!(Root::from_pem("nothing"), Err(RootError::Certificate(_))));
}

/// What we accept, webpki accepts as a whole path under the root alone.
#[test]
fn webpki_agrees_on_the_whole_path() {
    use rustls_pki_types::{CertificateDer, UnixTime};
    let authority = Authority::new();
    let root = CertificateDer::from(authority.root.certificate().der());
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let issuing = [CertificateDer::from(authority.issuing.certificate().der())];
    let seconds = start().as_seconds().unsigned_abs();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let agree = |leaf: &Certificate, usage| {
        let leaf = CertificateDer::from(leaf.der());
        let leaf = webpki::EndEntityCert::try_from(&leaf).unwrap();
        let algorithms = &[webpki::aws_lc_rs::ECDSA_P256_SHA256];
        leaf.verify_for_usage(algorithms, &anchors, &issuing, time, usage, None, None).is_ok()
    };
    assert!(agree(&authority.person(), webpki::KeyUsage::client_auth()));
    assert!(agree(&authority.server(&origin()), webpki::KeyUsage::server_auth()));
}

#[test]
fn issuers_are_what_they_claim() {
    let authority = Authority::new();
    let issuing = authority.issuing.certificate().clone();
    let error = Issuer::new(issuing, key()).unwrap_err();
    assert_eq!(error, claim_pki::IssuerError::OtherKey);
    let key = key();
    let person = authority.person_with(&key);
    assert!(matches!(
        Issuer::new(person, key).unwrap_err(),
        claim_pki::IssuerError::NotAnAuthority(_)
    ));
}
