//! How often to try again, and when.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::config::Timeouts;

/// The most attempts, the first one included, however short the pauses are.
const MAX_ATTEMPTS: u32 = 12;

/// What is left of the time and the attempts for one request.
#[derive(Debug)]
pub(crate) struct Patience {
    end: Instant,
    attempts: u32,
    pauses: ExponentialBackoff,
}

impl Patience {
    /// The first attempt is being made now.
    pub(crate) fn new(timeouts: &Timeouts) -> Self {
        let pauses = pauses(timeouts.first_pause, timeouts.longest_pause);
        Self { end: Instant::now() + timeouts.patience, attempts: 1, pauses }
    }

    /// The pause before the next attempt; `None` when there is to be none.
    ///
    /// A server that asks to wait is believed up to the end of the patience, and no attempt is made earlier.
    pub(crate) fn next_pause(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        if self.attempts >= MAX_ATTEMPTS {
            return None;
        }
        let pause = retry_after.unwrap_or_default().saturating_add(self.pauses.next()?);
        if pause > self.end.saturating_duration_since(Instant::now()) {
            return None;
        }
        self.attempts += 1;
        Some(pause)
    }

    /// How many attempts were begun.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// Pauses between half of `first` and the whole, each time twice as long, up to `longest`.
///
/// The random part keeps many programs that were cut off together from coming back together.
pub(crate) fn pauses(first: Duration, longest: Duration) -> ExponentialBackoff {
    // The crate's jitter adds between nothing and as much again.
    ExponentialBuilder::new()
        .with_min_delay(first / 2)
        .with_max_delay(longest / 2)
        .without_max_times()
        .with_jitter()
        .build()
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
