//! Revocation lists: made, read back, verified; and each refusal by its name.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/der.rs"]
mod der;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use authority::{
    Authority, Compromised, copy, ed25519_key, issuing_under, key, root, serial, start,
};
use claim_pki::{
    Issuer, KeyError, PathError, Profile, PublicKey, RevocationList, RevocationListError,
    RevocationListPart, RevocationReason, RevokedCertificate, Root, SerialNumber, Sign,
    SignRevocationListError, SigningKey, Timestamp, Validity, VerifiedIssuer,
    VerifyRevocationListError,
};
use der::{ECDSA_SHA256, ECDSA_SHA384, INTEGER, OCTETS, OID, algorithm, context, sequence, tlv};

const WEEK: i64 = 7 * 24 * 60 * 60;

fn next() -> Timestamp {
    start().plus_seconds(WEEK)
}

fn revoked(last: u8, reason: RevocationReason) -> RevokedCertificate {
    RevokedCertificate { serial: serial(last), revoked_at: start(), reason }
}

fn issuer(authority: &Authority) -> VerifiedIssuer {
    let issuing = authority.issuing.certificate().der();
    authority.trusted().verify_issuer(issuing, start()).unwrap()
}

#[test]
fn what_is_made_is_read_back_and_verified() {
    let authority = Authority::new();
    let all: Vec<_> = RevocationReason::ALL
        .into_iter()
        .enumerate()
        .map(|(number, reason)| revoked(u8::try_from(number).unwrap(), reason))
        .collect();
    let list = authority.issuing.revocation_list(7, start(), next(), &all).unwrap();
    assert_eq!(RevocationList::from_der(list.der()).unwrap(), list);
    assert_eq!(RevocationList::from_pem(&list.to_pem()).unwrap(), list);
    assert_eq!(list.issuer_key_id(), authority.issuing.key_id());
    let verified = issuer(&authority).verify_revocation_list(&list).unwrap();
    assert_eq!((verified.number(), verified.len()), (7, 8));
    assert_eq!((verified.this_update(), verified.next_update()), (start(), next()));
    assert_eq!(verified.issuer_key_id(), authority.issuing.key_id());
    for one in &all {
        let found = verified.revoked(&one.serial).unwrap();
        assert_eq!((found.at, found.reason), (one.revoked_at, one.reason));
    }
    assert_eq!(verified.revoked(&serial(9)), None);
    let late = Timestamp::from_millis(next().as_millis() + 999);
    assert!(verified.current_at(start()) && verified.current_at(late));
    assert!(!verified.current_at(next().plus_seconds(1)));
    assert!(!verified.current_at(start().plus_seconds(-1)));
}

#[test]
fn an_empty_list_and_the_roots_own() {
    let authority = Authority::new();
    let list = authority.root.revocation_list(0, start(), next(), &[]).unwrap();
    let verified = authority.trusted().verify_revocation_list(&list).unwrap();
    assert!(verified.is_empty() && verified.number() == 0);
    let log = authority.log_with(&ed25519_key());
    let one = [RevokedCertificate {
        serial: log.serial().clone(),
        ..revoked(1, RevocationReason::KeyCompromise)
    }];
    let list = authority.root.revocation_list(u64::MAX, start(), next(), &one).unwrap();
    let verified = authority.trusted().verify_revocation_list(&list).unwrap();
    assert_eq!(verified.number(), u64::MAX);
    assert_eq!(verified.revoked(log.serial()).unwrap().reason, RevocationReason::KeyCompromise);
}

#[test]
fn a_list_counts_for_its_own_authority_alone() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let list = ours.issuing.revocation_list(1, start(), next(), &[]).unwrap();
    let other = Err(VerifyRevocationListError::OtherIssuer);
    assert_eq!(ours.trusted().verify_revocation_list(&list), other);
    assert_eq!(issuer(&theirs).verify_revocation_list(&list), other);
    let list = ours.root.revocation_list(1, start(), next(), &[]).unwrap();
    assert_eq!(issuer(&ours).verify_revocation_list(&list), other);
    assert_eq!(theirs.trusted().verify_revocation_list(&list), other);
}

#[test]
fn an_authority_revokes_while_it_is_valid() {
    // Whoever has the keys could also have made certificates with them that last longer.
    let (root_key, issuing_key) = (key(), key());
    let longer = Validity::starting(start(), 1000);
    let long_root = authority::root(None, copy(&root_key), longer);
    let long_issuing = issuing_under(&long_root, copy(&issuing_key), longer);
    let root = root(None, root_key, Validity::starting(start(), 100));
    let trusted = Root::new(root.certificate().clone()).unwrap();
    let issuing = issuing_under(&root, issuing_key, Validity::starting(start(), 50));
    let verified = trusted.verify_issuer(issuing.certificate().der(), start()).unwrap();
    let at = start().plus_seconds(51);
    let list = long_issuing.revocation_list(1, at, next(), &[]).unwrap();
    let (profile, validity) = (Profile::Issuing, issuing.validity());
    let error = PathError::IssuerNotValid { at, issuer: profile, validity };
    let refusal = Err(VerifyRevocationListError::Issuer(error));
    assert_eq!(verified.verify_revocation_list(&list), refusal);
    let at = start().plus_seconds(101);
    let list = long_root.revocation_list(1, at, next(), &[]).unwrap();
    let error = PathError::IssuerNotValid { at, issuer: Profile::Root, validity: root.validity() };
    let refusal = Err(VerifyRevocationListError::Issuer(error));
    assert_eq!(trusted.verify_revocation_list(&list), refusal);
}

/// A key that counts how often it was asked to sign.
#[derive(Debug)]
struct Counting {
    key: SigningKey,
    asked: Arc<AtomicUsize>,
}

impl Sign for Counting {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.key.sign(message)
    }
}

/// Each list that is not as it must be is refused before the key is asked.
#[test]
fn what_cannot_be_signed() {
    let (authority, asked) = (Authority::new(), Arc::new(AtomicUsize::new(0)));
    let (issuing_key, life) = (key(), Validity::starting(start(), 1000));
    let certificate = issuing_under(&authority.root, copy(&issuing_key), life);
    let certificate = certificate.certificate().clone();
    let counting = Counting { key: issuing_key, asked: Arc::clone(&asked) };
    let issuing = Issuer::new(certificate, counting).unwrap();
    let refused = |at, until, revoked: &[RevokedCertificate]| {
        let error = issuing.revocation_list(1, at, until, revoked).unwrap_err();
        assert_eq!(asked.load(Ordering::Relaxed), 0, "{error}");
        error
    };
    let until = Timestamp::from_millis(start().as_millis() + 999);
    let order = SignRevocationListError::Order { this_update: start(), next_update: until };
    assert_eq!(refused(start(), until, &[]), order);
    let one = revoked(1, RevocationReason::Superseded);
    let twice = RevocationListError::Twice { serial: serial(1) };
    let twice = SignRevocationListError::List(twice);
    assert_eq!(refused(start(), next(), &[one.clone(), one.clone()]), twice);
    for this_update in [start().plus_seconds(-1), start().plus_seconds(1001)] {
        let outside = SignRevocationListError::OutsideIssuer { this_update, issuer: life };
        assert_eq!(refused(this_update, next(), &[]), outside);
    }
    let revoked_at = start().plus_seconds(2);
    let early = RevokedCertificate { revoked_at, ..one.clone() };
    let not_yet = SignRevocationListError::NotYet { serial: serial(1), revoked_at };
    assert_eq!(refused(start(), next(), &[early]), not_yet);
    let many: Vec<_> = (0..180_000u32)
        .map(|number| {
            let mut octets = [1; 16];
            octets[12..].copy_from_slice(&number.to_be_bytes());
            RevokedCertificate { serial: SerialNumber::from_random(octets), ..one.clone() }
        })
        .collect();
    let large = refused(start(), next(), &many);
    assert!(
        matches!(large, SignRevocationListError::List(RevocationListError::TooLarge { .. })),
        "{large}"
    );
    issuing.revocation_list(1, start(), next(), &[one]).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn a_list_is_signed_by_whoever_prepared_it() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let prepare = || ours.issuing.prepare_revocation_list(1, start(), next(), &[]).unwrap();
    let refused = theirs.issuing.issue_revocation_list(prepare()).unwrap_err();
    assert_eq!(refused, SignRevocationListError::OtherIssuer);
    let refused = ours.root.issue_revocation_list(prepare()).unwrap_err();
    assert_eq!(refused, SignRevocationListError::OtherIssuer);
    let list = ours.issuing.issue_revocation_list(prepare()).unwrap();
    assert_eq!(RevocationList::from_der(list.der()).unwrap(), list);
}

/// A list that a test spoils while its signature stays right.
#[derive(Clone)]
struct List {
    version: Vec<u8>,
    inner: Vec<u8>,
    issuer: Vec<u8>,
    this_update: Vec<u8>,
    next_update: Vec<u8>,
    entries: Vec<u8>,
    extensions: Vec<u8>,
    outer: Vec<u8>,
}

const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
const CRL_REASON: &[u8] = &[0x55, 0x1d, 0x15];

fn extension(oid: &[u8], critical: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[&tlv(OID, oid), critical, &tlv(OCTETS, value)])
}

fn key_id(id: &[u8]) -> Vec<u8> {
    extension(AUTHORITY_KEY_ID, &[], &sequence(&[&tlv(0x80, id)]))
}

fn number(number: &[u8]) -> Vec<u8> {
    extension(CRL_NUMBER, &[], &tlv(INTEGER, number))
}

fn extensions(all: &[&[u8]]) -> Vec<u8> {
    context(0, &sequence(all))
}

fn entry(serial: &[u8], date: &[u8], reason: &[u8]) -> Vec<u8> {
    sequence(&[&tlv(INTEGER, serial), &tlv(0x17, date), reason])
}

fn reason(code: &[u8]) -> Vec<u8> {
    sequence(&[&extension(CRL_REASON, &[], &tlv(0x0a, code))])
}

const DATE: &[u8] = b"261124000000Z";

impl List {
    fn right(world: &Compromised) -> Self {
        let issuing = &world.authority.issuing;
        Self {
            version: tlv(INTEGER, &[1]),
            inner: algorithm(ECDSA_SHA256),
            issuer: issuing.certificate().subject_der().to_vec(),
            this_update: tlv(0x17, DATE),
            next_update: tlv(0x17, b"261201000000Z"),
            entries: sequence(&[&entry(&[5], DATE, &reason(&[1])), &entry(&[6], DATE, &[])]),
            extensions: extensions(&[&key_id(issuing.key_id()), &number(&[7])]),
            outer: algorithm(ECDSA_SHA256),
        }
    }

    fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let content = sequence(&[
            &self.version,
            &self.inner,
            &self.issuer,
            &self.this_update,
            &self.next_update,
            &self.entries,
            &self.extensions,
        ]);
        let signature = [&[0], key.sign(&content).unwrap().as_slice()].concat();
        sequence(&[&content, &self.outer, &tlv(0x03, &signature)])
    }
}

#[test]
fn what_the_tests_spoil_is_right() {
    let world = Compromised::new();
    let list = RevocationList::from_der(&List::right(&world).sign(&world.issuing_key)).unwrap();
    let verified = issuer(&world.authority).verify_revocation_list(&list).unwrap();
    assert_eq!((verified.number(), verified.len()), (7, 2));
    let serial: SerialNumber = "05".parse().unwrap();
    assert_eq!(verified.revoked(&serial).unwrap().reason, RevocationReason::KeyCompromise);
}

#[test]
fn every_part_has_one_form() {
    use RevocationListPart::{
        Encoding, Entry, Extensions, Issuer, SignatureAlgorithm, Time, Version,
    };
    type Spoil = fn(&mut List, &[u8; 20]);
    let cases: &[(RevocationListPart, Spoil)] = &[
        (Version, |l, _| l.version.clear()),
        (Version, |l, _| l.version = tlv(INTEGER, &[0])),
        (Version, |l, _| l.version = tlv(INTEGER, &[2])),
        (SignatureAlgorithm, |l, _| l.outer = algorithm(ECDSA_SHA384)),
        (SignatureAlgorithm, |l, _| l.inner = algorithm(ECDSA_SHA384)),
        (SignatureAlgorithm, |l, _| l.inner = sequence(&[&tlv(OID, ECDSA_SHA256), &[5, 0]])),
        (Issuer, |l, _| l.issuer = tlv(OCTETS, b"CUHK")),
        (Time, |l, _| l.this_update = tlv(0x17, b"2611240000Z")),
        (Time, |l, _| l.this_update = tlv(OCTETS, DATE)),
        (Time, |l, _| l.next_update = tlv(0x17, DATE)),
        (Time, |l, _| l.next_update = tlv(0x17, b"261123000000Z")),
        (Encoding, |l, _| l.this_update = tlv(0x18, b"20261124000000Z")),
        // A list that names nobody has no list.
        (Encoding, |l, _| l.entries = sequence(&[])),
        (Entry, |l, _| l.entries = sequence(&[&sequence(&[&tlv(INTEGER, &[5])])])),
        (Entry, |l, _| l.entries = sequence(&[&entry(&[0], DATE, &[])])),
        (Entry, |l, _| l.entries = sequence(&[&entry(&[0x80], DATE, &[])])),
        (Entry, |l, _| l.entries = sequence(&[&entry(&[0, 5], DATE, &[])])),
        (Entry, |l, _| l.entries = sequence(&[&entry(&[1; 21], DATE, &[])])),
        (Entry, |l, _| {
            l.entries = sequence(&[&sequence(&[&tlv(OCTETS, &[5]), &tlv(0x17, DATE)])]);
        }),
        (Time, |l, _| l.entries = sequence(&[&entry(&[5], b"yesterday", &[])])),
        // On hold, no longer on hold, not defined, unspecified in so many words.
        (Entry, |l, _| l.entries = sequence(&[&entry(&[5], DATE, &reason(&[6]))])),
        (Entry, |l, _| l.entries = sequence(&[&entry(&[5], DATE, &reason(&[8]))])),
        (Entry, |l, _| l.entries = sequence(&[&entry(&[5], DATE, &reason(&[11]))])),
        (Entry, |l, _| l.entries = sequence(&[&entry(&[5], DATE, &reason(&[0, 1]))])),
        (Encoding, |l, _| l.entries = sequence(&[&entry(&[5], DATE, &reason(&[0]))])),
        (Encoding, |l, _| {
            let critical = extension(CRL_REASON, &[1, 1, 0xff], &tlv(0x0a, &[1]));
            l.entries = sequence(&[&entry(&[5], DATE, &sequence(&[&critical]))]);
        }),
        // The date when it became invalid, the issuer of an indirect list, two reasons, none.
        (Entry, |l, _| {
            let invalidity = extension(&[0x55, 0x1d, 0x18], &[], &tlv(0x18, b"20261123000000Z"));
            l.entries = sequence(&[&entry(&[5], DATE, &sequence(&[&invalidity]))]);
        }),
        (Entry, |l, _| {
            let issuer = extension(&[0x55, 0x1d, 0x1d], &[1, 1, 0xff], &sequence(&[]));
            l.entries = sequence(&[&entry(&[5], DATE, &sequence(&[&issuer]))]);
        }),
        (Entry, |l, _| {
            let reason = extension(CRL_REASON, &[], &tlv(0x0a, &[1]));
            l.entries = sequence(&[&entry(&[5], DATE, &sequence(&[&reason, &reason]))]);
        }),
        (Entry, |l, _| l.entries = sequence(&[&entry(&[5], DATE, &sequence(&[]))])),
        (Extensions, |l, _| l.extensions = extensions(&[])),
        (Extensions, |l, _| l.extensions = context(0, &[])),
        (Extensions, |l, _| l.extensions = context(1, &sequence(&[]))),
        (Extensions, |l, k| l.extensions = extensions(&[&key_id(k)])),
        (Extensions, |l, _| l.extensions = extensions(&[&number(&[7])])),
        (Extensions, |l, k| l.extensions = extensions(&[&key_id(&k[1..]), &number(&[7])])),
        (Extensions, |l, k| l.extensions = extensions(&[&key_id(k), &number(&[0x80])])),
        (Extensions, |l, k| l.extensions = extensions(&[&key_id(k), &number(&[1; 9])])),
        (Extensions, |l, k| l.extensions = extensions(&[&number(&[7]), &key_id(k)])),
        // A delta, a list of only some certificates, two numbers.
        (Extensions, |l, k| {
            let delta = extension(&[0x55, 0x1d, 0x1b], &[1, 1, 0xff], &tlv(INTEGER, &[6]));
            l.extensions = extensions(&[&key_id(k), &number(&[7]), &delta]);
        }),
        (Extensions, |l, k| {
            let some =
                extension(&[0x55, 0x1d, 0x1c], &[1, 1, 0xff], &sequence(&[&[0x81, 1, 0xff]]));
            l.extensions = extensions(&[&key_id(k), &number(&[7]), &some]);
        }),
        (Extensions, |l, k| {
            l.extensions = extensions(&[&key_id(k), &number(&[7]), &number(&[7])]);
        }),
        (Encoding, |l, k| {
            let critical = extension(CRL_NUMBER, &[1, 1, 0xff], &tlv(INTEGER, &[7]));
            l.extensions = extensions(&[&key_id(k), &critical]);
        }),
        (Encoding, |l, k| {
            // Issuer and serial number beside the identifier of the key.
            let parts = sequence(&[&tlv(0x80, k), &tlv(0x82, &[5])]);
            let id = extension(AUTHORITY_KEY_ID, &[], &parts);
            l.extensions = extensions(&[&id, &number(&[7])]);
        }),
    ];
    let world = Compromised::new();
    for (case, (part, spoil)) in cases.iter().enumerate() {
        let mut list = List::right(&world);
        spoil(&mut list, world.authority.issuing.key_id());
        let refused = RevocationList::from_der(&list.sign(&world.issuing_key)).map(drop);
        assert_eq!(refused, Err(RevocationListError::Part { part: *part }), "case {case}");
    }
}

#[test]
fn lists_have_a_budget_and_a_form() {
    let world = Compromised::new();
    let right = List::right(&world);
    let der = right.sign(&world.issuing_key);
    let read = RevocationList::from_der;
    assert!(read(&der).is_ok());
    for wrong in [&b""[..], b"garbage", &der[..der.len() - 1], &[&der[..], &[0]].concat()] {
        assert!(matches!(read(wrong), Err(RevocationListError::Malformed(_))));
    }
    let found = RevocationList::MAX_SIZE + 1;
    assert_eq!(read(&vec![0x30; found]), Err(RevocationListError::TooLarge { found }));
    let mut twice = right.clone();
    twice.entries = sequence(&[&entry(&[5], DATE, &[]), &entry(&[5], DATE, &reason(&[1]))]);
    let serial = "05".parse().unwrap();
    let refused = read(&twice.sign(&world.issuing_key));
    assert_eq!(refused, Err(RevocationListError::Twice { serial }));
    // Without the time of the next one.
    let mut endless = right;
    endless.next_update.clear();
    assert!(read(&endless.sign(&world.issuing_key)).is_err());
}

#[test]
fn a_list_that_another_key_signed_is_noticed() {
    let world = Compromised::new();
    let list = RevocationList::from_der(&List::right(&world).sign(&key())).unwrap();
    let refused = issuer(&world.authority).verify_revocation_list(&list);
    assert_eq!(refused, Err(VerifyRevocationListError::Signature));
}

#[test]
fn pem_and_back() {
    let authority = Authority::new();
    let one = authority.issuing.revocation_list(1, start(), next(), &[]).unwrap();
    let two = authority.root.revocation_list(2, start(), next(), &[]).unwrap();
    assert!(one.to_pem().starts_with("-----BEGIN X509 CRL-----\n"));
    let text = format!("# the lists\n{}{}", one.to_pem(), two.to_pem());
    let both = [one.clone(), two];
    assert_eq!(RevocationList::all_from_pem(&text, 2).unwrap(), both);
    let many = RevocationListError::TooMany { limit: 1 };
    assert_eq!(RevocationList::from_pem(&text), Err(many.clone()));
    assert_eq!(RevocationList::all_from_pem(&text, 1), Err(many));
    let certificate = authority.root.certificate().to_pem();
    for text in ["", "nothing", &certificate] {
        assert_eq!(RevocationList::from_pem(text), Err(RevocationListError::NoPem));
    }
    let damaged = "-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n";
    assert_eq!(RevocationList::from_pem(damaged), Err(RevocationListError::Pem));
}

/// A large school: a list of twenty thousand is made, read and searched.
#[test]
fn long_lists_are_read_whole() {
    let authority = Authority::new();
    let all: Vec<_> = (1..=20_000_u32)
        .map(|number| {
            let mut random = [0x80; 16];
            random[..4].copy_from_slice(&number.to_be_bytes());
            let serial = SerialNumber::from_random(random);
            RevokedCertificate { serial, ..revoked(1, RevocationReason::Superseded) }
        })
        .collect();
    let list = authority.issuing.revocation_list(1, start(), next(), &all).unwrap();
    let verified = issuer(&authority).verify_revocation_list(&list).unwrap();
    assert!(all.iter().all(|one| verified.revoked(&one.serial).is_some()));
    assert!(list.der().len() < 1_100_000, "{}", list.der().len());
}

/// What we make, webpki reads as well.
#[test]
fn webpki_agrees() {
    let authority = Authority::new();
    let one = revoked(1, RevocationReason::KeyCompromise);
    let list = authority.issuing.revocation_list(1, start(), next(), &[one]).unwrap();
    let theirs = webpki::OwnedCertRevocationList::from_der(list.der()).unwrap();
    let theirs = webpki::CertRevocationList::from(theirs);
    assert_eq!(theirs.issuer(), &authority.issuing.certificate().subject_der()[2..]);
    // It wants the octets of the INTEGER, with the zero that keeps it positive.
    let found = theirs.find_serial(&[&[0], serial(1).as_bytes()].concat());
    let reason = found.unwrap().and_then(|found| found.reason_code);
    assert_eq!(reason, Some(webpki::RevocationReason::KeyCompromise));
}
