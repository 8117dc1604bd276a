//! Claims that are not as they must be: each is refused by the name of what is wrong with it.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/cms.rs"]
mod cms;
#[path = "support/der.rs"]
mod der;
#[path = "support/person.rs"]
mod person;

use authority::{Authority, Compromised, issuing_under, key, start};
use claim_pki::{Certificate, CmsError, CmsPart, ContentType, SignedData, Validity, VerifyError};
use cms::{
    CONTENT_TYPE, Cms, MESSAGE_DIGEST, SIGNING_CERTIFICATE_V2, SIGNING_TIME, attribute, ess,
    issuer_serial, sha256,
};
use der::{
    ECDSA_SHA256, ECDSA_SHA384, INTEGER, OCTETS, OID, SET, SHA256, SHA384, algorithm, context,
    ours, sequence, tlv,
};
use person::{CONTENT, Person};

/// A message that a test spoils: with the key of its signer, and an authority that knows all keys.
struct Spoilt {
    compromised: Compromised,
    person: Person,
}

impl Spoilt {
    fn new() -> Self {
        let compromised = Compromised::new();
        let person = Person::new(&compromised.authority, "1155000001");
        Self { compromised, person }
    }

    fn authority(&self) -> &Authority {
        &self.compromised.authority
    }

    /// As it should be.
    fn right(&self) -> Cms {
        let mut cms = Cms::new(&ours(2, 1), CONTENT, &self.person.certificate);
        cms.certificates.push(self.authority().issuing.certificate().der().to_vec());
        cms.set_attribute(SIGNING_TIME, &tlv(0x17, b"261124000000Z"));
        cms
    }

    fn read(&self, cms: &Cms) -> Result<SignedData, CmsError> {
        SignedData::from_der(ContentType::Claim, &cms.sign(&self.person.key))
    }
}

#[test]
fn what_the_tests_spoil_is_right() {
    let spoilt = Spoilt::new();
    let signed = spoilt.read(&spoilt.right()).unwrap();
    assert!(signed.verify(&spoilt.authority().trusted(), start()).is_ok());
    // The reference to the certificate may name issuer and serial number.
    let mut named = spoilt.right();
    let certificate = &spoilt.person.certificate;
    let parts: [&[u8]; 2] = [&tlv(OCTETS, certificate.digest()), &issuer_serial(certificate)];
    named.set_attribute(SIGNING_CERTIFICATE_V2, &ess(&parts));
    let signed = spoilt.read(&named).unwrap();
    assert!(signed.verify(&spoilt.authority().trusted(), start()).is_ok());
}

#[test]
fn every_part_has_one_form() {
    type Spoil = fn(&mut Cms, &Certificate);
    let cases: &[(CmsPart, Spoil)] = &[
        (CmsPart::MessageType, |m, _| {
            m.message_type = tlv(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1])
        }),
        (CmsPart::Version, |m, _| m.version = tlv(INTEGER, &[1])),
        (CmsPart::Version, |m, _| m.version = tlv(INTEGER, &[4])),
        (CmsPart::Version, |m, _| m.signer.version = tlv(INTEGER, &[3])),
        (CmsPart::DigestAlgorithm, |m, _| m.digest_algorithms.clear()),
        (CmsPart::DigestAlgorithm, |m, _| m.digest_algorithms.push(algorithm(SHA384))),
        (CmsPart::DigestAlgorithm, |m, _| m.digest_algorithms = vec![algorithm(SHA384)]),
        // With NULL as parameters.
        (CmsPart::DigestAlgorithm, |m, _| {
            m.digest_algorithms = vec![sequence(&[&tlv(OID, SHA256), &[5, 0]])];
        }),
        (CmsPart::DigestAlgorithm, |m, _| m.signer.digest_algorithm = algorithm(SHA384)),
        (CmsPart::DigestAlgorithm, |m, _| {
            m.signer.digest_algorithm = sequence(&[&tlv(OID, SHA256), &[5, 0]]);
        }),
        (CmsPart::ContentType, |m, _| {
            m.content_type = tlv(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1])
        }),
        (CmsPart::ContentType, |m, _| m.content_type = tlv(OID, &ours(2, 2))),
        (CmsPart::ContentType, |m, _| m.content_type = tlv(OCTETS, &ours(2, 1))),
        (CmsPart::Content, |m, _| m.content.clear()),
        (CmsPart::Content, |m, _| m.content = context(0, &tlv(0x0c, CONTENT))),
        (CmsPart::Content, |m, _| m.content = context(1, &tlv(OCTETS, CONTENT))),
        (CmsPart::Content, |m, _| m.content = context(0, &[])),
        (CmsPart::Content, |m, _| m.content = context(0, &tlv(OCTETS, CONTENT).repeat(2))),
        (CmsPart::Crls, |m, _| m.crls = context(1, &[])),
        (CmsPart::Encoding, |m, _| m.crls = context(2, &[])),
        (CmsPart::UnsignedAttributes, |m, _| m.signer.unsigned = context(1, &[])),
        (CmsPart::UnsignedAttributes, |m, _| {
            m.signer.unsigned = context(1, &attribute(SIGNING_TIME, &tlv(0x17, b"261124000000Z")));
        }),
        (CmsPart::SignerIdentifier, |m, c| {
            m.signer.identifier = tlv(0x80, &c.subject_key_id().unwrap());
        }),
        (CmsPart::SignatureAlgorithm, |m, _| m.signer.algorithm = algorithm(ECDSA_SHA384)),
        (CmsPart::SignatureAlgorithm, |m, _| {
            m.signer.algorithm = sequence(&[&tlv(OID, ECDSA_SHA256), &[5, 0]]);
        }),
        (CmsPart::SignedAttributes, |m, _| m.signer.attributes.clear()),
        (CmsPart::SignedAttributes, |m, _| m.remove_attribute(SIGNING_TIME)),
        (CmsPart::SignedAttributes, |m, _| m.remove_attribute(CONTENT_TYPE)),
        (CmsPart::SignedAttributes, |m, _| m.remove_attribute(MESSAGE_DIGEST)),
        (CmsPart::SignedAttributes, |m, _| m.remove_attribute(SIGNING_CERTIFICATE_V2)),
        // Another in its place, one more, one twice.
        (CmsPart::SignedAttributes, |m, _| {
            m.remove_attribute(SIGNING_TIME);
            m.set_attribute(&[0x2a, 3], &[5, 0]);
        }),
        (CmsPart::SignedAttributes, |m, _| m.set_attribute(&[0x2a, 3], &[5, 0])),
        (CmsPart::SignedAttributes, |m, _| m.set_attribute(&ours(9, 9), &[5, 0])),
        (CmsPart::SignedAttributes, |m, _| {
            m.remove_attribute(SIGNING_TIME);
            m.signer.attributes.push(attribute(CONTENT_TYPE, &tlv(OID, &ours(2, 1))));
        }),
        // Two values, none.
        (CmsPart::SignedAttributes, |m, _| {
            m.set_attribute(SIGNING_TIME, &tlv(0x17, b"261124000000Z").repeat(2));
        }),
        (CmsPart::SignedAttributes, |m, _| m.set_attribute(SIGNING_TIME, &[])),
        (CmsPart::SignedContentType, |m, _| m.set_attribute(CONTENT_TYPE, &tlv(OID, &ours(2, 2)))),
        (CmsPart::MessageDigest, |m, _| m.set_attribute(MESSAGE_DIGEST, &tlv(OCTETS, &[0; 32]))),
        (CmsPart::MessageDigest, |m, _| {
            m.set_attribute(MESSAGE_DIGEST, &tlv(0x0c, &sha256(CONTENT)));
        }),
        // The content was changed after it was signed.
        (CmsPart::MessageDigest, |m, _| m.content = context(0, &tlv(OCTETS, b"other"))),
        (CmsPart::SigningTime, |m, _| m.set_attribute(SIGNING_TIME, &tlv(0x17, b"2611240000Z"))),
        (CmsPart::SigningTime, |m, _| {
            m.set_attribute(SIGNING_TIME, &tlv(OCTETS, b"261124000000Z"))
        }),
        // A time before 2050 as GeneralizedTime.
        (CmsPart::Encoding, |m, _| m.set_attribute(SIGNING_TIME, &tlv(0x18, b"20261124000000Z"))),
        (CmsPart::SigningCertificate, |m, _| {
            m.set_attribute(SIGNING_CERTIFICATE_V2, &ess(&[&tlv(OCTETS, &[0; 32])]));
        }),
        // The default spelt out, another digest, two references, a policy, the wrong issuer and serial number.
        (CmsPart::SigningCertificate, |m, c| {
            let parts: [&[u8]; 2] = [&algorithm(SHA256), &tlv(OCTETS, c.digest())];
            m.set_attribute(SIGNING_CERTIFICATE_V2, &ess(&parts));
        }),
        (CmsPart::SigningCertificate, |m, c| {
            let parts: [&[u8]; 2] = [&algorithm(SHA384), &tlv(OCTETS, &[c.digest()[0]; 48])];
            m.set_attribute(SIGNING_CERTIFICATE_V2, &ess(&parts));
        }),
        (CmsPart::SigningCertificate, |m, c| {
            let one = sequence(&[&tlv(OCTETS, c.digest())]);
            m.set_attribute(SIGNING_CERTIFICATE_V2, &sequence(&[&sequence(&[&one, &one])]));
        }),
        (CmsPart::SigningCertificate, |m, c| {
            let one = sequence(&[&sequence(&[&tlv(OCTETS, c.digest())])]);
            let policies = sequence(&[&sequence(&[&tlv(OID, &[0x2a, 3])])]);
            m.set_attribute(SIGNING_CERTIFICATE_V2, &sequence(&[&one, &policies]));
        }),
        (CmsPart::SigningCertificate, |m, c| {
            let mut names = issuer_serial(c);
            *names.last_mut().unwrap() ^= 1;
            let parts: [&[u8]; 2] = [&tlv(OCTETS, c.digest()), &names];
            m.set_attribute(SIGNING_CERTIFICATE_V2, &ess(&parts));
        }),
    ];
    let spoilt = Spoilt::new();
    for (number, (part, spoil)) in cases.iter().enumerate() {
        let mut cms = spoilt.right();
        spoil(&mut cms, &spoilt.person.certificate);
        let refused = spoilt.read(&cms).map(drop);
        assert_eq!(refused, Err(CmsError::Part { part: *part }), "case {number}");
    }
}

#[test]
fn certificates_are_exactly_those_of_signers_and_issuers() {
    let spoilt = Spoilt::new();
    let authority = spoilt.authority();
    let issuing = authority.issuing.certificate();
    let leaf = &spoilt.person.certificate;
    let with = |certificates: &[&[u8]]| {
        let mut cms = spoilt.right();
        cms.certificates = certificates.iter().map(|one| one.to_vec()).collect();
        spoilt.read(&cms).map(drop)
    };
    let unexpected =
        |one: &Certificate| Err(CmsError::UnexpectedCertificate { serial: one.serial().clone() });
    assert_eq!(with(&[leaf.der(), issuing.der()]), Ok(()));
    assert_eq!(with(&[]), Err(CmsError::MissingCertificate));
    assert_eq!(with(&[leaf.der()]), Err(CmsError::MissingCertificate));
    assert_eq!(with(&[issuing.der()]), Err(CmsError::MissingCertificate));
    let root = authority.root.certificate();
    assert_eq!(with(&[leaf.der(), issuing.der(), root.der()]), unexpected(root));
    let stranger = Person::new(authority, "1155000002").certificate;
    assert_eq!(with(&[leaf.der(), issuing.der(), stranger.der()]), unexpected(&stranger));
    assert_eq!(with(&[leaf.der(), issuing.der(), leaf.der()]), unexpected(leaf));
    assert_eq!(with(&[leaf.der(), leaf.der(), issuing.der()]), unexpected(leaf));
    // The authority's certificate was renewed: the signer brings both.
    let renewed = issuing_under(
        &authority.root,
        authority::copy(&spoilt.compromised.issuing_key),
        Validity::starting(start().plus_seconds(1), 1000),
    );
    let renewed = renewed.certificate();
    assert_eq!(with(&[leaf.der(), renewed.der()]), Ok(()));
    assert!(with(&[leaf.der(), issuing.der(), renewed.der()]).is_err());
    // Attribute certificates and other strange kinds.
    assert!(matches!(
        with(&[leaf.der(), issuing.der(), &context(1, &[])]),
        Err(CmsError::Certificate(_))
    ));
}

#[test]
fn a_signature_counts_for_its_signer_and_content_alone() {
    let spoilt = Spoilt::new();
    let authority = spoilt.authority();
    let root = authority.trusted();
    let serial = spoilt.person.certificate.serial().clone();
    let refusal = Err(VerifyError::Signature { serial });
    let read = |der: &[u8]| SignedData::from_der(ContentType::Claim, der).unwrap();
    let right = spoilt.right();
    // By another key.
    let forged = read(&right.sign(&key()));
    assert_eq!(forged.verify(&root, start()), refusal);
    // Another signing time than was signed.
    let mut other = right.clone();
    other.set_attribute(SIGNING_TIME, &tlv(0x17, b"261125000000Z"));
    let signed = right.signer.sign(&spoilt.person.key);
    let signature = &signed[signed.len() - signature_length(&signed)..];
    let forged = read(&other.assemble(vec![other.signer.with_signature(signature)]));
    assert_eq!(forged.verify(&root, start()), refusal);
    let again = read(&right.assemble(vec![right.signer.with_signature(signature)]));
    assert!(again.verify(&root, start()).is_ok());
    // Signed with the tag that stands in the message.
    let mut attributes = right.signer.attributes.clone();
    attributes.sort();
    let signature = spoilt.person.key.sign(&context(0, &attributes.concat())).unwrap();
    let forged = read(&right.assemble(vec![right.signer.with_signature(&signature)]));
    assert_eq!(forged.verify(&root, start()), refusal);
    // Signed without attributes, i.e. over the content itself.
    let signature = spoilt.person.key.sign(CONTENT).unwrap();
    let forged = read(&right.assemble(vec![right.signer.with_signature(&signature)]));
    assert_eq!(forged.verify(&root, start()), refusal);
    for empty in [&[][..], &[0x30, 0]] {
        let forged = read(&right.assemble(vec![right.signer.with_signature(empty)]));
        assert_eq!(forged.verify(&root, start()), refusal);
    }
}

/// How many octets the signature at the end of a SignerInfo has.
fn signature_length(signer: &[u8]) -> usize {
    (60..=72)
        .find(|&length| {
            let at = signer.len() - length;
            signer[at - 2..at] == [OCTETS, u8::try_from(length).unwrap()] && signer[at] == 0x30
        })
        .unwrap()
}

#[test]
fn two_signatures_by_one_are_refused() {
    let spoilt = Spoilt::new();
    let mut cms = spoilt.right();
    let other = {
        let mut other = cms.clone();
        other.set_attribute(SIGNING_TIME, &tlv(0x17, b"261125000000Z"));
        other.signer.sign(&spoilt.person.key)
    };
    cms.other_signers = vec![other];
    let serial = spoilt.person.certificate.serial().clone();
    assert_eq!(spoilt.read(&cms), Err(CmsError::SignedTwice { serial }));
    let nobody = spoilt.right().assemble(Vec::new());
    let refused = SignedData::from_der(ContentType::Claim, &nobody).unwrap_err();
    assert_eq!(refused, CmsError::NoSigner);
}

#[test]
fn only_der_in_its_one_order_is_read() {
    let spoilt = Spoilt::new();
    let authority = spoilt.authority();
    let der = spoilt.right().sign(&spoilt.person.key);
    let read = |der: &[u8]| SignedData::from_der(ContentType::Claim, der).map(drop);
    assert_eq!(read(&der), Ok(()));
    let malformed = |result| matches!(result, Err(CmsError::Malformed(_)));
    assert!(malformed(read(b"")));
    assert!(malformed(read(&[&der[..], &[0]].concat())));
    assert!(malformed(read(&der[..der.len() - 1])));
    // An indefinite length, as OpenSSL streams; a length with a zero in front.
    assert_eq!(der[..2], [0x30, 0x82]);
    assert!(malformed(read(&[&[0x30, 0x80], &der[4..], &[0, 0]].concat())));
    assert!(malformed(read(&[&[0x30, 0x83, 0], &der[2..]].concat())));

    // The same certificates in another order: a SET OF has but one.
    let leaf = spoilt.person.certificate.der();
    let issuing = authority.issuing.certificate().der();
    let (first, second) = if leaf < issuing { (leaf, issuing) } else { (issuing, leaf) };
    let (right, swapped) = ([first, second].concat(), [second, first].concat());
    let at = der.windows(right.len()).position(|window| window == right).unwrap();
    let mut other = der.clone();
    other[at..at + right.len()].copy_from_slice(&swapped);
    assert_eq!(read(&other), Err(CmsError::Part { part: CmsPart::Encoding }));

    // The same attributes in another order.
    let mut attributes = spoilt.right().signer.attributes;
    attributes.sort();
    let right = attributes.concat();
    attributes.reverse();
    let at = der.windows(right.len()).position(|window| window == right).unwrap();
    let mut other = der.clone();
    other[at..at + right.len()].copy_from_slice(&attributes.concat());
    assert_eq!(read(&other), Err(CmsError::Part { part: CmsPart::Encoding }));

    let large = vec![0x30; SignedData::MAX_SIZE + 1];
    let (found, limit) = (large.len(), SignedData::MAX_SIZE);
    assert_eq!(read(&large), Err(CmsError::TooLarge { found, limit }));
    // A set is a set and not a sequence.
    let digests = tlv(SET, &algorithm(SHA256));
    let at = der.windows(digests.len()).position(|window| window == digests).unwrap();
    let mut other = der.clone();
    other[at] = 0x30;
    assert_eq!(read(&other), Err(CmsError::Part { part: CmsPart::DigestAlgorithm }));
}

/// Of each ECDSA signature (r, s) there is another one, (r, n - s): anybody can write it, and it says the same.
///
/// So the same claim may come in other octets, which is why a claim's id is the hash of its content, and a timestamp
/// over the octets of one does not fit the other.
#[test]
fn the_other_form_of_a_signature_says_the_same() {
    let spoilt = Spoilt::new();
    let right = spoilt.right();
    let signed = right.signer.sign(&spoilt.person.key);
    let signature = &signed[signed.len() - signature_length(&signed)..];
    let other = read_back(&right.assemble(vec![right.signer.with_signature(&mirrored(signature))]));
    let original = read_back(&right.assemble(vec![right.signer.with_signature(signature)]));
    assert_ne!(other.der(), original.der());
    let root = spoilt.authority().trusted();
    assert_eq!(other.verify(&root, start()), original.verify(&root, start()));
    assert!(other.verify(&root, start()).is_ok());
}

fn read_back(der: &[u8]) -> SignedData {
    SignedData::from_der(ContentType::Claim, der).unwrap()
}

/// The order of P-256 (SEC 2 §2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// (r, n - s) for (r, s), both as `SEQUENCE { INTEGER, INTEGER }`.
fn mirrored(signature: &[u8]) -> Vec<u8> {
    let length = usize::from(signature[3]);
    let (r, s) = (&signature[2..4 + length], &signature[6 + length..]);
    let mut padded = [0; 32];
    let digits = &s[s.len().saturating_sub(32)..];
    padded[32 - digits.len()..].copy_from_slice(digits);
    let mut difference = [0; 33];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let left = i16::from(ORDER[at]) - i16::from(padded[at]) - borrow;
        borrow = i16::from(left < 0);
        difference[at + 1] = u8::try_from(left + 256 * borrow).unwrap();
    }
    let zeros = difference.windows(2).take_while(|two| two[0] == 0 && two[1] < 0x80).count();
    sequence(&[r, &tlv(INTEGER, &difference[zeros..])])
}
