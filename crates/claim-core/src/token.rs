//! Sealed tokens: what Blackboard would otherwise have to remember, given to the student to bring back.
//!
//! Layout: version (1 byte), key id (8), random (24), AES-256-GCM ciphertext with its tag; `b64u` on the wire.
//! Key and nonce are derived from the ring key and the random bytes, so a ring key can seal any number of tokens
//! without a nonce ever standing twice; AAD = `lp(token type, origin, key id)`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::{Zeroize, Zeroizing};

use crate::encoding::{Bytes, b64u, from_b64u, lp};
use crate::ring::{KeyId, Ring, SealingKey};
use crate::secret::Secret;
use crate::transcript::hkdf_expand;
use crate::{Origin, Timestamp};

/// The longest token that is looked at, in characters.
const MAX_LENGTH: usize = 2048;

const VERSION: u8 = 1;
const RANDOM: usize = 24;
const TAG: usize = 16;

/// What a token is for; one sealed for one use does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// Step 4 to step 5.
    Challenge,
    /// Step 5 to step 6.
    Session,
    /// A key of the ring, in the database.
    SealingKey,
}

impl TokenType {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Challenge => b"claim v1 challenge token",
            Self::Session => b"claim v1 session token",
            Self::SealingKey => b"claim v1 sealing key",
        }
    }
}

/// Why a token does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a token of any Blackboard: wrong encoding, length or version.
    #[error("it does not have the form of a token")]
    Malformed,
    /// Sealed under a key that the ring does not hold (any more, or on this replica yet).
    #[error("it is sealed under the key {0}, which is not in the ring")]
    UnknownKey(KeyId),
    /// Changed, or sealed for another use or by another Blackboard.
    #[error("it does not open under its key")]
    Forged,
    /// Genuine, but its time is over.
    #[error("it was valid until {expires_at}; now it is {now}")]
    Expired {
        /// When it ceased to be valid.
        expires_at: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// No key of the ring may seal now; the server has to make one first.
    #[error("no key of the ring may seal at {now}")]
    NoSealingKey {
        /// The server's time.
        now: Timestamp,
    },
}

/// Seals the content under the ring's current key.
pub(crate) fn seal(
    key: &SealingKey,
    token_type: TokenType,
    origin: &Origin,
    content: &[u8],
    random: Bytes<RANDOM>,
) -> String {
    b64u(&seal_with(key.secret(), token_type, origin, &key.id(), content, random))
}

/// Opens a token that came from the network.
pub(crate) fn open(
    ring: &Ring,
    token_type: TokenType,
    origin: &Origin,
    token: &str,
    now: Timestamp,
) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    if token.len() > MAX_LENGTH {
        return Err(TokenError::Malformed);
    }
    let bytes = from_b64u(token).map_err(|_| TokenError::Malformed)?;
    let sealed = Sealed::parse(&bytes)?;
    let key = ring.opening(&sealed.key_id, now).ok_or(TokenError::UnknownKey(sealed.key_id))?;
    sealed.open_with(key.secret(), token_type, origin)
}

/// The parts of a sealed string.
pub(crate) struct Sealed<'a> {
    key_id: KeyId,
    random: Bytes<RANDOM>,
    ciphertext: &'a [u8],
}

impl<'a> Sealed<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, TokenError> {
        let (&version, rest) = bytes.split_first().ok_or(TokenError::Malformed)?;
        let (&key_id, rest) = rest.split_first_chunk().ok_or(TokenError::Malformed)?;
        let (&random, ciphertext) = rest.split_first_chunk().ok_or(TokenError::Malformed)?;
        if version != VERSION || ciphertext.len() < TAG {
            return Err(TokenError::Malformed);
        }
        Ok(Self { key_id: Bytes(key_id), random: Bytes(random), ciphertext })
    }

    pub(crate) fn key_id(&self) -> KeyId {
        self.key_id
    }

    pub(crate) fn open_with(
        &self,
        secret: &Secret<32>,
        token_type: TokenType,
        origin: &Origin,
    ) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let (key, nonce) = derive(secret, &self.random);
        let aad = Aad::from(aad(token_type, origin, &self.key_id));
        let mut content = Zeroizing::new(self.ciphertext.to_vec());
        let length =
            key.open_in_place(nonce, aad, &mut content).map_err(|_| TokenError::Forged)?.len();
        content.truncate(length);
        Ok(content)
    }
}

#[allow(
    clippy::expect_used,
    reason = "AES-GCM fails only beyond 2^36 bytes; contents here are below a kilobyte"
)]
pub(crate) fn seal_with(
    secret: &Secret<32>,
    token_type: TokenType,
    origin: &Origin,
    key_id: &KeyId,
    content: &[u8],
    random: Bytes<RANDOM>,
) -> Vec<u8> {
    let (key, nonce) = derive(secret, &random);
    let aad = Aad::from(aad(token_type, origin, key_id));
    let mut ciphertext = content.to_vec();
    key.seal_in_place_append_tag(nonce, aad, &mut ciphertext).expect("the content is short");
    let mut sealed = Vec::with_capacity(1 + 8 + RANDOM + ciphertext.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&key_id.0);
    sealed.extend_from_slice(&random.0);
    sealed.append(&mut ciphertext);
    sealed
}

fn aad(token_type: TokenType, origin: &Origin, key_id: &KeyId) -> Vec<u8> {
    lp(&[token_type.label(), origin.as_str().as_bytes(), &key_id.0])
}

/// The AEAD key and nonce of one token: HKDF(salt = random, ikm = ring key, info = label).
#[allow(clippy::expect_used, reason = "AES-256 takes every key of 32 bytes")]
fn derive(secret: &Secret<32>, random: &Bytes<RANDOM>) -> (LessSafeKey, Nonce) {
    let mut prk = [0; 32];
    let salt = hmac::Key::new(hmac::HMAC_SHA256, &random.0);
    prk.copy_from_slice(hmac::sign(&salt, secret.expose()).as_ref());
    let mut key: [u8; 32] = hkdf_expand(&prk, b"claim v1 token key");
    let nonce = hkdf_expand(&prk, b"claim v1 token nonce");
    prk.zeroize();
    let unbound = UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes");
    key.zeroize();
    (LessSafeKey::new(unbound), Nonce::assume_unique_for_key(nonce))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::ring::Period;

    fn fixture() -> (Ring, SealingKey, Origin, Timestamp) {
        let now = Timestamp::from_seconds(1_000_000_000);
        let period = Period { from: now, until: now.plus_seconds(60) };
        let key = SealingKey::generate(period, &mut ChaCha20Rng::seed_from_u64(1));
        (Ring::new(vec![key.clone()]), key, "https://localhost:3141".parse().unwrap(), now)
    }

    #[test]
    fn opens_for_the_same_use_and_origin_only() {
        let (ring, key, origin, now) = fixture();
        let token = seal(&key, TokenType::Session, &origin, b"content", Bytes([7; 24]));
        assert_eq!(*open(&ring, TokenType::Session, &origin, &token, now).unwrap(), b"content");
        let other = "https://localhost:3142".parse().unwrap();
        assert_eq!(
            open(&ring, TokenType::Challenge, &origin, &token, now),
            Err(TokenError::Forged)
        );
        assert_eq!(open(&ring, TokenType::Session, &other, &token, now), Err(TokenError::Forged));
        assert_eq!(
            open(&Ring::default(), TokenType::Session, &origin, &token, now),
            Err(TokenError::UnknownKey(key.id()))
        );
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let (ring, key, origin, now) = fixture();
        let sealed = seal_with(
            key.secret(),
            TokenType::Session,
            &origin,
            &key.id(),
            b"content",
            Bytes([7; 24]),
        );
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                open(&ring, TokenType::Session, &origin, &b64u(&changed), now).is_err(),
                "bit {bit}"
            );
        }
        for length in 0..sealed.len() {
            assert!(
                open(&ring, TokenType::Session, &origin, &b64u(&sealed[..length]), now).is_err()
            );
        }
    }

    #[test]
    fn an_endless_token_is_not_looked_at() {
        let (ring, _, origin, now) = fixture();
        let token = "A".repeat(MAX_LENGTH + 1);
        assert_eq!(
            open(&ring, TokenType::Session, &origin, &token, now),
            Err(TokenError::Malformed)
        );
    }

    proptest! {
        #[test]
        fn never_panics(token: String) {
            let (ring, _, origin, now) = fixture();
            prop_assert!(open(&ring, TokenType::Session, &origin, &token, now).is_err());
        }
    }
}
