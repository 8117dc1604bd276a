//! Budgets of what strangers may do wrong: so much a minute for each of them, all of which may come at once.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time in which so many come back.
const MINUTE: Duration = Duration::from_secs(60);

/// The most keys that are remembered, some 100 bytes each. When more than these were counted within a minute, all are
/// forgotten: to lock out whom nobody knows would be what such a flood is for.
const MAX_KEYS: usize = 1 << 16;

/// What each of many has used of its budget, in memory of bounded size; it comes back one by one.
pub struct Budget<K> {
    /// The time in which one comes back.
    interval: Duration,
    used: Mutex<Used<K>>,
}

struct Used<K> {
    /// For each key the moment up to which its budget is used.
    until: HashMap<K, Instant>,
    /// The size at which the next sweep is worth its time.
    sweep_at: usize,
}

impl<K: Eq + Hash> Budget<K> {
    /// So many in a minute.
    pub fn new(per_minute: NonZeroU32) -> Self {
        let used = Used { until: HashMap::new(), sweep_at: 0 };
        Self { interval: MINUTE / per_minute.get(), used: Mutex::new(used) }
    }

    /// Counts one.
    pub fn count(&self, key: K, now: Instant) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.sweep(now);
        let until = used.until.entry(key).or_insert(now);
        // No further than a minute: several that were let in together may be counted together.
        *until = ((*until).max(now) + self.interval).min(now + MINUTE);
    }

    /// How long until there is one left, if there is none now.
    pub fn wait(&self, key: &K, now: Instant) -> Option<Duration> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let until = *used.until.get(key)?;
        let room_at = (until + self.interval).checked_sub(MINUTE)?;
        room_at.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }
}

impl<K: Eq + Hash> Used<K> {
    /// Forgets who has the whole budget again, each time that the number has doubled.
    fn sweep(&mut self, now: Instant) {
        const SWEPT_FROM: usize = 1024;
        if self.until.len() >= self.sweep_at.max(SWEPT_FROM) {
            self.until.retain(|_, until| *until > now);
            if self.until.len() >= MAX_KEYS {
                self.until.clear();
            }
            self.sweep_at = (self.until.len() * 2).min(MAX_KEYS);
        }
    }
}

impl<K> fmt::Debug for Budget<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("interval", &self.interval).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn budget(per_minute: u32) -> Budget<u32> {
        Budget::new(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN))
    }

    #[test]
    fn a_budget_that_is_used_up_comes_back_one_by_one() {
        let (budget, now) = (budget(60), Instant::now());
        for _ in 0..60 {
            assert_eq!(budget.wait(&1, now), None);
            budget.count(1, now);
        }
        assert_eq!(budget.wait(&1, now), Some(SECOND));
        assert_eq!(budget.wait(&2, now), None);
        let later = now + SECOND;
        assert_eq!(budget.wait(&1, later), None);
        budget.count(1, later);
        assert_eq!(budget.wait(&1, later), Some(SECOND));
    }

    #[test]
    fn what_was_refused_at_once_keeps_nobody_out_for_long() {
        let (budget, now) = (budget(60), Instant::now());
        for _ in 0..10_000 {
            budget.count(1, now);
        }
        assert_eq!(budget.wait(&1, now), Some(SECOND));
    }

    #[test]
    fn the_table_is_bounded() {
        let (budget, now) = (budget(60), Instant::now());
        let size = || budget.used.lock().unwrap_or_else(PoisonError::into_inner).until.len();
        for number in 0..300_000 {
            budget.count(number, now);
            if number % 10_000 == 0 {
                assert!(size() <= MAX_KEYS);
            }
        }
        let later = now + MINUTE + SECOND;
        for number in 0..200_000 {
            budget.count(number, later + SECOND * number);
        }
        assert!(size() <= 2048);
    }
}
