//! `testdata/certificates.json`: paths that lead to a root, and paths that do not.
//!
//! Keys and signatures are random, so the file is kept and checked; `UPDATE=certificates cargo test -p claim-pki`
//! makes another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;

use std::path::PathBuf;

use authority::{
    Authority, Compromised, Forger, ORIGIN, SID, UID, USAGE_PERIOD, copy, ed25519_key, id, issue,
    issuing_under, key, origin, own_usage, policy, push, remove_extension, start,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use claim_pki::{Certificate, Origin, PathError, Profile, Root, Subject, Timestamp, Validity};
use rcgen::{CertificateParams, CustomExtension, DnType};
use serde_json::{Value, json};

const DAY: i64 = 24 * 60 * 60;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/certificates.json")
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("there is no text {name}"))
}

/// Makes the cases; what each comes to is computed, and looked at by whoever updates the file.
struct Maker {
    world: Compromised,
    cases: Vec<Value>,
}

impl Maker {
    fn case(&mut self, name: &str, profile: &str, chain: &[&[u8]], at: Timestamp) {
        let root = self.world.authority.trusted();
        let chain: Vec<String> = chain.iter().map(|der| base64(der)).collect();
        let mut case = json!({ "name": name, "profile": profile, "at": at, "chain": chain });
        let verdict = verdict(&root, &case);
        case.as_object_mut().unwrap().extend(verdict.as_object().unwrap().clone());
        self.cases.push(case);
    }

    /// A leaf, with the issuing certificate behind it.
    fn leaf(&mut self, name: &str, profile: &str, leaf: &[u8]) {
        let issuing = self.world.authority.issuing.certificate().der().to_vec();
        self.case(name, profile, &[leaf, &issuing], start());
    }

    /// A person's leaf of the issuing authority, spoilt.
    fn person(&mut self, name: &str, spoil: impl FnOnce(&mut CertificateParams)) {
        let forger = self.world.forger();
        let mut params = forger.person();
        spoil(&mut params);
        self.leaf(name, "person", &forger.sign(&params, "Issuing CA"));
    }

    /// A server's leaf of the issuing authority, spoilt.
    fn server(&mut self, name: &str, spoil: impl FnOnce(&mut CertificateParams)) {
        let forger = self.world.forger();
        let mut params = forger.server();
        spoil(&mut params);
        self.leaf(name, "server", &forger.sign(&params, "Issuing CA"));
    }
}

/// What comes of a case: whom the certificate names, or the class of the refusal.
fn verdict(root: &Root, case: &Value) -> Value {
    let chain: Vec<Vec<u8>> = case["chain"].as_array().unwrap().iter().map(bytes).collect();
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    let at = text(case, "at").parse().unwrap();
    let found = match text(case, "profile") {
        "person" => root.verify_person(&chain, at).map(|person| json!({ "id": person.id() })),
        _ => root
            .verify_server(&chain, &origin(), at)
            .map(|server| json!({ "origin": server.origin() })),
    };
    found.unwrap_or_else(|error| json!({ "error": class(&error) }))
}

/// The slug under which a server refuses; for a client, which meets servers, also `wrong-origin`.
fn class(error: &PathError) -> &'static str {
    match error {
        PathError::WrongOrigin { .. } => "wrong-origin",
        PathError::Expired { .. } => "certificate-expired",
        PathError::NotYetValid { .. } => "certificate-not-yet-valid",
        PathError::WrongProfile { .. } | PathError::NotAsProfile { .. } | PathError::Key(_) => {
            "certificate-profile"
        }
        PathError::NoCertificate
        | PathError::Malformed
        | PathError::TooManyCertificates { .. }
        | PathError::TooLarge { .. } => "certificate-unreadable",
        _ => "certificate-untrusted",
    }
}

fn make() -> Value {
    let world = Compromised::new();
    let mut maker = Maker { world, cases: Vec::new() };
    good(&mut maker);
    times(&mut maker);
    paths(&mut maker);
    persons(&mut maker);
    servers(&mut maker);
    json!({
        "note": "Paths to `root` at the time `at`. A person's case tells the `id`, a server's the `origin` \
                 that was connected to is https://localhost:3141. `error` is the class of the refusal.",
        "root": base64(maker.world.authority.root.certificate().der()),
        "pin": pin(maker.world.authority.root.certificate()),
        "policies": policies(),
        "cases": maker.cases,
        "services": services(&maker.world),
    })
}

fn pin(root: &Certificate) -> String {
    URL_SAFE_NO_PAD.encode(&root.digest()[..16])
}

/// The identifiers of the profiles and usages, with tag and length, as DER has them.
fn policies() -> Value {
    let arc = "2.25.304274850276117055762681507612542191110";
    let entry = |kind: u8, number: u8, octets: &[u8]| json!({ "oid": format!("{arc}.{kind}.{number}"), "der": base64(octets) });
    let of_policy = |number| entry(1, number, &policy(number)[4..]);
    let of_usage = |number| entry(4, number, &own_usage(number)[2..]);
    json!({
        "person": of_policy(1), "server": of_policy(2), "timestamp": of_policy(3), "log": of_policy(4),
        "witness": of_policy(5), "log usage": of_usage(1), "witness usage": of_usage(2),
    })
}

fn good(maker: &mut Maker) {
    let person = maker.world.authority.person();
    let server = maker.world.authority.server(&origin());
    let root = maker.world.authority.root.certificate().der().to_vec();
    let issuing = maker.world.authority.issuing.certificate().der().to_vec();
    maker.leaf("a student", "person", person.der());
    maker.leaf("a server", "server", server.der());
    maker.case("the root as well", "person", &[person.der(), &issuing, &root], start());
    maker.case(
        "another order behind the leaf",
        "person",
        &[person.der(), &root, &issuing],
        start(),
    );
    maker.person("as another library writes the profile", |_| {});
    let staff = Subject::Person { id: "chan.tm".parse().unwrap(), name: None };
    let staff =
        issue(&maker.world.authority.issuing, &staff, key().public_key(), Profile::Person.life());
    maker.leaf("a member of staff", "person", staff.der());
}

fn times(maker: &mut Maker) {
    let person = maker.world.authority.person();
    let issuing = maker.world.authority.issuing.certificate().der().to_vec();
    let chain: [&[u8]; 2] = [person.der(), &issuing];
    maker.case("in the last second", "person", &chain, start().plus_seconds(180 * DAY));
    maker.case("a second later", "person", &chain, start().plus_seconds(180 * DAY + 1));
    maker.case("a second before it begins", "person", &chain, start().plus_seconds(-1));
}

fn paths(maker: &mut Maker) {
    let person = maker.world.authority.person();
    let issuing = maker.world.authority.issuing.certificate().der().to_vec();
    let foreign = Authority::new();
    let theirs = foreign.person();
    let their_issuing = foreign.issuing.certificate().der().to_vec();
    maker.case("nothing", "person", &[], start());
    maker.case("the leaf alone", "person", &[person.der()], start());
    maker.case("not a certificate", "person", &[&[0x30, 0], &issuing], start());
    let many = [person.der(), &issuing, &issuing, &issuing, &issuing];
    maker.case("five certificates", "person", &many, start());
    maker.case("another root", "person", &[theirs.der(), &their_issuing], start());
    maker.case(
        "another root's issuing authority",
        "person",
        &[person.der(), &their_issuing],
        start(),
    );
    let mut changed = person.der().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    maker.leaf("a changed signature", "person", &changed);
    let forger =
        Forger::with_key_of(&key()).claiming_key_id(*maker.world.authority.issuing.key_id());
    maker.leaf("signed by somebody else", "person", &forger.sign(&forger.person(), "Issuing CA"));
    let root_key = copy(&maker.world.root_key);
    let forger = Forger::with_key_of(&root_key);
    let by_root = forger.sign(&forger.person(), "Root CA (local demo)");
    maker.leaf("issued by the root itself", "person", &by_root);
    let year = Validity::starting(start(), 365 * 24 * 60 * 60);
    let other = issuing_under(&maker.world.authority.root, key(), year);
    let subject = Subject::Person { id: id(), name: None };
    let theirs = issue(&other, &subject, key().public_key(), Profile::Person.life());
    let other = other.certificate().der().to_vec();
    maker.case("an issuing authority of the same name", "person", &[theirs.der(), &other], start());
    let sub = maker.world.forger();
    let sub_authority = sub.sign(&sub.issuing(), "Issuing CA");
    maker.case(
        "an authority below the issuing one",
        "person",
        &[person.der(), &sub_authority],
        start(),
    );
    maker.case("the issuing authority as a person", "person", &[&issuing, &issuing], start());
}

fn persons(maker: &mut Maker) {
    let server = maker.world.authority.server(&origin());
    maker.leaf("a server as a person", "person", server.der());
    maker.person("without a policy", |params| {
        params.custom_extensions.retain(|one| one.oid_components().ne([2, 5, 29, 32]))
    });
    maker.person("with another key usage more", |params| {
        params.key_usages.push(rcgen::KeyUsagePurpose::ContentCommitment)
    });
    maker.person("without key agreement", |params| {
        params.key_usages.pop();
    });
    maker.person("with another extended key usage more", |params| {
        params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::EmailProtection)
    });
    maker.person("without document signing", |params| {
        params.extended_key_usages.pop();
    });
    maker.person("with an alternative name", |params| {
        params
            .subject_alt_names
            .push(rcgen::SanType::Rfc822Name("a@example.org".try_into().unwrap()))
    });
    maker.person("without an id", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        push(params, DnType::CommonName, SID);
    });
    maker.person("without a name", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        push(params, DnType::CustomDnType(UID.to_vec()), SID);
    });
    maker.person("with nine digits", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        push(params, DnType::CustomDnType(UID.to_vec()), "115512345");
        push(params, DnType::CommonName, "Chan");
    });
    maker.person("an authority", |params| {
        // For an authority the library adds the key identifier by itself.
        params.custom_extensions.retain(|one| one.oid_components().ne([2, 5, 29, 14]));
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0))
    });
    maker.person("with an unknown critical extension", |params| {
        let mut unknown = CustomExtension::from_oid_content(&[2, 25, 1], vec![5, 0]);
        unknown.set_criticality(true);
        params.custom_extensions.push(unknown);
    });
}

fn servers(maker: &mut Maker) {
    let person = maker.world.authority.person();
    maker.leaf("a person as a server", "server", person.der());
    let elsewhere: Origin = "https://localhost:9335".parse().unwrap();
    let other = maker.world.authority.server(&elsewhere);
    maker.leaf("another port", "server", other.der());
    let uri = |text: &str| rcgen::SanType::URI(text.try_into().unwrap());
    let name = || rcgen::SanType::DnsName("localhost".try_into().unwrap());
    maker.server("two URIs", |params| params.subject_alt_names.push(uri("https://relay.example")));
    maker.server("no URI", |params| params.subject_alt_names = vec![name()]);
    maker.server("a URI with a slash", |params| {
        params.subject_alt_names = vec![name(), uri("https://localhost:3141/")]
    });
    maker.server("without its host", |params| params.subject_alt_names = vec![uri(ORIGIN)]);
    maker.server("under another name", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        push(params, DnType::CommonName, "relay.example");
    });
    maker.server("without client authentication", |params| {
        params.extended_key_usages.pop();
    });
    maker.server("with key agreement", |params| {
        params.key_usages.push(rcgen::KeyUsagePurpose::KeyAgreement)
    });
}

/// What the root certifies itself: single certificates.
fn services(world: &Compromised) -> Vec<Value> {
    let authority = &world.authority;
    let timestamp = authority.timestamp_with(&key());
    let log = authority.log_with(&ed25519_key());
    let witness = authority.witness_with(&ed25519_key());
    let by_issuing = world.forger().sign(&world.forger().timestamp(), "Issuing CA");
    let by_root = Forger::with_key_of(&world.root_key);
    let mut without_period = by_root.timestamp();
    remove_extension(&mut without_period, USAGE_PERIOD);
    let without_period = by_root.sign(&without_period, "Root CA (local demo)");
    let (now, later) = (start(), start().plus_seconds(3653 * DAY));
    [
        ("a timestamp authority", "timestamp", timestamp.der(), now),
        ("a log", "log", log.der(), now),
        ("a witness", "witness", witness.der(), now),
        ("a log as a timestamp authority", "timestamp", log.der(), now),
        ("a log as a witness", "witness", log.der(), now),
        ("a witness as a log", "log", witness.der(), now),
        ("a timestamp authority of the issuing authority", "timestamp", &by_issuing, now),
        ("a timestamp authority without the period of its key", "timestamp", &without_period, now),
        ("a log of foreign roots", "log", Authority::new().log_with(&ed25519_key()).der(), now),
        ("a log after its end", "log", log.der(), later),
    ]
    .map(|(name, profile, der, at)| {
        let mut case =
            json!({ "name": name, "profile": profile, "at": at, "certificate": base64(der) });
        let verdict = service(&authority.trusted(), &case);
        case.as_object_mut().unwrap().extend(verdict.as_object().unwrap().clone());
        case
    })
    .to_vec()
}

/// What comes of a service's certificate.
fn service(root: &Root, case: &Value) -> Value {
    let (der, at) = (bytes(&case["certificate"]), text(case, "at").parse().unwrap());
    let found = match text(case, "profile") {
        "timestamp" => root.verify_timestamp(&der, at).map(|it| json!({ "origin": it.origin() })),
        "log" => root.verify_log(&der, at).map(|it| json!({ "origin": it.origin() })),
        _ => {
            root.verify_witness(&der, at).map(|it| json!({ "name_of_witness": it.name().as_str() }))
        }
    };
    found.unwrap_or_else(|error| json!({ "error": class(&error) }))
}

#[test]
fn certificates() {
    if std::env::var_os("UPDATE").is_some_and(|what| what == "certificates") {
        std::fs::write(path(), serde_json::to_string_pretty(&make()).unwrap() + "\n").unwrap();
    }
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    let root = Root::from_der(&bytes(&file["root"])).unwrap();
    assert_eq!(text(&file, "pin"), pin(root.certificate()));
    assert_eq!(file["policies"], policies());
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let verdict = verdict(&root, case);
        for name in ["id", "origin", "error"] {
            assert_eq!(case.get(name), verdict.get(name), "{}", case["name"]);
        }
    }
    let services = file["services"].as_array().unwrap();
    assert!(services.iter().any(|case| case.get("error").is_none()));
    for case in services {
        let verdict = service(&root, case);
        for name in ["origin", "name_of_witness", "error"] {
            assert_eq!(case.get(name), verdict.get(name), "{}", case["name"]);
        }
    }
    for class in [
        "certificate-unreadable",
        "certificate-untrusted",
        "certificate-profile",
        "certificate-expired",
        "certificate-not-yet-valid",
        "wrong-origin",
    ] {
        assert!(cases.iter().any(|case| case["error"] == class), "no case is {class}");
    }
}
