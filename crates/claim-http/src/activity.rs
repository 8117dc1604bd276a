//! What a connection is doing, and how long it may go on like that.
//!
//! hyper's own header timer also runs while a kept-alive connection is idle, and HTTP/2 has none;
//! so the times are kept here, the same way for both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::limits::Limits;

/// The record of one connection, written by its parts and read by the one who closes it.
pub(crate) struct Activity {
    /// Bytes belong to a request's header when none is under way: true for HTTP/1.1 only.
    http1: bool,
    state: Mutex<State>,
}

struct State {
    /// The last change of any of the fields below, or progress of an answer.
    since: Instant,
    /// The first byte of the header that is being read.
    header_began: Option<Instant>,
    /// No request has come yet.
    fresh: bool,
    /// Requests that a handler works on.
    handling: usize,
    /// Answers on their way.
    answering: usize,
    /// How many bytes of the last request's body were not read.
    body_left: u64,
}

/// What happens when the deadline is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// A request's header is overdue.
    Header,
    /// Nothing happens on the connection.
    Idle,
    /// The client does not take its answer.
    Stalled,
    /// Nothing: a handler is at work, which has its own budgets.
    LookAgain,
}

impl Activity {
    pub(crate) fn new(http1: bool) -> Arc<Self> {
        Arc::new(Self {
            http1,
            state: Mutex::new(State {
                since: Instant::now(),
                header_began: None,
                fresh: true,
                handling: 0,
                answering: 0,
                body_left: 0,
            }),
        })
    }

    /// Until when the connection may stay as it is, and why not longer.
    pub(crate) fn deadline(&self, limits: &Limits) -> (Instant, Expiry) {
        let state = self.state();
        if state.handling > 0 {
            (Instant::now() + limits.idle_timeout, Expiry::LookAgain)
        } else if state.answering > 0 {
            (state.since + limits.answer_stall_timeout, Expiry::Stalled)
        } else if state.fresh {
            (state.since + limits.header_read_timeout, Expiry::Header)
        } else if let Some(began) = state.header_began {
            (began + limits.header_read_timeout, Expiry::Header)
        } else {
            (state.since + limits.idle_timeout, Expiry::Idle)
        }
    }

    /// Bytes came from the client.
    pub(crate) fn bytes_read(&self) {
        if self.http1 {
            let mut state = self.state();
            if state.handling == 0 && state.answering == 0 && state.header_began.is_none() {
                state.header_began = Some(Instant::now());
            }
        }
    }

    /// A request's header is complete.
    pub(crate) fn request(self: &Arc<Self>) -> Handling {
        let mut state = self.state();
        state.since = Instant::now();
        state.header_began = None;
        state.fresh = false;
        state.handling += 1;
        state.body_left = 0;
        Handling(Arc::clone(self))
    }

    /// A request's body was given up this many bytes before its end.
    pub(crate) fn leave_body(&self, bytes: u64) {
        self.state().body_left = bytes;
    }

    /// How many bytes of the last request's body were given up; `u64::MAX` when nobody knows.
    pub(crate) fn body_left(&self) -> u64 {
        self.state().body_left
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request is with its handler while this lives.
pub(crate) struct Handling(Arc<Activity>);

/// An answer is on its way while this lives.
pub(crate) struct Answering(Arc<Activity>);

impl Handling {
    /// The handler is done.
    pub(crate) fn answered(self) -> Answering {
        self.0.state().answering += 1;
        Answering(Arc::clone(&self.0))
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.handling -= 1;
        state.since = Instant::now();
    }
}

impl Answering {
    /// The client took a part of the answer.
    pub(crate) fn progress(&self) {
        self.0.state().since = Instant::now();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.answering -= 1;
        state.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn left(activity: &Activity, limits: &Limits) -> (Duration, Expiry) {
        let (deadline, expiry) = activity.deadline(limits);
        (deadline - Instant::now(), expiry)
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_has_its_own_time() {
        let limits = Limits {
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            answer_stall_timeout: Duration::from_secs(30),
            ..Limits::default()
        };
        let second = Duration::from_secs(1);
        let activity = Activity::new(true);
        assert_eq!(left(&activity, &limits), (10 * second, Expiry::Header));

        // Dripping bytes do not extend the time for the first header.
        tokio::time::advance(second).await;
        activity.bytes_read();
        tokio::time::advance(second).await;
        assert_eq!(left(&activity, &limits), (8 * second, Expiry::Header));

        let handling = activity.request();
        assert_eq!(left(&activity, &limits).1, Expiry::LookAgain);
        tokio::time::advance(second).await;
        let answering = handling.answered();
        assert_eq!(left(&activity, &limits), (30 * second, Expiry::Stalled));
        tokio::time::advance(second).await;
        answering.progress();
        assert_eq!(left(&activity, &limits), (30 * second, Expiry::Stalled));
        drop(answering);
        assert_eq!(left(&activity, &limits), (60 * second, Expiry::Idle));

        // Nor for a later one.
        tokio::time::advance(5 * second).await;
        activity.bytes_read();
        tokio::time::advance(second).await;
        activity.bytes_read();
        assert_eq!(left(&activity, &limits), (9 * second, Expiry::Header));
    }

    #[tokio::test(start_paused = true)]
    async fn on_http2_bytes_alone_do_not_keep_a_connection_open() {
        let limits = Limits::default();
        let activity = Activity::new(false);
        drop(activity.request().answered());
        tokio::time::advance(Duration::from_secs(50)).await;
        activity.bytes_read();
        assert_eq!(left(&activity, &limits), (Duration::from_secs(10), Expiry::Idle));
    }
}
