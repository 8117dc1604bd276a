//! Work that is done in fair turns, a piece at a time.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use hyper::rt::Executor;

use crate::household::Household;
use crate::turns::{Crowded, Turn, Turns};

/// Whose turn it is: an address, and a connection from there.
#[derive(Clone)]
pub(crate) struct Line {
    turns: Arc<Turns<u64>>,
    household: Household,
    connection: u64,
    /// What it waits for is the beginning of its connection.
    newcomer: Arc<AtomicBool>,
}

/// Somebody who has just come: connections that are open already go first at their address.
pub(crate) struct Newcomer(Arc<AtomicBool>);

impl Newcomer {
    /// The connection is open.
    pub(crate) fn enters(self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Line {
    pub(crate) fn new(turns: &Arc<Turns<u64>>, household: Household, connection: u64) -> Self {
        let newcomer = Arc::new(AtomicBool::new(false));
        Self { turns: Arc::clone(turns), household, connection, newcomer }
    }

    /// The line of a connection that is yet to be opened.
    pub(crate) fn of_newcomer(
        turns: &Arc<Turns<u64>>,
        household: Household,
        connection: u64,
    ) -> (Self, Newcomer) {
        let line = Self::new(turns, household, connection);
        line.newcomer.store(true, Ordering::Relaxed);
        let newcomer = Newcomer(Arc::clone(&line.newcomer));
        (line, newcomer)
    }

    /// Does this work with a turn for each of its pieces: from the moment that it can go on to the next time that it
    /// waits.
    ///
    /// Whoever waits for the other side has no turn, so slowness costs the others nothing. `None` when the queue was
    /// full, and this one had to go.
    pub(crate) async fn work<T>(self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut next: Option<Next> = None;
        let outcome = std::future::poll_fn(move |cx| {
            let waiting = next.get_or_insert_with(|| self.clone().next());
            let turn = match waiting.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(turn) => turn,
            };
            next = None;
            let _turn = turn?;
            work.as_mut().poll(cx).map(Ok)
        });
        outcome.await.map_err(|Crowded| ()).ok()
    }

    fn next(self) -> Next {
        let newcomer = self.newcomer.load(Ordering::Relaxed);
        Box::pin(async move { self.turns.turn_in(self.household, self.connection, newcomer).await })
    }
}

type Next = Pin<Box<dyn Future<Output = Result<Turn<u64>, Crowded>> + Send>>;

/// What HTTP/2 does beside the connection, the handlers above all, is in the same line.
impl<F> Executor<F> for Line
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, work: F) {
        tokio::spawn(self.clone().work(work));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn who_waits_for_the_other_side_holds_no_turn() {
        let turns = Turns::new(1, 10);
        let household = Household::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let (send, receive) = oneshot::channel();
        let slow = tokio::spawn(Line::new(&turns, household, 1).work(receive));
        for number in 0..10 {
            let line = Line::new(&turns, household, number);
            assert_eq!(line.work(async { number }).await, Some(number));
        }
        send.send("at last").unwrap();
        assert_eq!(slow.await.unwrap(), Some(Ok("at last")));
        assert_eq!(turns.waiting(), 0);
    }
}
