//! How often to try again, and when.

use std::time::Duration;

use claim_http::system_rng;
use rand_core::Rng;
use tokio::time::Instant;

use crate::config::Timeouts;

/// The most attempts, the first one included, however short the pauses are.
const MAX_ATTEMPTS: u32 = 12;

/// What is left of the time and the attempts for one request.
#[derive(Debug)]
pub(crate) struct Patience {
    end: Instant,
    attempts: u32,
    pause: Duration,
    longest: Duration,
}

impl Patience {
    /// The first attempt is being made now.
    pub(crate) fn new(timeouts: &Timeouts) -> Self {
        Self {
            end: Instant::now() + timeouts.patience,
            attempts: 1,
            pause: timeouts.first_pause,
            longest: timeouts.longest_pause,
        }
    }

    /// The pause before the next attempt; `None` when there is to be none.
    ///
    /// A server that asks to wait is believed up to the end of the patience, and no attempt is made earlier.
    pub(crate) fn next_pause(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        let pause = retry_after.unwrap_or_default().saturating_add(jittered(self.pause));
        if self.attempts >= MAX_ATTEMPTS || pause > self.end - Instant::now() {
            return None;
        }
        self.attempts += 1;
        self.pause = self.pause.saturating_mul(2).min(self.longest);
        Some(pause)
    }

    /// How many attempts were begun.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// Between half of the pause and the whole.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let share = f64::from(system_rng().next_u32()) / f64::from(u32::MAX);
    pause / 2 + (pause / 2).mul_f64(share)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn patience(seconds: u64) -> Patience {
        Patience::new(&Timeouts { patience: Duration::from_secs(seconds), ..Timeouts::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_the_longest() {
        let mut patience = patience(10_000);
        let mut expected = Duration::from_millis(500);
        for _ in 1..MAX_ATTEMPTS {
            let pause = patience.next_pause(None).unwrap();
            assert!(pause >= expected / 2 && pause <= expected, "{pause:?} for {expected:?}");
            expected = (expected * 2).min(Duration::from_secs(10));
        }
        assert_eq!(patience.next_pause(None), None, "attempts are counted");
        assert_eq!(patience.attempts(), MAX_ATTEMPTS);
    }

    #[tokio::test(start_paused = true)]
    async fn time_runs_out() {
        let mut patience = patience(2);
        assert!(patience.next_pause(None).is_some());
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(patience.next_pause(None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_not_asked_earlier_than_it_wants() {
        let mut patience = patience(60);
        assert!(
            patience.next_pause(Some(Duration::from_secs(7))).unwrap() >= Duration::from_secs(7)
        );
        assert_eq!(patience.next_pause(Some(Duration::from_secs(61))), None);
        assert_eq!(patience.next_pause(Some(Duration::MAX)), None);
    }
}
