//! Certificates with one thing wrong that X.509, DER or common sense forbids, properly signed: what each is told.
//!
//! They are written octet by octet, as no library would, and signed with the issuing authority's own key.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "corner_cases/extensions.rs"]
mod extensions;
#[path = "support/octets.rs"]
mod octets;

use authority::Compromised;
use claim_pki::{KeyError, PathError, Profile, ProfilePart};
use octets::{Parts, tlv};

type Change = fn(&mut Parts);

fn part(part: ProfilePart) -> Result<(), PathError> {
    Err(PathError::NotAsProfile { profile: Profile::Person, part })
}

fn malformed() -> Result<(), PathError> {
    Err(PathError::Malformed)
}

/// Makes each change to a good certificate and compares what it is told.
fn check(rows: &[(&str, Change, Result<(), PathError>)]) {
    let forged = Compromised::new();
    let mut wrong = Vec::new();
    for (name, change, expected) in rows {
        let mut parts = Parts::person(&forged.authority);
        change(&mut parts);
        let found = forged.verify_person(&parts.sign(&forged.issuing_key));
        if found != *expected {
            wrong.push(format!("{name}: {found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_changes_begin_with_is_right() {
    check(&[("nothing", |_| {}, Ok(()))]);
}

#[test]
fn versions_and_serial_numbers() {
    check(&[
        ("version 1", |p| p.version.clear(), malformed()),
        ("version 1, spelled out", |p| p.version = tlv(0xa0, &[&tlv(2, &[&[0]])]), malformed()),
        ("version 2", |p| p.version = tlv(0xa0, &[&tlv(2, &[&[1]])]), malformed()),
        ("version 4", |p| p.version = tlv(0xa0, &[&tlv(2, &[&[3]])]), malformed()),
        ("zero", |p| p.serial = tlv(2, &[&[0]]), malformed()),
        ("negative", |p| p.serial = tlv(2, &[&[0x80]]), malformed()),
        ("a needless zero in front", |p| p.serial = tlv(2, &[&[0, 1]]), malformed()),
        ("no octets", |p| p.serial = tlv(2, &[]), malformed()),
        ("20 octets", |p| p.serial = tlv(2, &[&[0x7f; 20]]), Ok(())),
        ("20 octets and the zero of the sign", |p| p.serial = tlv(2, &[&[0], &[0xff; 20]]), Ok(())),
        ("21 octets", |p| p.serial = tlv(2, &[&[0x7f; 21]]), malformed()),
    ]);
}

#[test]
fn times() {
    fn validity(parts: &mut Parts, from: (u8, &str), until: (u8, &str)) {
        let time = |(tag, text): (u8, &str)| tlv(tag, &[text.as_bytes()]);
        parts.validity = tlv(0x30, &[&time(from), &time(until)]);
    }
    const UTC: u8 = 0x17;
    const GENERALIZED: u8 = 0x18;
    const FROM: (u8, &str) = (UTC, "260101000000Z");
    check(&[
        ("as it should be", |p| validity(p, FROM, (UTC, "270101000000Z")), Ok(())),
        ("2050 in four digits", |p| validity(p, FROM, (GENERALIZED, "20500101000000Z")), Ok(())),
        (
            "2049 in four digits",
            |p| validity(p, FROM, (GENERALIZED, "20491231235959Z")),
            malformed(),
        ),
        ("no seconds", |p| validity(p, FROM, (UTC, "2701010000Z")), malformed()),
        ("an offset", |p| validity(p, FROM, (UTC, "270101000000+0000")), malformed()),
        ("no Z", |p| validity(p, FROM, (UTC, "270101000000")), malformed()),
        ("a fraction", |p| validity(p, FROM, (GENERALIZED, "20500101000000.5Z")), malformed()),
        ("no such day", |p| validity(p, FROM, (UTC, "270230000000Z")), malformed()),
        ("a leap second", |p| validity(p, FROM, (UTC, "261231235960Z")), malformed()),
        ("no such hour", |p| validity(p, FROM, (UTC, "270101240000Z")), malformed()),
        (
            "before 1970",
            |p| validity(p, (UTC, "500101000000Z"), (UTC, "270101000000Z")),
            malformed(),
        ),
        ("the end before the start", |p| validity(p, FROM, (UTC, "251231235959Z")), malformed()),
        ("a text instead of a time", |p| validity(p, FROM, (0x0c, "270101000000Z")), malformed()),
    ]);
}

#[test]
fn names() {
    const UID: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01];
    const CN: &[u8] = &[0x55, 0x04, 0x03];
    fn attribute(oid: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
        tlv(0x30, &[&tlv(6, &[oid]), &tlv(tag, &[text])])
    }
    fn subject(parts: &mut Parts, names: &[&[Vec<u8>]]) {
        let sets: Vec<Vec<u8>> = names
            .iter()
            .map(|name| tlv(0x31, &name.iter().map(Vec::as_slice).collect::<Vec<_>>()))
            .collect();
        parts.subject = tlv(0x30, &sets.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    fn uid(parts: &mut Parts, tag: u8, text: &[u8]) {
        subject(parts, &[&[attribute(UID, tag, text)], &[attribute(CN, 0x0c, b"Chan")]]);
    }
    check(&[
        ("as it should be", |p| uid(p, 0x0c, b"1155123456"), Ok(())),
        ("PrintableString", |p| uid(p, 0x13, b"1155123456"), Ok(())),
        ("nothing at all", |p| p.subject = tlv(0x30, &[]), part(ProfilePart::Subject)),
        ("a zero behind the id", |p| uid(p, 0x0c, b"1155123456\0"), part(ProfilePart::Subject)),
        ("a space before the id", |p| uid(p, 0x0c, b" 1155123456"), part(ProfilePart::Subject)),
        ("eleven digits", |p| uid(p, 0x0c, b"11551234560"), part(ProfilePart::Subject)),
        ("BMPString", |p| uid(p, 0x1e, b"\x001\x001"), part(ProfilePart::Subject)),
        ("not UTF-8", |p| uid(p, 0x0c, b"\xff"), part(ProfilePart::Subject)),
        (
            "two ids in one name",
            |p| {
                let (one, two) =
                    (attribute(UID, 0x0c, b"1155123456"), attribute(UID, 0x0c, b"1155123457"));
                subject(p, &[&[one, two], &[attribute(CN, 0x0c, b"Chan")]]);
            },
            part(ProfilePart::Subject),
        ),
        (
            "a set in the wrong order",
            |p| {
                subject(p, &[&[attribute(UID, 0x0c, b"1155123456"), attribute(CN, 0x0c, b"Chan")]]);
            },
            Ok(()),
        ),
        (
            "an empty set",
            |p| {
                subject(
                    p,
                    &[&[], &[attribute(UID, 0x0c, b"1155123456")], &[attribute(CN, 0x0c, b"Chan")]],
                );
            },
            malformed(),
        ),
        ("an issuer that is no name", |p| p.issuer = tlv(0x30, &[&tlv(5, &[])]), malformed()),
        ("another issuer", |p| p.issuer = p.subject.clone(), Err(PathError::UnknownIssuer)),
        ("an issuer without a name", |p| p.issuer = tlv(0x30, &[]), Err(PathError::UnknownIssuer)),
    ]);
}

#[test]
fn encodings() {
    check(&[
        ("an octet behind the certificate", |p| p.after.push(0), malformed()),
        ("an element behind the signature", |p| p.after_signature = tlv(5, &[]), malformed()),
        ("an element behind the extensions", |p| p.after_extensions = tlv(5, &[]), malformed()),
        ("unique identifiers", |p| p.before_extensions = tlv(0x81, &[&[0, 1]]), malformed()),
        ("a length longer than needed, outside", |p| p.long_length_outside = true, malformed()),
        (
            "a length longer than needed, inside",
            |p| {
                p.serial = vec![0x02, 0x81, 0x01, 0x05];
            },
            malformed(),
        ),
        (
            "a length of its own end (BER)",
            |p| {
                p.validity = [&[0x30, 0x80], &p.validity[2..], &[0, 0]].concat();
            },
            malformed(),
        ),
        ("a sequence marked primitive", |p| p.validity[0] = 0x10, malformed()),
        ("a tag in two octets", |p| p.serial = vec![0x1f, 0x02, 0x01, 0x05], malformed()),
    ]);
}

#[test]
fn signatures() {
    const SHA384: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
    const WITH_NULL: &[u8] =
        &[0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x05, 0x00];
    let bad = || Err(PathError::BadSignature);
    check(&[
        ("SHA-384 inside, SHA-256 outside", |p| p.algorithm = SHA384.to_vec(), malformed()),
        ("SHA-256 inside, SHA-384 outside", |p| p.outer_algorithm = SHA384.to_vec(), malformed()),
        (
            "SHA-384 on both",
            |p| {
                p.algorithm = SHA384.to_vec();
                p.outer_algorithm = SHA384.to_vec();
            },
            bad(),
        ),
        (
            "parameters NULL",
            |p| {
                p.algorithm = WITH_NULL.to_vec();
                p.outer_algorithm = WITH_NULL.to_vec();
            },
            bad(),
        ),
        ("none", |p| p.signature = Some(vec![]), bad()),
        ("zeros", |p| p.signature = Some(vec![0x30, 6, 2, 1, 0, 2, 1, 0]), bad()),
        ("no sequence", |p| p.signature = Some(vec![0; 64]), bad()),
        ("unused bits", |p| p.unused_bits = 1, malformed()),
        ("eight unused bits", |p| p.unused_bits = 8, malformed()),
        ("an octet behind it", |p| p.behind_signature.push(0), bad()),
    ]);
}

#[test]
fn keys() {
    fn key(parts: &mut Parts, unused: u8, point: &[u8]) {
        let algorithm = parts.spki[2..23].to_vec();
        parts.spki = tlv(0x30, &[&algorithm, &tlv(3, &[&[unused], point])]);
    }
    fn point(parts: &Parts) -> Vec<u8> {
        parts.spki[26..].to_vec()
    }
    fn curve(parts: &mut Parts, curve: &[u8]) {
        let bits = parts.spki[23..].to_vec();
        let ec = tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]]);
        parts.spki = tlv(0x30, &[&tlv(0x30, &[&ec, curve]), &bits]);
    }
    let refused = |error| Err(PathError::Key(error));
    let p384 = KeyError::NotP256 { algorithm: "P-384".to_owned() };
    let k256 = KeyError::NotP256 { algorithm: "1.3.132.0.10".to_owned() };
    check(&[
        (
            "compressed",
            |p| {
                let point = point(p);
                key(p, 0, &[&[2 | point[64] & 1], &point[1..33]].concat());
            },
            refused(KeyError::CompressedPoint),
        ),
        (
            "hybrid",
            |p| {
                let point = point(p);
                key(p, 0, &[&[6 | point[64] & 1], &point[1..]].concat());
            },
            refused(KeyError::InvalidPoint),
        ),
        ("infinity", |p| key(p, 0, &[0]), refused(KeyError::InvalidPoint)),
        ("no point", |p| key(p, 0, &[]), refused(KeyError::InvalidPoint)),
        (
            "off the curve",
            |p| {
                let mut point = point(p);
                point[64] ^= 1;
                key(p, 0, &point);
            },
            refused(KeyError::InvalidPoint),
        ),
        (
            "beyond the field",
            |p| key(p, 0, &[&[4], [0xff; 64].as_slice()].concat()),
            refused(KeyError::InvalidPoint),
        ),
        (
            "an octet too many",
            |p| {
                let point = [point(p), vec![0]].concat();
                key(p, 0, &point);
            },
            refused(KeyError::InvalidPoint),
        ),
        ("P-384", |p| curve(p, &tlv(6, &[&[0x2b, 0x81, 0x04, 0x00, 0x22]])), refused(p384)),
        ("secp256k1", |p| curve(p, &tlv(6, &[&[0x2b, 0x81, 0x04, 0x00, 0x0a]])), refused(k256)),
        ("a text instead of the point", |p| p.spki[23] = 0x0c, malformed()),
        (
            "unused bits",
            |p| {
                let mut point = point(p);
                // What is unused is zero, so that the bit string alone is right.
                point[64] &= 0xfe;
                key(p, 1, &point);
            },
            refused(KeyError::InvalidPoint),
        ),
        ("no curve", |p| curve(p, &[]), refused(KeyError::ExplicitParameters)),
        ("an implicit curve", |p| curve(p, &tlv(5, &[])), refused(KeyError::ExplicitParameters)),
        (
            "a curve spelled out",
            |p| curve(p, &tlv(0x30, &[&tlv(2, &[&[1]])])),
            refused(KeyError::ExplicitParameters),
        ),
    ]);
}
