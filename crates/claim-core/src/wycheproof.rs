//! Project Wycheproof's vectors for the MACs and the key schedule.
//!
//! AES-GCM is not among them: the one place that uses it derives key and nonce itself and takes none.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use wycheproof::{TestResult, hkdf, mac};

use crate::Secret;
use crate::transcript::{MacKey, SessionSecret, Transcript, hkdf_expand};

#[test]
fn hmac_sha256_of_32_octets() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let (mut whole, mut cut) = (0, 0);
    for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
        for test in &group.tests {
            let key = MacKey::new(test.key.to_vec().try_into().unwrap());
            let verified = key.verify(&test.msg, &test.tag).is_ok();
            if group.tag_size == 256 {
                assert_eq!(verified, test.result == TestResult::Valid, "{}", test.tc_id);
                assert_eq!(key.sign(&test.msg) == test.tag[..], verified);
                whole += 1;
            } else {
                // RFC 2104 §5 allows truncation; the protocol does not.
                assert!(!verified, "{}", test.tc_id);
                cut += 1;
            }
        }
    }
    assert!(whole > 50 && cut > 50, "{whole} {cut}");
}

/// With keys of 32 octets, and salts that fit: a shorter one is the same as with zeros behind (RFC 2104 §2).
#[test]
fn hkdf_sha256_from_a_session_key() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let mut count = 0;
    for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
        let fits = |test: &&hkdf::Test| test.salt.len() <= 32 && test.result == TestResult::Valid;
        for test in group.tests.iter().filter(fits) {
            let mut salt = [0; 32];
            salt[..test.salt.len()].copy_from_slice(&test.salt);
            let key = Secret::new(test.ikm.to_vec().try_into().unwrap());
            let prk = SessionSecret::extract(&Transcript::from_bytes(salt), &key);
            // The first octets of a longer output are the shorter one (RFC 5869 §2.3).
            let longest: [u8; 255 * 32] = hkdf_expand(prk.expose(), &test.info);
            assert_eq!(longest.get(..test.size).unwrap(), &test.okm[..], "{}", test.tc_id);
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}
