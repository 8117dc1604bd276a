//! The rotation of the sealing keys, driven as the server drives it, with a clock that jumps.

use claim_core::Timestamp;
use claim_core::ring::{OPENS_FOR_SECONDS, PUBLISHED_BEFORE_SECONDS, Ring, SealingKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::{Outcome, world};

/// The most steps of one input.
const STEPS: usize = 64;

/// Each two octets say how many minutes pass before the server looks at its ring again.
///
/// After each look some key seals, and every key that has sealed opens for as long as a session may live.
pub(crate) fn rotation(data: &[u8]) -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut keys: Vec<SealingKey> = Vec::new();
    let mut sealed: Vec<(SealingKey, Timestamp)> = Vec::new();
    let mut now = world::start();
    for minutes in data.as_chunks::<2>().0.iter().take(STEPS) {
        now = now.plus_seconds(60 * i64::from(u16::from_be_bytes(*minutes)));
        let before = Ring::new(keys.clone());
        if let Some(period) = before.due(now) {
            let soon = now.plus_seconds(PUBLISHED_BEFORE_SECONDS);
            assert!(period.from >= soon || before.sealing(now).is_none(), "not published in time");
            assert!(period.from < period.until || period.until == Timestamp::MAX);
            keys.push(SealingKey::generate(period, &mut rng));
        }
        let ring = Ring::new(keys.clone());
        if now == Timestamp::MAX {
            break;
        }
        assert_eq!(ring.due(now), None, "one key at a time is due");
        let key = ring.sealing(now).expect("some key seals");
        assert!(key.period().from <= now && now < key.period().until);
        sealed.push((key.clone(), now));
        for (key, at) in &sealed {
            let lives = now.millis_since(*at) < OPENS_FOR_SECONDS * 1000;
            assert!(!lives || ring.opening(&key.id(), now) == Some(key), "a session was cut short");
        }
    }
    if sealed.is_empty() { Outcome::Refused } else { Outcome::Accepted }
}

pub(crate) fn rotations() -> Vec<Vec<u8>> {
    let minutes = |steps: &[u16]| steps.iter().flat_map(|step| step.to_be_bytes()).collect();
    vec![
        minutes(&[0, 1379, 1, 59, 1, 480, 960]),
        minutes(&[60; 60]),
        minutes(&[0, 1439, 0, 1, u16::MAX, 1]),
    ]
}
