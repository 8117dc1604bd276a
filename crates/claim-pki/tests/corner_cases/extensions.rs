//! Wrong extensions, and an authority where none may be.

use claim_pki::{PathError, Profile, ProfilePart};

use crate::authority::{self, Compromised, start};
use crate::octets::{
    AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, CRITICAL, EXTENDED_KEY_USAGE, KEY_USAGE, POLICIES, Parts,
    SUBJECT_KEY_ID, extension, tlv,
};
use crate::{check, malformed, part};

#[test]
fn extensions() {
    check(&[
        (
            "none",
            |p| p.extensions.clear(),
            Err(PathError::WrongProfile { expected: Profile::Person, found: None }),
        ),
        (
            "one twice",
            |p| {
                let copy = p.extensions[0].1.clone();
                p.extensions.push((KEY_USAGE, copy));
            },
            malformed(),
        ),
        (
            "unknown",
            |p| p.extensions.push((b"\x2a\x03", extension(b"\x2a\x03", &[], &tlv(5, &[])))),
            Ok(()),
        ),
        (
            "unknown and critical",
            |p| {
                p.extensions.push((b"\x2a\x03", extension(b"\x2a\x03", CRITICAL, &tlv(5, &[]))));
            },
            part(ProfilePart::CriticalExtension),
        ),
        (
            "the default of critical spelled out",
            |p| {
                p.extensions.push((b"\x2a\x03", extension(b"\x2a\x03", &[1, 1, 0], &tlv(5, &[]))));
            },
            malformed(),
        ),
        (
            "critical in another way than 0xff",
            |p| {
                p.extensions.push((b"\x2a\x03", extension(b"\x2a\x03", &[1, 1, 1], &tlv(5, &[]))));
            },
            malformed(),
        ),
        (
            "policy constraints, critical",
            |p| {
                p.extensions
                    .push((b"\x55\x1d\x24", extension(b"\x55\x1d\x24", CRITICAL, &tlv(0x30, &[]))));
            },
            part(ProfilePart::CriticalExtension),
        ),
        (
            "name constraints",
            |p| {
                let domain = tlv(0x30, &[&tlv(0xa0, &[&tlv(0x30, &[&tlv(0x82, &[b"example"])])])]);
                p.extensions.push((b"\x55\x1d\x1e", extension(b"\x55\x1d\x1e", CRITICAL, &domain)));
            },
            part(ProfilePart::NameConstraints),
        ),
    ]);
}

#[test]
fn usages_and_constraints() {
    check(&[
        ("no usage", |p| p.remove(KEY_USAGE), part(ProfilePart::KeyUsage)),
        ("an empty usage", |p| p.set(KEY_USAGE, &tlv(3, &[&[0]])), part(ProfilePart::KeyUsage)),
        (
            "a usage without its unused bits",
            |p| p.set(KEY_USAGE, &tlv(3, &[&[0, 0x88]])),
            part(ProfilePart::KeyUsage),
        ),
        (
            "an octet behind the usage",
            |p| p.set(KEY_USAGE, &[3, 2, 3, 0x88, 0]),
            part(ProfilePart::KeyUsage),
        ),
        (
            "a usage that is a sequence",
            |p| p.set(KEY_USAGE, &tlv(0x30, &[])),
            part(ProfilePart::KeyUsage),
        ),
        (
            "no extended usage",
            |p| p.remove(EXTENDED_KEY_USAGE),
            part(ProfilePart::ExtendedKeyUsage),
        ),
        ("an empty extended usage", |p| p.set(EXTENDED_KEY_USAGE, &tlv(0x30, &[])), malformed()),
        (
            "any extended usage",
            |p| {
                p.set(EXTENDED_KEY_USAGE, &tlv(0x30, &[&tlv(6, &[b"\x55\x1d\x25\x00"])]));
            },
            part(ProfilePart::ExtendedKeyUsage),
        ),
        (
            "one extended usage twice",
            |p| {
                let client = tlv(6, &[b"\x2b\x06\x01\x05\x05\x07\x03\x02"]);
                p.set(EXTENDED_KEY_USAGE, &tlv(0x30, &[&client, &client]));
            },
            part(ProfilePart::ExtendedKeyUsage),
        ),
        (
            "an authority",
            |p| {
                let constraints = tlv(0x30, &[&[1, 1, 0xff]]);
                p.extensions.push((
                    BASIC_CONSTRAINTS,
                    extension(BASIC_CONSTRAINTS, CRITICAL, &constraints),
                ));
            },
            part(ProfilePart::BasicConstraints),
        ),
        (
            "no authority, in so many words",
            |p| {
                p.extensions.push((
                    BASIC_CONSTRAINTS,
                    extension(BASIC_CONSTRAINTS, CRITICAL, &tlv(0x30, &[])),
                ));
            },
            Ok(()),
        ),
        (
            "no authority, spelled out",
            |p| {
                let constraints = tlv(0x30, &[&[1, 1, 0]]);
                p.extensions.push((
                    BASIC_CONSTRAINTS,
                    extension(BASIC_CONSTRAINTS, CRITICAL, &constraints),
                ));
            },
            part(ProfilePart::BasicConstraints),
        ),
        (
            "no authority, but a path length",
            |p| {
                let constraints = tlv(0x30, &[&tlv(2, &[&[0]])]);
                p.extensions.push((
                    BASIC_CONSTRAINTS,
                    extension(BASIC_CONSTRAINTS, CRITICAL, &constraints),
                ));
            },
            part(ProfilePart::BasicConstraints),
        ),
    ]);
}

#[test]
fn key_identifiers_and_policies() {
    check(&[
        (
            "of another key",
            |p| p.set(SUBJECT_KEY_ID, &tlv(4, &[&[7; 20]])),
            part(ProfilePart::SubjectKeyIdentifier),
        ),
        (
            "a short one",
            |p| p.set(SUBJECT_KEY_ID, &tlv(4, &[&[7; 8]])),
            part(ProfilePart::SubjectKeyIdentifier),
        ),
        ("none", |p| p.remove(SUBJECT_KEY_ID), part(ProfilePart::SubjectKeyIdentifier)),
        (
            "of another authority",
            |p| {
                p.set(AUTHORITY_KEY_ID, &tlv(0x30, &[&tlv(0x80, &[&[7; 20]])]));
            },
            Err(PathError::UnknownIssuer),
        ),
        (
            "of no authority",
            |p| p.set(AUTHORITY_KEY_ID, &tlv(0x30, &[])),
            part(ProfilePart::AuthorityKeyIdentifier),
        ),
        (
            "of an authority by its serial number",
            |p| {
                p.set(AUTHORITY_KEY_ID, &tlv(0x30, &[&tlv(0x82, &[&[1]])]));
            },
            part(ProfilePart::AuthorityKeyIdentifier),
        ),
        (
            "the policy twice",
            |p| {
                let policy = &authority::PERSON_POLICY[2..];
                p.set(POLICIES, &tlv(0x30, &[policy, policy]));
            },
            Err(PathError::WrongProfile { expected: Profile::Person, found: None }),
        ),
        (
            "the policy with a qualifier",
            |p| {
                let oid = &authority::PERSON_POLICY[4..];
                p.set(
                    POLICIES,
                    &tlv(
                        0x30,
                        &[&tlv(
                            0x30,
                            &[oid, &tlv(0x30, &[&tlv(0x30, &[&tlv(6, &[b"\x2a\x03"])])])],
                        )],
                    ),
                );
            },
            Err(PathError::WrongProfile { expected: Profile::Person, found: None }),
        ),
        (
            "something else behind the policy",
            |p| {
                let oid = &authority::PERSON_POLICY[4..];
                p.set(POLICIES, &tlv(0x30, &[&tlv(0x30, &[oid, oid])]));
            },
            Err(PathError::WrongProfile { expected: Profile::Person, found: None }),
        ),
        (
            "no policy in the list",
            |p| p.set(POLICIES, &tlv(0x30, &[])),
            Err(PathError::WrongProfile { expected: Profile::Person, found: None }),
        ),
    ]);
}

/// RFC 5280 §6.1.4 (l): below an authority with path length 0 there is no other.
#[test]
fn an_authority_below_the_authority() {
    let forged = Compromised::new();
    let below = authority::key();
    let mut parts = Parts::of(forged.authority.issuing.certificate());
    parts.issuer = parts.subject.clone();
    parts.subject = tlv(
        0x30,
        &[&tlv(0x31, &[&tlv(0x30, &[&tlv(6, &[b"\x55\x04\x03"]), &tlv(0x0c, &[b"Below"])])])],
    );
    parts.spki = below.public_key().spki_der().to_vec();
    parts.set(SUBJECT_KEY_ID, &tlv(4, &[&below.public_key().key_id()]));
    let issuer_id = tlv(0x30, &[&tlv(0x80, &[forged.authority.issuing.key_id()])]);
    parts.set(AUTHORITY_KEY_ID, &issuer_id);
    let intermediate = parts.sign(&forged.issuing_key);
    let mut leaf = Parts::person(&forged.authority);
    leaf.issuer = parts.subject.clone();
    leaf.set(AUTHORITY_KEY_ID, &tlv(0x30, &[&tlv(0x80, &[&below.public_key().key_id()])]));
    let leaf = leaf.sign(&below);
    let issuing = forged.authority.issuing.certificate().der();
    for chain in [[leaf.as_slice(), &intermediate, issuing], [&leaf, issuing, &intermediate]] {
        let found = forged.authority.trusted().verify_person(&chain, start());
        assert_eq!(found, Err(PathError::UnknownIssuer));
    }
}
