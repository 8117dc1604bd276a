//! Path validation, with certificates that are signed here after they were changed.

use claim_pki::{Certificate, PersonId, Timestamp};
use der::asn1::{Ia5StringRef, ObjectIdentifier};
use der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::{Certificate as Other, Version};

use crate::pki::{CN, UID, content, sign, values};
use crate::world::{self, ISSUING, ORIGIN, ROOT, WORLD};
use crate::{Outcome, outcome};

/// The policies' values: a sequence of one sequence of one identifier.
const PERSON_POLICY: &[u8] = b"\x30\x1a\x30\x18\x06\x16\x69\x83\xc9\xe9\x9a\x97\xa6\xa6\xba\xa7\x87\x81\xfa\xe3\xb2\xc5\xf2\xd5\x8c\x06\x01\x01";
const SERVER_POLICY: &[u8] = b"\x30\x1a\x30\x18\x06\x16\x69\x83\xc9\xe9\x9a\x97\xa6\xa6\xba\xa7\x87\x81\xfa\xe3\xb2\xc5\xf2\xd5\x8c\x06\x01\x02";
const ANY_POLICY: &[u8] = b"\x30\x08\x30\x06\x06\x04\x55\x1d\x20\x00";
const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// Those that may be critical: usage, basic constraints, name constraints.
const KNOWN: [&str; 3] = ["2.5.29.15", "2.5.29.19", "2.5.29.30"];

/// Certificates one after another, leaf first: only what this CUHK issued gets through.
pub(crate) fn chain(data: &[u8]) -> Outcome {
    let mut reader = SliceReader::new(data).unwrap();
    let mut chain = Vec::new();
    while !reader.is_finished() {
        match reader.tlv_bytes() {
            Ok(one) => chain.push(one),
            Err(_) => break,
        }
    }
    let person = WORLD.trusted.verify_person(&chain, world::now());
    let server = WORLD.trusted.verify_server(&chain, &world::origin(), world::now());
    assert!(person.is_err() || server.is_err(), "one certificate, two profiles");
    if let Ok(person) = &person {
        // The world has issued certificates to these two only.
        assert!(WORLD.credentials.iter().any(|known| known.id == *person.id()));
        assert!(
            WORLD.credentials.iter().any(|known| known.key.public_key() == person.public_key())
        );
    }
    if let Ok(server) = &server {
        assert!(WORLD.identities.iter().any(|known| known.key.public_key() == server.public_key()));
    }
    if person.is_ok() || server.is_ok() { Outcome::Accepted } else { Outcome::Refused }
}

pub(crate) fn chains() -> Vec<Vec<u8>> {
    let person = WORLD.person_chain();
    let root = WORLD.trusted.der();
    let server = WORLD.identities[0].chain.certificates();
    vec![person.concat(), [person[0], root, person[1]].concat(), server.concat()]
}

/// A person's certificate in which anything may stand, signed by the issuing authority.
pub(crate) fn person(data: &[u8]) -> Outcome {
    let Some(leaf) = sign(data, &world::key(ISSUING)) else { return Outcome::Refused };
    let chain = [leaf.as_slice(), WORLD.issuing.certificate().der()];
    let read = WORLD.trusted.verify_person(&chain, world::now());
    if let Ok(person) = &read {
        let other = Other::from_der(&leaf).expect("x509-cert reads it too");
        let usage = KeyUsages::DigitalSignature | KeyUsages::KeyAgreement;
        is_leaf(&other, PERSON_POLICY, usage, &["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.36"]);
        let subject = other.tbs_certificate().subject();
        let uids = values(subject, UID);
        assert_eq!(uids, [Some(person.id().to_string())]);
        assert_eq!(values(subject, CN), [Some(person.name().to_owned())]);
        assert!(extension(&other, ALTERNATIVE_NAME).is_none());
        renewals(&leaf, person.id(), person.not_after());
    }
    outcome(&read)
}

/// Renewal accepts what is accepted now, until the grace is over.
fn renewals(leaf: &[u8], id: &PersonId, end: Timestamp) {
    let chain = [leaf, WORLD.issuing.certificate().der()];
    let renew =
        |after| WORLD.trusted.verify_person_for_renewal(&chain, end.plus_seconds(after), 100);
    assert!(renew(101).is_err() || end.plus_seconds(101) == Timestamp::MAX);
    if let Ok(renewed) = renew(100) {
        assert_eq!(renewed.id(), id);
    }
}

pub(crate) fn persons() -> Vec<Vec<u8>> {
    WORLD.credentials.iter().map(|one| content(one.chain.leaf())).collect()
}

/// A server's certificate in which anything may stand, signed by the issuing authority.
pub(crate) fn server(data: &[u8]) -> Outcome {
    let Some(leaf) = sign(data, &world::key(ISSUING)) else { return Outcome::Refused };
    let chain = [leaf.as_slice(), WORLD.issuing.certificate().der()];
    let read = WORLD.trusted.verify_server(&chain, &world::origin(), world::now());
    if let Ok(server) = &read {
        assert_eq!(server.origin().as_str(), ORIGIN);
        let other = Other::from_der(&leaf).expect("x509-cert reads it too");
        let usages = &["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
        is_leaf(&other, SERVER_POLICY, KeyUsages::DigitalSignature.into(), usages);
        assert!(values(other.tbs_certificate().subject(), UID).is_empty());
        let names =
            SubjectAltName::from_der(extension(&other, ALTERNATIVE_NAME).unwrap().1).unwrap();
        let uris: Vec<&str> = names
            .0
            .iter()
            .filter_map(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(uris, [ORIGIN]);
        let host = Ia5StringRef::new("localhost").unwrap().into();
        assert!(names.0.contains(&GeneralName::DnsName(host)));
    }
    outcome(&read)
}

pub(crate) fn servers() -> Vec<Vec<u8>> {
    vec![content(WORLD.identities[0].chain.leaf())]
}

/// An authority's certificate in which anything may stand, signed by the root.
pub(crate) fn issuing(data: &[u8]) -> Outcome {
    let Some(certificate) = sign(data, &world::key(ROOT)) else { return Outcome::Refused };
    let read = WORLD.trusted.verify_issuer(&certificate, world::now());
    if let Ok(issuer) = &read {
        let other = Other::from_der(&certificate).expect("x509-cert reads it too");
        let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
        is_ours(&other, ANY_POLICY, usage, issuer.certificate());
        let constraints: BasicConstraints = decoded(&other, "2.5.29.19").unwrap();
        assert!(constraints.ca && constraints.path_len_constraint == Some(0));
        assert!(extension(&other, NAME_CONSTRAINTS).is_none());
        assert!(extension(&other, "2.5.29.37".parse().unwrap()).is_none());
        // And no leaf of the world's own authority is taken for one of this, unless key and name are the same.
        let leaf = issuer.verify_person(WORLD.person_chain()[0], world::now());
        assert_eq!(
            leaf.is_ok(),
            issuer.key_id() == WORLD.issuing.key_id() && same_name(issuer.certificate())
        );
    }
    outcome(&read)
}

/// A service's certificate in which anything may stand, signed by the root: it is for one thing at most.
pub(crate) fn service(data: &[u8]) -> Outcome {
    let Some(certificate) = sign(data, &world::key(ROOT)) else { return Outcome::Refused };
    let (root, at) = (&WORLD.trusted, world::now());
    let verified = [
        root.verify_timestamp(&certificate, at).is_ok(),
        root.verify_log(&certificate, at).is_ok(),
        root.verify_witness(&certificate, at).is_ok(),
        root.verify_issuer(&certificate, at).is_ok(),
    ];
    match verified.into_iter().filter(|verified| *verified).count() {
        0 => Outcome::Refused,
        1 => Outcome::Accepted,
        _ => panic!("one certificate for several things: {verified:?}"),
    }
}

fn same_name(certificate: &Certificate) -> bool {
    certificate.subject_der() == WORLD.issuing.certificate().subject_der()
}

pub(crate) fn issuings() -> Vec<Vec<u8>> {
    vec![content(WORLD.issuing.certificate().der())]
}

fn is_leaf(
    other: &Other,
    policy: &[u8],
    usage: der::flagset::FlagSet<KeyUsages>,
    extended: &[&str],
) {
    let read = Certificate::from_der(&other.to_der().unwrap());
    // Written again, an unsorted set is another one: then only the octets that came count.
    if let Ok(read) = &read {
        is_ours(other, policy, usage, read);
    }
    let constraints: Option<BasicConstraints> = decoded(other, "2.5.29.19");
    assert!(constraints.is_none_or(|constraints| !constraints.ca));
    let ExtendedKeyUsage(found) = decoded(other, "2.5.29.37").unwrap();
    let mut found: Vec<String> = found.iter().map(ObjectIdentifier::to_string).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, extended);
}

/// What every profile below the root has, read by other code than that which decides.
fn is_ours(
    other: &Other,
    policy: &[u8],
    usage: der::flagset::FlagSet<KeyUsages>,
    read: &Certificate,
) {
    let tbs = other.tbs_certificate();
    assert_eq!(tbs.version(), Version::V3);
    assert_eq!(tbs.signature().oid.to_string(), "1.2.840.10045.4.3.2");
    let KeyUsage(found) = decoded(other, "2.5.29.15").unwrap();
    assert_eq!(found, usage);
    assert_eq!(extension(other, POLICIES).unwrap().1, policy);
    let SubjectKeyIdentifier(id) = decoded(other, "2.5.29.14").unwrap();
    assert_eq!(id.as_bytes(), read.public_key().unwrap().key_id());
    let AuthorityKeyIdentifier { key_identifier, .. } = decoded(other, "2.5.29.35").unwrap();
    assert_eq!(key_identifier.unwrap().as_bytes().len(), 20);
    for one in tbs.extensions().unwrap() {
        assert!(!one.critical || KNOWN.contains(&one.extn_id.to_string().as_str()));
    }
    assert!(read.not_before() <= world::now() && world::now() <= read.not_after());
}

fn extension(other: &Other, oid: ObjectIdentifier) -> Option<(bool, &[u8])> {
    let extensions = other.tbs_certificate().extensions()?;
    let one = extensions.iter().find(|one| one.extn_id == oid)?;
    Some((one.critical, one.extn_value.as_bytes()))
}

fn decoded<'a, T: Decode<'a, Error = der::Error>>(other: &'a Other, oid: &str) -> Option<T> {
    Some(T::from_der(extension(other, oid.parse().unwrap())?.1).unwrap())
}
