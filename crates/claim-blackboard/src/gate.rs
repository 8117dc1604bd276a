//! How much of the work that anyone can ask for is done at once.

use std::sync::Arc;

use claim_core::{Problem, ProblemType};
use tokio::sync::Semaphore;

use crate::config::Quotas;
use crate::error;

/// Seconds until the queue has surely moved on.
const RETRY_AFTER: u64 = 1;

/// The place where steps 3 and 4 are computed: few at once, some more in the queue, nobody else.
///
/// A certificate is public, so whoever sends it may be anyone; this bound is what protects the processors.
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(quotas: &Quotas) -> Self {
        let running = quotas.kem_concurrency.get() as usize;
        let waiting = quotas.kem_waiting as usize;
        let places = running.saturating_add(waiting).min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            running: Arc::new(Semaphore::new(running.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Computes off the threads that serve connections, when its turn has come.
    ///
    /// # Errors
    /// [`ProblemType::Overloaded`] when the queue is full; whatever the work is refused with.
    pub(crate) async fn pass<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Problem::new(ProblemType::Overloaded, "too many wait for a session key")
                .with("retry_after", RETRY_AFTER)
        })?;
        let turn = Arc::clone(&self.running).acquire_owned().await;
        let turn = turn.map_err(|error| error::internal(&error))?;
        // The work goes on when the client goes away, so it takes its place and turn along.
        let work = move || {
            let outcome = work();
            drop((turn, place));
            outcome
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| error::internal(&error))?
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::num::NonZeroU32;

    use super::*;

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_to_come_again() {
        let quotas =
            Quotas { kem_concurrency: NonZeroU32::MIN, kem_waiting: 1, ..Quotas::default() };
        let gate = Arc::new(Gate::new(&quotas));
        let (release, released) = std::sync::mpsc::channel();
        let pass = |number: u32, released: std::sync::mpsc::Receiver<()>| {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                gate.pass(move || {
                    released.recv().unwrap();
                    Ok(number)
                })
                .await
            })
        };
        let running = pass(1, released);
        let (go_on, going_on) = std::sync::mpsc::channel();
        let waiting = pass(2, going_on);
        while gate.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = gate.pass(|| Ok(3)).await.unwrap_err();
        assert_eq!(refused.problem_type, ProblemType::Overloaded);
        assert!(!waiting.is_finished());
        release.send(()).unwrap();
        go_on.send(()).unwrap();
        assert_eq!(running.await.unwrap(), Ok(1));
        assert_eq!(waiting.await.unwrap(), Ok(2));
        assert_eq!(gate.pass(|| Ok(4)).await, Ok(4));
    }
}
