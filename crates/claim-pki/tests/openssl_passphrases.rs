//! Private keys with a passphrase: what OpenSSL encrypts we read, and the other way round.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/openssl.rs"]
mod support;

use authority::key;
use claim_pki::{KeyError, SigningKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use support::{fail, succeed};

const PASSPHRASE: &str = "correct-horse-battery-staple";

#[test]
fn what_openssl_encrypts_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (at, plain) = (folder.path(), key());
    std::fs::write(at.join("plain.key"), plain.to_pkcs8_pem().as_bytes()).unwrap();
    for scheme in [
        "-v2 aes-256-cbc",
        "-v2 aes-128-cbc -iter 600000",
        "-v2 aes-192-cbc -v2prf hmacWithSHA512",
        "-scrypt",
    ] {
        let command = "pkcs8 -topk8 -in plain.key -out it.key -passout";
        succeed(at, &format!("{command} pass:{PASSPHRASE} {scheme}"));
        let text = std::fs::read_to_string(at.join("it.key")).unwrap();
        let read = SigningKey::from_encrypted_pem(&text, PASSPHRASE).unwrap();
        assert_eq!(read.public_key(), plain.public_key(), "{scheme}");
        let refused = SigningKey::from_encrypted_pem(&text, "another").unwrap_err();
        assert_eq!(refused, KeyError::Passphrase, "{scheme}");
    }
    // Schemes that are too weak to be read are told as such.
    for scheme in ["-v2 des3", "-v2 aes-256-cbc -v2prf hmacWithSHA1"] {
        let command = "pkcs8 -topk8 -in plain.key -out it.key -passout";
        succeed(at, &format!("{command} pass:{PASSPHRASE} {scheme}"));
        let text = std::fs::read_to_string(at.join("it.key")).unwrap();
        let refused = SigningKey::from_encrypted_pem(&text, PASSPHRASE).unwrap_err();
        assert_eq!(refused, KeyError::Encryption, "{scheme}");
    }
}

#[test]
fn openssl_reads_what_we_encrypt() {
    let folder = tempfile::tempdir().unwrap();
    let (at, key) = (folder.path(), key());
    let text = key.to_encrypted_pem(PASSPHRASE, &mut ChaCha20Rng::from_seed([1; 32])).unwrap();
    std::fs::write(at.join("it.key"), text).unwrap();
    let opened = succeed(at, &format!("pkcs8 -in it.key -passin pass:{PASSPHRASE}"));
    assert_eq!(SigningKey::from_pkcs8_pem(&opened).unwrap().public_key(), key.public_key());
    fail(at, "pkcs8 -in it.key -passin pass:another");
}
