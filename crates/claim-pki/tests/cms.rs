//! Claims and withdrawals as CMS: signed by one or several persons, read back, verified.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/person.rs"]
mod person;

use authority::{Authority, issue, key, start};
use claim_pki::{
    Certificate, CmsError, CmsPart, ContentType, MergeError, PathError, Profile, SignError,
    SignedData, Signer, Subject, Timestamp, VerifyError,
};
use person::{CONTENT, Person};

fn sign(authority: &Authority, persons: &[&Person]) -> SignedData {
    let signers: Vec<_> = persons.iter().map(|one| one.signer(authority)).collect();
    SignedData::sign(ContentType::Claim, CONTENT, &signers, start()).unwrap()
}

fn ids(authority: &Authority, signed: &SignedData) -> Vec<String> {
    let verified = signed.verify(&authority.trusted(), start()).unwrap();
    assert_eq!(verified.content(), CONTENT);
    let mut ids: Vec<_> =
        verified.signers().iter().map(|one| one.person().id().to_string()).collect();
    ids.sort();
    ids
}

#[test]
fn what_is_signed_is_read_back_and_verified() {
    let authority = Authority::new();
    let person = Person::new(&authority, "1155000001");
    let at = Timestamp::from_millis(start().as_millis() + 999);
    for content_type in [ContentType::Claim, ContentType::Withdrawal] {
        let signer = person.signer(&authority);
        let signed = SignedData::sign(content_type, CONTENT, &[signer], at).unwrap();
        let read = SignedData::from_der(content_type, signed.der()).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.unverified_content(), CONTENT);
        assert_eq!(read.unverified_signers().collect::<Vec<_>>(), [&person.certificate]);
        assert_eq!(read.certificates().len(), 2);
        let verified = read.verify(&authority.trusted(), start()).unwrap();
        assert_eq!((verified.content(), verified.content_type()), (CONTENT, content_type));
        let [signer] = verified.signers() else { panic!("one signer") };
        assert_eq!(signer.person().id().as_str(), "1155000001");
        assert_eq!(signer.signing_time(), start());
        assert_eq!(signer.certificate(), &person.certificate);
        assert_eq!(signer.issuer(), authority.issuing.certificate());
    }
}

#[test]
fn an_empty_content_and_a_time_beyond_2049_have_their_place() {
    let authority = Authority::new();
    let person = Person::new(&authority, "1155000001");
    let late = "2050-01-01T00:00:00.000Z".parse().unwrap();
    let signer = [person.signer(&authority)];
    let signed = SignedData::sign(ContentType::Claim, b"", &signer, late).unwrap();
    let verified = signed.verify(&authority.trusted(), start()).unwrap();
    assert_eq!((verified.content(), verified.signers()[0].signing_time()), (&b""[..], late));
}

#[test]
fn several_persons_sign_at_once_one_after_the_other_or_apart() {
    let authority = Authority::new();
    let persons: Vec<_> = ["1155000001", "1155000002", "1155000003"]
        .map(|id| Person::new(&authority, id))
        .into_iter()
        .collect();
    let [one, two, three] = persons.as_slice() else { unreachable!() };
    let all = ["1155000001", "1155000002", "1155000003"];
    let at_once = sign(&authority, &[one, two, three]);
    assert_eq!(ids(&authority, &at_once), all);
    // The issuing authority's certificate stands there once.
    assert_eq!(at_once.certificates().len(), 4);
    let added = sign(&authority, &[three]);
    let added = added.add_signature(&one.signer(&authority), start()).unwrap();
    let added = added.add_signature(&two.signer(&authority), start()).unwrap();
    assert_eq!(ids(&authority, &added), all);
    let merged = sign(&authority, &[one, two]).merge(&sign(&authority, &[two, three])).unwrap();
    assert_eq!(ids(&authority, &merged), all);
    assert_eq!(merged.merge(&added).unwrap(), merged);
}

#[test]
fn nobody_signs_twice() {
    let authority = Authority::new();
    let person = Person::new(&authority, "1155000001");
    let signed = sign(&authority, &[&person]);
    let twice = |serial: &Certificate| {
        SignError::Message(CmsError::SignedTwice { serial: serial.serial().clone() })
    };
    let again = signed.add_signature(&person.signer(&authority), start()).unwrap_err();
    assert_eq!(again, twice(&person.certificate));
    // Nor with the certificate of another device.
    let subject = Subject::Person { id: "1155000001".parse().unwrap(), name: None };
    let other = key();
    let certificate = issue(&authority.issuing, &subject, other.public_key(), 1000);
    let other = Person { key: other, certificate };
    let refused = signed.add_signature(&other.signer(&authority), start()).unwrap_err();
    assert!(matches!(refused, SignError::Message(CmsError::SignedTwice { .. })));
    let merged = signed.merge(&sign(&authority, &[&other])).unwrap();
    assert_eq!(merged, signed);
}

#[test]
fn only_the_same_content_is_merged() {
    let authority = Authority::new();
    let persons = ["1155000001", "1155000002"].map(|id| Person::new(&authority, id));
    let one = sign(&authority, &[&persons[0]]);
    let signer = [persons[1].signer(&authority)];
    let other = SignedData::sign(ContentType::Claim, b"other", &signer, start()).unwrap();
    assert_eq!(one.merge(&other), Err(MergeError::OtherContent));
    let other = SignedData::sign(ContentType::Withdrawal, CONTENT, &signer, start()).unwrap();
    assert_eq!(one.merge(&other), Err(MergeError::OtherContent));
}

#[test]
fn what_cannot_be_signed() {
    let authority = Authority::new();
    let person = Person::new(&authority, "1155000001");
    let issuing = authority.issuing.certificate();
    let sign = |content: &[u8], signers: &[Signer<'_>]| {
        SignedData::sign(ContentType::Claim, content, signers, start()).unwrap_err()
    };
    let other_key = Signer::new(&key(), &person.certificate, issuing).map(drop);
    assert_eq!(other_key, Err(SignError::OtherKey));
    let root = authority.root.certificate();
    let other_issuer = Signer::new(&person.key, &person.certificate, root).map(drop);
    assert_eq!(other_issuer, Err(SignError::OtherIssuer));
    assert_eq!(sign(CONTENT, &[]), SignError::Message(CmsError::NoSigner));
    let large = vec![b' '; SignedData::MAX_SIZE];
    let refused = sign(&large, &[person.signer(&authority)]);
    assert!(matches!(refused, SignError::Message(CmsError::TooLarge { .. })));
    let many: Vec<_> =
        (0..=64).map(|n| Person::new(&authority, &format!("11550000{n:02}"))).collect();
    let signers: Vec<_> = many.iter().map(|one| one.signer(&authority)).collect();
    let limit = SignedData::MAX_SIGNERS;
    let refused = sign(CONTENT, &signers);
    assert_eq!(refused, SignError::Message(CmsError::TooManySigners { limit }));
    assert!(SignedData::sign(ContentType::Claim, CONTENT, &signers[..limit], start()).is_ok());
}

#[test]
fn a_claim_is_no_withdrawal() {
    let authority = Authority::new();
    let person = Person::new(&authority, "1155000001");
    let signed = sign(&authority, &[&person]);
    let refused = SignedData::from_der(ContentType::Withdrawal, signed.der()).unwrap_err();
    assert_eq!(refused, CmsError::Part { part: CmsPart::ContentType });
}

/// The certificate's path and time, as path validation tells them.
#[test]
fn every_signer_must_be_a_person_under_this_root() {
    let authority = Authority::new();
    let person = Person::new(&authority, "1155000001");
    let signed = sign(&authority, &[&person]);
    let serial = person.certificate.serial().clone();
    let refused = |error| VerifyError::Path { serial: serial.clone(), error };
    let other = Authority::new().trusted();
    assert_eq!(signed.verify(&other, start()), Err(refused(PathError::UnknownIssuer)));
    let at = person.certificate.not_after().plus_seconds(1);
    let not_after = person.certificate.not_after();
    let expired = refused(PathError::Expired { at, not_after });
    assert_eq!(signed.verify(&authority.trusted(), at), Err(expired));

    // A server signs a claim.
    let server_key = key();
    let subject = Subject::Server { origin: authority::origin() };
    let server = issue(&authority.issuing, &subject, server_key.public_key(), 1000);
    let issuing = authority.issuing.certificate();
    let signer = Signer::new(&server_key, &server, issuing).unwrap();
    let both = signed.add_signature(&signer, start()).unwrap();
    let refused = both.verify(&authority.trusted(), start()).unwrap_err();
    let wrong = PathError::WrongProfile { expected: Profile::Person, found: Some(Profile::Server) };
    assert_eq!(refused, VerifyError::Path { serial: server.serial().clone(), error: wrong });
}

#[test]
fn a_cache_that_answers_for_somebody_else_is_noticed() {
    let authority = Authority::new();
    let persons = ["1155000001", "1155000002"].map(|id| Person::new(&authority, id));
    let signed = sign(&authority, &[&persons[0]]);
    let root = authority.trusted();
    let somebody_else =
        |_: &[&[u8]; 2]| root.verify_person(&authority.chain(&persons[1].certificate), start());
    let serial = persons[0].certificate.serial().clone();
    let refused = signed.verify_with(somebody_else).unwrap_err();
    assert_eq!(refused, VerifyError::OtherCertificate { serial });
}
