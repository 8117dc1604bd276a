//! Trying again what lost a race.

use std::time::Duration;

use crate::StoreError;

/// How often a transaction that lost against others is tried in all.
///
/// Each time one of those that raced has won, so this many replicas can meet on the same row.
const ATTEMPTS: u32 = 12;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Counts the attempts of one transaction.
#[derive(Default)]
pub(crate) struct Retries {
    made: u32,
}

impl Retries {
    /// Whether to try again after this error; waits as long as is good before.
    pub(crate) async fn again(&mut self, error: &StoreError) -> bool {
        self.made += 1;
        if self.made >= ATTEMPTS || !error.lost_a_race() {
            return false;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.made.min(16)).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
        true
    }
}

/// Evaluates a future of `Result<_, StoreError>` anew until it does not lose a race; each time from the start.
macro_rules! retry {
    ($attempt:expr) => {{
        let mut retries = $crate::retry::Retries::default();
        loop {
            match $attempt.await {
                Err(error) if retries.again(&error).await => {}
                outcome => break outcome,
            }
        }
    }};
}
pub(crate) use retry;
