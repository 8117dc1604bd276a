//! Project Wycheproof's vectors, through our own types: signatures, public and private keys.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use claim_pki::{PublicKey, SigningKey};
use wycheproof::{TestResult, ecdh, ecdsa};

#[test]
fn ecdsa_p256_sha256() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    let mut count = 0;
    for group in &set.test_groups {
        let key = PublicKey::from_spki_der(&group.der).unwrap();
        for test in &group.tests {
            // These vectors leave nothing to taste: a signature is valid or it is not.
            let expected = test.result == TestResult::Valid;
            let found = key.verify(&test.msg, &test.sig).is_ok();
            assert_eq!(found, expected, "{}: {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count > 400, "{count}");
}

/// Only P-256 keys with a named curve and an uncompressed point, whatever else could be made of the others.
#[test]
fn public_keys_of_ecdh() {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let name = format!("{}: {} {:?}", test.tc_id, test.comment, test.flags);
        let key = PublicKey::from_spki_der(&test.public_key);
        match (test.result, &key) {
            (TestResult::Valid, Ok(public)) => {
                agrees(public.point(), &test.private_key, &test.shared_secret, &name);
                accepted += 1;
            }
            (TestResult::Valid, Err(error)) => unreachable!("{name}: {error}"),
            // `Acceptable` are compressed points, unnamed curves and the like: refused with a word for each.
            (_, key) => {
                assert!(key.is_err(), "{name}");
                refused += 1;
            }
        }
    }
    assert!(accepted > 100 && refused > 50, "{accepted} {refused}");
}

#[test]
fn bare_points_of_ecdh() {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    let mut count = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let name = format!("{}: {} {:?}", test.tc_id, test.comment, test.flags);
        let key = PublicKey::from_spki_der(&spki(&test.public_key));
        let expected = test.result == TestResult::Valid && test.public_key.first() == Some(&4);
        assert_eq!(key.is_ok(), expected, "{name}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}

/// The private key through PEM and our own type, then a plain ECDH: the scalar that HPKE gets is the right one.
fn agrees(point: &[u8], private: &[u8], shared: &[u8], name: &str) {
    // Wycheproof writes numbers, with a zero in front or without those that a field of 32 octets has.
    let number: Vec<u8> = private.iter().copied().skip_while(|octet| *octet == 0).collect();
    let octets = [vec![0; 32 - number.len()], number].concat();
    let key = SigningKey::from_pkcs8_pem(&sec1_pem(&octets)).unwrap();
    let scalar = key.private_scalar().unwrap();
    let own = PrivateKey::from_private_key(&ECDH_P256, &scalar).unwrap();
    let theirs = UnparsedPublicKey::new(&ECDH_P256, point);
    let found = agree(&own, theirs, (), |secret| Ok(secret.to_vec())).unwrap();
    assert_eq!(found, shared, "{name}");
}

/// `ECPrivateKey` with the curve by name (RFC 5915 §3).
fn sec1_pem(octets: &[u8]) -> String {
    let curve = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let der = [&[0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20], octets, &curve].concat();
    der::pem::encode_string("EC PRIVATE KEY", der::pem::LineEnding::LF, &der).unwrap()
}

/// A SubjectPublicKeyInfo for P-256 around any octets.
fn spki(point: &[u8]) -> Vec<u8> {
    let algorithm = [
        0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    let length = u8::try_from(point.len()).unwrap();
    let bits = [&[0x03, length + 1, 0x00], point].concat();
    let length = u8::try_from(algorithm.len() + bits.len()).unwrap();
    [&[0x30, length], algorithm.as_slice(), &bits].concat()
}
