//! The ring of keys that seal tokens: which one seals now, which ones still open, when the next is due.
//!
//! The ring is kept in the database, each key wrapped by a key that stays out of it (`sealing.key`), so that
//! replicas share the ring and a backup alone opens nothing. This module decides; the server stores.

use std::fmt;

use rand_core::CryptoRng;

use crate::encoding::Bytes;
pub use crate::sealed::KeyId;
use crate::sealed::{self, Sealed, TokenError, TokenType};
use crate::secret::Secret;
use crate::{Origin, Timestamp};

/// How long a key seals, in seconds: one day.
pub const SEALS_FOR_SECONDS: i64 = 24 * 60 * 60;

/// How long a key still opens after its last use, in seconds: as long as a session may live.
pub const OPENS_FOR_SECONDS: i64 = 8 * 60 * 60;

/// How long before its first use a key is published, in seconds, so that every replica has it by then.
pub const PUBLISHED_BEFORE_SECONDS: i64 = 60;

/// How long before the end of a key the next one is made, in seconds.
///
/// Far more than [`PUBLISHED_BEFORE_SECONDS`], so that a server down for a while at the wrong moment is no harm.
const MADE_BEFORE_SECONDS: i64 = 60 * 60;

/// One key of the ring.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey {
    id: KeyId,
    secret: Secret<32>,
    period: Period,
}

/// When a key seals; it opens [`OPENS_FOR_SECONDS`] longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: Timestamp,
    /// The moment after the last.
    pub until: Timestamp,
}

impl Period {
    /// When tokens sealed in this period cease to open.
    pub fn opens_until(&self) -> Timestamp {
        self.until.plus_seconds(OPENS_FOR_SECONDS)
    }

    fn contains(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

impl SealingKey {
    /// Makes a key for this period.
    pub fn generate(period: Period, rng: &mut dyn CryptoRng) -> Self {
        Self { id: KeyId::random(rng), secret: Secret::random(rng), period }
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// When it seals.
    pub fn period(&self) -> Period {
        self.period
    }

    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// The key as it is stored: sealed under the wrapping key, for this origin and key id only.
    pub fn wrap(
        &self,
        wrapping: &WrappingKey,
        origin: &Origin,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        sealed::seal(
            &wrapping.0,
            TokenType::SealingKey,
            origin,
            &self.id,
            self.secret.expose(),
            Bytes::random(rng),
        )
    }

    /// The key back from what [`SealingKey::wrap`] made.
    ///
    /// # Errors
    /// [`TokenError::Forged`] when another wrapping key, origin or id belongs to it, or it was changed.
    pub fn unwrap_stored(
        wrapped: &[u8],
        id: KeyId,
        period: Period,
        wrapping: &WrappingKey,
        origin: &Origin,
    ) -> Result<Self, TokenError> {
        let sealed = Sealed::parse(wrapped)?;
        if sealed.key_id() != id {
            return Err(TokenError::Forged);
        }
        let secret = sealed.open(&wrapping.0, TokenType::SealingKey, origin)?;
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| TokenError::Malformed)?;
        Ok(Self { id, secret: Secret::new(secret), period })
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({} {:?})", self.id, self.period)
    }
}

/// The key in `sealing.key`, which wraps the ring; never in the database, so never in its backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappingKey(Secret<32>);

impl WrappingKey {
    /// Takes the key's 32 bytes.
    pub fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }
}

/// The keys that a server knows at one moment.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    keys: Vec<SealingKey>,
}

impl Ring {
    /// A ring of these keys, in any order.
    pub fn new(mut keys: Vec<SealingKey>) -> Self {
        keys.sort_by_key(|key| key.period.from);
        Self { keys }
    }

    /// The key that seals now: of those whose time it is, the one that began last.
    pub fn sealing(&self, now: Timestamp) -> Option<&SealingKey> {
        self.keys.iter().rev().find(|key| key.period.contains(now))
    }

    /// The key with this id, while tokens under it still open.
    pub fn opening(&self, id: &KeyId, now: Timestamp) -> Option<&SealingKey> {
        self.keys.iter().find(|key| key.id == *id && now < key.period.opens_until())
    }

    /// The period of the key that must be made now, if one is due.
    ///
    /// Normally it begins where the last one ends. Only when no key can seal at all (first start, or nobody ran
    /// for a day) does it begin at once; replicas that do not have it then look it up when they meet its id.
    ///
    /// Keys whose time lies beyond a gap do not count: a clock that was ahead, and was set right, has left them.
    pub fn due(&self, now: Timestamp) -> Option<Period> {
        let published = now.plus_seconds(PUBLISHED_BEFORE_SECONDS);
        let from = match self.sealing_until(now) {
            Some(until) if until > now.plus_seconds(MADE_BEFORE_SECONDS) => return None,
            Some(until) if until >= published => until,
            Some(_) => published,
            None => now,
        };
        Some(Period { from, until: from.plus_seconds(SEALS_FOR_SECONDS) })
    }

    /// Until when there is a key to seal with, from now on without a gap but one that a late key leaves.
    fn sealing_until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut until = self.sealing(now)?.period.until;
        let published = now.plus_seconds(PUBLISHED_BEFORE_SECONDS);
        for key in &self.keys {
            if key.period.from <= until.max(published) {
                until = until.max(key.period.until);
            }
        }
        Some(until)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000_000 + seconds)
    }

    fn key(from: i64, rng: &mut dyn CryptoRng) -> SealingKey {
        SealingKey::generate(Period { from: at(from), until: at(from + SEALS_FOR_SECONDS) }, rng)
    }

    #[test]
    fn the_first_key_is_due_at_once_and_then_none_until_an_hour_before_the_end() {
        assert_eq!(Ring::default().due(at(0)).unwrap().from, at(0));
        let ring = Ring::new(vec![key(0, &mut ChaCha20Rng::seed_from_u64(1))]);
        assert_eq!(ring.due(at(0)), None);
        assert_eq!(ring.due(at(SEALS_FOR_SECONDS - 3_601)), None);
        let next = ring.due(at(SEALS_FOR_SECONDS - 3_600)).unwrap();
        assert_eq!(next.from, at(SEALS_FOR_SECONDS));
    }

    #[test]
    fn a_late_key_is_still_published_a_minute_before_its_use_while_another_seals() {
        let ring = Ring::new(vec![key(0, &mut ChaCha20Rng::seed_from_u64(1))]);
        let now = at(SEALS_FOR_SECONDS - 10);
        let late = ring.due(now).unwrap();
        assert_eq!(late.from, now.plus_seconds(60));
        assert!(ring.sealing(now).is_some());
        let late = SealingKey::generate(late, &mut ChaCha20Rng::seed_from_u64(2));
        let both = Ring::new(vec![key(0, &mut ChaCha20Rng::seed_from_u64(1)), late]);
        assert_eq!(both.due(now), None, "once");
        let now = at(SEALS_FOR_SECONDS);
        assert_eq!(ring.due(now).unwrap().from, now);
        assert!(ring.sealing(now).is_none());
    }

    #[test]
    fn a_clock_that_was_set_is_never_without_a_key() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        // Set back to before the first key, by a second or by a year.
        for back in [1, 365 * 24 * 3600] {
            let mut ring = Ring::new(vec![key(0, &mut rng)]);
            assert!(ring.sealing(at(-back)).is_none());
            let period = ring.due(at(-back)).unwrap();
            assert_eq!(period.from, at(-back));
            ring = Ring::new(vec![key(0, &mut rng), key(-back, &mut rng)]);
            assert_eq!(ring.due(at(-back)), None, "once");
        }
        // A year ahead it made a key; then it was set right. The right time goes on day after day.
        let year = 365 * 24 * 3600;
        let mut keys = vec![key(0, &mut rng), key(year, &mut rng)];
        for hour in 0..100 {
            let now = at(hour * 3600);
            let mut made = 0;
            while let Some(period) = Ring::new(keys.clone()).due(now) {
                keys.push(SealingKey::generate(period, &mut rng));
                made += 1;
            }
            assert!(made <= 1, "{made} keys at hour {hour}");
            assert!(Ring::new(keys.clone()).sealing(now).is_some(), "no key at hour {hour}");
        }
        assert_eq!(keys.len(), 2 + 4);
    }

    #[test]
    fn a_key_opens_eight_hours_longer_than_it_seals() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (first, second) = (key(0, &mut rng), key(SEALS_FOR_SECONDS, &mut rng));
        let ring = Ring::new(vec![second.clone(), first.clone()]);
        assert_eq!(ring.sealing(at(SEALS_FOR_SECONDS - 1)), Some(&first));
        assert_eq!(ring.sealing(at(SEALS_FOR_SECONDS)), Some(&second));
        let last = SEALS_FOR_SECONDS + OPENS_FOR_SECONDS;
        assert_eq!(ring.opening(&first.id(), at(last - 1)), Some(&first));
        assert_eq!(ring.opening(&first.id(), at(last)), None);
    }

    #[test]
    fn a_wrapped_key_opens_only_with_its_wrapping_key_origin_and_id() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (origin, other) =
            ("https://a.example".parse().unwrap(), "https://b.example".parse().unwrap());
        let (wrapping, wrong) =
            (WrappingKey(Secret::random(&mut rng)), WrappingKey(Secret::random(&mut rng)));
        let key = key(0, &mut rng);
        let wrapped = key.wrap(&wrapping, &origin, &mut rng);
        let open = |id, wrapping, origin| {
            SealingKey::unwrap_stored(&wrapped, id, key.period, wrapping, origin)
        };
        assert_eq!(open(key.id, &wrapping, &origin).unwrap(), key);
        assert_eq!(open(key.id, &wrong, &origin), Err(TokenError::Forged));
        assert_eq!(open(key.id, &wrapping, &other), Err(TokenError::Forged));
        assert_eq!(open(Bytes([0; 8]), &wrapping, &origin), Err(TokenError::Forged));
    }
}
