//! How much of the work that anyone can ask for is done at once.

use std::sync::Arc;

use claim_core::{Digest, Problem, ProblemType};
use claim_http::{Household, Turns};

use crate::config::Quotas;
use crate::error;

/// Seconds until the queue has surely moved on.
const RETRY_AFTER: u64 = 1;

/// The place where steps 3 and 4 are computed: few at once, some more in the queue, nobody else.
///
/// A certificate is public, so whoever sends it may be anyone; this bound is what protects the processors. Addresses
/// take turns, and within each the certificates: a flood waits behind itself.
pub(crate) struct Gate {
    turns: Arc<Turns<Lane>>,
}

/// Those who take turns within an address: each certificate that was verified before, and all others together.
///
/// Others cannot have a lane each, as certificates that lead nowhere are made at no cost.
pub(crate) type Lane = Option<Digest>;

impl Gate {
    pub(crate) fn new(quotas: &Quotas) -> Self {
        let running = quotas.kem_concurrency.get() as usize;
        Self { turns: Turns::new(running, quotas.kem_waiting as usize) }
    }

    /// Computes off the threads that serve connections, when its turn has come.
    ///
    /// # Errors
    /// [`ProblemType::Overloaded`] when the queue is full; whatever the work is refused with.
    pub(crate) async fn pass<T: Send + 'static>(
        &self,
        household: Household,
        lane: Lane,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turns.turn(household, lane).await.map_err(|_| {
            Problem::new(ProblemType::Overloaded, "too many wait for a session key")
                .with("retry_after", RETRY_AFTER)
        })?;
        // The work goes on when the client goes away, so it takes its turn along.
        let work = move || {
            let outcome = work();
            drop(turn);
            outcome
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| error::internal(&error))?
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::net::IpAddr;
    use std::num::NonZeroU32;
    use std::sync::mpsc;

    use tokio::task::JoinHandle;

    use super::*;

    fn household(number: u8) -> Household {
        IpAddr::from([192, 0, 2, number]).into()
    }

    /// Work that goes on until it is told to end.
    fn pass(gate: &Arc<Gate>, from: u8) -> (JoinHandle<Result<u8, Problem>>, mpsc::Sender<()>) {
        let (release, released) = mpsc::channel::<()>();
        let gate = Arc::clone(gate);
        let passing = tokio::spawn(async move {
            let work = move || {
                let _ = released.recv();
                Ok(from)
            };
            gate.pass(household(from), None, work).await
        });
        (passing, release)
    }

    async fn until_waiting(gate: &Gate, count: usize) {
        while gate.turns.waiting() != count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_flood_that_finds_the_queue_full_goes_and_others_stay() {
        let quotas =
            Quotas { kem_concurrency: NonZeroU32::MIN, kem_waiting: 2, ..Quotas::default() };
        let gate = Arc::new(Gate::new(&quotas));
        let (running, release) = pass(&gate, 1);
        while gate.turns.is_idle() {
            tokio::task::yield_now().await;
        }
        let (first, go_first) = pass(&gate, 1);
        until_waiting(&gate, 1).await;
        let (second, _unused) = pass(&gate, 1);
        until_waiting(&gate, 2).await;
        // Somebody else comes, and the youngest of the many goes.
        let (other, go_other) = pass(&gate, 2);
        let refused = second.await.unwrap().unwrap_err();
        assert_eq!(refused.problem_type, ProblemType::Overloaded);
        assert!(!first.is_finished() && !other.is_finished());
        for release in [release, go_first, go_other] {
            release.send(()).unwrap();
        }
        assert_eq!(running.await.unwrap(), Ok(1));
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(other.await.unwrap(), Ok(2));
        assert_eq!(gate.pass(household(1), None, || Ok(4)).await, Ok(4));
    }
}
