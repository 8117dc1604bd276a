//! Sealed tokens: what Blackboard would otherwise have to remember, given to the student to bring back.

use zeroize::Zeroizing;

use crate::encoding::{b64u, from_b64u};
use crate::ring::{Ring, SealingKey};
use crate::sealed::{self, Salt, Sealed, TokenError, TokenType};
use crate::{Origin, Timestamp};

/// The longest token that is looked at, in characters.
const MAX_LENGTH: usize = 2048;

/// Seals the content under the ring's current key.
pub(crate) fn seal(
    key: &SealingKey,
    token_type: TokenType,
    origin: &Origin,
    content: &[u8],
    random: Salt,
) -> String {
    b64u(&sealed::seal(key.secret(), token_type, origin, &key.id(), content, random))
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
    let key_id = sealed.key_id();
    let key = ring.opening(&key_id, now).ok_or(TokenError::UnknownKey(key_id))?;
    sealed.open(key.secret(), token_type, origin)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::encoding::Bytes;
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
        let sealed = sealed::seal(
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
