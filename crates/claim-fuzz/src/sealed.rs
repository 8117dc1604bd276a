//! Tokens and stored keys, and what stands in them once they open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use claim_core::blackboard::{ExpectConfirmation, Session};
use claim_core::encoding::{Bytes, b64u, lp, split_lp};
use claim_core::ring::SealingKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::world::{self, ORIGIN, SID, WORLD};
use crate::{Outcome, outcome};

/// A token opens for one use or not at all.
pub(crate) fn token(data: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(data);
    let (origin, ring) = (world::origin(), &WORLD.rings[0]);
    let challenge = ExpectConfirmation::open(&text, &origin, ring, world::now());
    let session = Session::open(&text, &origin, ring, world::now());
    assert!(challenge.is_err() || session.is_err(), "one token, two uses");
    if let Ok(session) = &session {
        assert_eq!(session.person(), &world::id(), "sealed for nobody else here");
        let other = &WORLD.identities[1].origin;
        assert!(Session::open(&text, other, ring, world::now()).is_err(), "and for this origin");
    }
    if challenge.is_ok() || session.is_ok() { Outcome::Accepted } else { Outcome::Refused }
}

pub(crate) fn tokens() -> Vec<Vec<u8>> {
    [b"claim v1 challenge token".as_slice(), b"claim v1 session token"]
        .map(|label| seal(label, &content()).into_bytes())
        .to_vec()
}

/// Any content, sealed here as the specification says: what opens says what was sealed.
pub(crate) fn grant(data: &[u8]) -> Outcome {
    let token = seal(b"claim v1 session token", data);
    let read = Session::open(&token, &world::origin(), &WORLD.rings[0], world::now());
    if let Ok(session) = &read {
        let [transcript, _, id, leaf, key_id, serial, _, _, expires] = split_lp(data).unwrap();
        assert_eq!(session.person().as_str().as_bytes(), id);
        assert_eq!(session.certificate().leaf.as_bytes(), leaf);
        assert_eq!(session.certificate().issuer_key_id, key_id);
        assert_eq!(session.certificate().serial.as_bytes(), serial);
        assert!(session.expires_at() > world::now());
        assert_eq!(
            session.expires_at(),
            claim_core::Timestamp::from_millis(i64::from_be_bytes(expires.try_into().unwrap()))
        );
        let id = lp(&[b"claim v1 session id", transcript]);
        assert_eq!(session.id().as_bytes(), claim_core::Digest::of(&id).as_bytes());
    }
    outcome(&read)
}

pub(crate) fn grants() -> Vec<Vec<u8>> {
    vec![content()]
}

fn content() -> Vec<u8> {
    let time = |seconds: i64| world::now().plus_seconds(seconds).as_millis().to_be_bytes();
    lp(&[
        &[1; 32],
        &[2; 32],
        SID.as_bytes(),
        &[3; 32],
        &[4; 20],
        b"40404040404040404040404040404003",
        &time(86_400),
        &time(0),
        &time(3_600),
    ])
}

/// A key that was stored comes back, and nothing else does.
pub(crate) fn stored_key(data: &[u8]) -> Outcome {
    let key = first_key();
    let read =
        SealingKey::unwrap_stored(data, key.id(), key.period(), &WORLD.wrapping, &world::origin());
    if let Ok(read) = &read {
        assert!(*read == key, "another key than was stored");
    }
    outcome(&read)
}

pub(crate) fn stored_keys() -> Vec<Vec<u8>> {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    vec![first_key().wrap(&WORLD.wrapping, &world::origin(), &mut rng)]
}

fn first_key() -> SealingKey {
    WORLD.rings[0].sealing(world::now()).unwrap().clone()
}

/// The world's sealing key once more, drawn as `SealingKey::generate` draws it: id, then secret.
fn secret() -> ([u8; 8], [u8; 32]) {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let (mut id, mut secret) = ([0; 8], [0; 32]);
    rng.fill_bytes(&mut id);
    rng.fill_bytes(&mut secret);
    assert_eq!(first_key().id(), Bytes(id));
    (id, secret)
}

/// Seals as PROTOCOL.md describes tokens.
fn seal(label: &[u8], content: &[u8]) -> String {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let (id, secret) = secret();
    let random = [6; 24];
    let prk = Salt::new(HKDF_SHA256, &random).extract(&secret);
    let expand = |info: &[u8], bytes: &mut [u8]| {
        prk.expand(&[info], Length(bytes.len())).unwrap().fill(bytes).unwrap();
    };
    let (mut key, mut nonce) = ([0; 32], [0; 12]);
    expand(b"claim v1 token key", &mut key);
    expand(b"claim v1 token nonce", &mut nonce);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    let mut sealed = content.to_vec();
    let aad = Aad::from(lp(&[label, ORIGIN.as_bytes(), &id]));
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).unwrap();
    b64u(&[&[1], id.as_slice(), &random, &sealed].concat())
}
