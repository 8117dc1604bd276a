//! What a connection is doing, and how long it may go on like that.
//!
//! hyper's own header timer also runs while a kept-alive connection is idle, and HTTP/2 has none;
//! so the times are kept here, the same way for both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::limits::Limits;

/// How many bytes a connection reads before others have their turn: more, and one that sends many small things
/// keeps everybody waiting.
const TURN_BYTES: usize = 4 * 1024;

/// The most that it may read when handlers have taken content from it: that is what the connection is for, and to change
/// turns costs more than to read a little.
const MAX_TURN_BYTES: usize = 64 * 1024;

/// What a write counts as, in bytes: a frame of nine bytes that must be acknowledged costs the server far more.
const WRITE_BYTES: usize = 100;

/// The client says that it has room for more with a byte for at least so many of an answer.
const ANSWER_BYTES: usize = 64;

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
    /// Bytes read in this turn of the connection.
    turn: usize,
    /// How many it may read.
    turn_allows: usize,
    /// Bytes of content that handlers have taken since it began.
    taken: usize,
    /// Requests that began in this turn.
    requests: usize,
    /// Bytes that were neither a request nor its content, as far as is known.
    overhead: usize,
    /// Bytes that may still come of content that was given up: they are no overhead.
    on_their_way: usize,
    /// Requests that were taken back before they had an answer.
    abandoned: usize,
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
    /// It sends much, and little of it is requests.
    Overhead,
    /// It takes its requests back.
    Abandoned,
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
                turn: 0,
                turn_allows: TURN_BYTES,
                taken: 0,
                requests: 0,
                overhead: 0,
                on_their_way: 0,
                abandoned: 0,
            }),
        })
    }

    /// Until when the connection may stay as it is, and why not longer.
    pub(crate) fn deadline(&self, limits: &Limits) -> (Instant, Expiry) {
        let state = self.state();
        // HTTP/1.1 has no such bytes: before a request's end they are its header, which is bounded.
        // Content that a handler has not read yet is no more than a window.
        let unread = if state.handling > 0 { limits.http2_window_bytes as usize } else { 0 };
        if !self.http1 && state.overhead > limits.max_overhead_bytes.saturating_add(unread) {
            (state.since, Expiry::Overhead)
        } else if state.abandoned > limits.max_abandoned_requests {
            (state.since, Expiry::Abandoned)
        } else if state.handling > 0 {
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

    /// The connection has its turn: it may read again.
    pub(crate) fn begin_turn(&self) {
        let mut state = self.state();
        (state.turn, state.requests) = (0, 0);
        // Content that nobody wants makes no turn longer.
        state.turn_allows = TURN_BYTES.saturating_add(state.taken).min(MAX_TURN_BYTES);
        state.taken = 0;
    }

    /// Whether this is not the first request of this turn.
    pub(crate) fn has_had_a_request(&self) -> bool {
        self.state().requests > 1
    }

    /// Whether the connection has read as much as a turn allows: it is the turn of others.
    pub(crate) fn turn_is_over(&self) -> bool {
        let state = self.state();
        state.turn >= state.turn_allows
    }

    /// So many bytes came from the client.
    pub(crate) fn bytes_read(&self, bytes: usize) {
        let mut state = self.state();
        state.turn = state.turn.saturating_add(bytes);
        let expected = state.on_their_way.min(bytes);
        state.on_their_way -= expected;
        state.overhead = state.overhead.saturating_add(bytes - expected);
        let between = state.handling == 0 && state.answering == 0;
        if self.http1 && between && state.header_began.is_none() {
            state.header_began = Some(Instant::now());
        }
    }

    /// The connection writes: an answer, or what HTTP/2 must say to each SETTINGS and PING.
    pub(crate) fn write(&self) {
        let mut state = self.state();
        state.overhead = state.overhead.saturating_add(WRITE_BYTES);
    }

    /// A handler took so many bytes of a request's content.
    pub(crate) fn taken(&self, bytes: usize) {
        let mut state = self.state();
        state.overhead = state.overhead.saturating_sub(bytes);
        state.taken = state.taken.saturating_add(bytes);
    }

    /// A request's header is complete.
    pub(crate) fn request(self: &Arc<Self>, limits: &Limits) -> Handling {
        let mut state = self.state();
        state.overhead = state.overhead.saturating_sub(limits.max_header_bytes as usize);
        state.since = Instant::now();
        state.requests += 1;
        state.header_began = None;
        state.fresh = false;
        state.handling += 1;
        state.body_left = 0;
        Handling { activity: Arc::clone(self), answered: false }
    }

    /// A request's body was given up this many bytes before its end, `u64::MAX` when nobody knows.
    ///
    /// Of these the client may have sent a window before it learns that nobody reads them: some are read
    /// already and were taken for overhead, the others come later, which is no fault of the client's either.
    pub(crate) fn leave_body(&self, bytes: u64, window: usize) {
        let mut state = self.state();
        state.body_left = bytes;
        let sent = usize::try_from(bytes).unwrap_or(usize::MAX).min(window);
        let counted = state.overhead.min(sent);
        state.overhead -= counted;
        state.on_their_way = state.on_their_way.max(sent - counted);
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
pub(crate) struct Handling {
    activity: Arc<Activity>,
    answered: bool,
}

/// An answer is on its way while this lives.
pub(crate) struct Answering(Arc<Activity>);

impl Handling {
    /// The handler is done.
    pub(crate) fn answered(mut self) -> Answering {
        self.answered = true;
        self.activity.state().answering += 1;
        Answering(Arc::clone(&self.activity))
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.handling -= 1;
        if !self.answered {
            state.abandoned += 1;
        }
        state.since = Instant::now();
    }
}

impl Answering {
    /// The connection took so many bytes of the answer.
    pub(crate) fn progress(&self, bytes: usize) {
        let mut state = self.0.state();
        state.since = Instant::now();
        state.overhead = state.overhead.saturating_sub(bytes / ANSWER_BYTES);
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
        activity.bytes_read(1);
        tokio::time::advance(second).await;
        assert_eq!(left(&activity, &limits), (8 * second, Expiry::Header));

        let handling = activity.request(&limits);
        assert_eq!(left(&activity, &limits).1, Expiry::LookAgain);
        tokio::time::advance(second).await;
        let answering = handling.answered();
        assert_eq!(left(&activity, &limits), (30 * second, Expiry::Stalled));
        tokio::time::advance(second).await;
        answering.progress(0);
        assert_eq!(left(&activity, &limits), (30 * second, Expiry::Stalled));
        drop(answering);
        assert_eq!(left(&activity, &limits), (60 * second, Expiry::Idle));

        // Nor for a later one.
        tokio::time::advance(5 * second).await;
        activity.bytes_read(1);
        tokio::time::advance(second).await;
        activity.bytes_read(1);
        assert_eq!(left(&activity, &limits), (9 * second, Expiry::Header));
    }

    #[tokio::test(start_paused = true)]
    async fn on_http2_bytes_alone_do_not_keep_a_connection_open() {
        let limits = Limits::default();
        let activity = Activity::new(false);
        drop(activity.request(&limits).answered());
        tokio::time::advance(Duration::from_secs(50)).await;
        activity.bytes_read(1);
        assert_eq!(left(&activity, &limits), (Duration::from_secs(10), Expiry::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_pay_for_what_comes_beside_them() {
        let limits = Limits::default();
        let activity = Activity::new(false);
        let request = limits.max_header_bytes as usize;
        for _ in 0..1000 {
            activity.bytes_read(request);
            drop(activity.request(&limits).answered());
        }
        activity.bytes_read(limits.max_overhead_bytes);
        assert_eq!(left(&activity, &limits).1, Expiry::Idle);
        activity.bytes_read(1);
        assert_eq!(left(&activity, &limits), (Duration::ZERO, Expiry::Overhead));
    }

    #[tokio::test(start_paused = true)]
    async fn content_that_nobody_reads_is_forgiven_once_whenever_it_comes() {
        let limits = Limits::default();
        let window = limits.http2_window_bytes as usize;
        for already in [0, 1000, window] {
            let activity = Activity::new(false);
            let handling = activity.request(&limits);
            activity.bytes_read(already);
            activity.leave_body(u64::MAX, window);
            drop(handling.answered());
            activity.bytes_read(window - already);
            activity.bytes_read(limits.max_overhead_bytes);
            assert_eq!(
                left(&activity, &limits).1,
                Expiry::Idle,
                "{already} bytes before the answer"
            );
            activity.bytes_read(1);
            assert_eq!(
                left(&activity, &limits).1,
                Expiry::Overhead,
                "{already} bytes before the answer"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_as_long_as_content_is_wanted() {
        let activity = Activity::new(false);
        let turn = |read: usize| {
            activity.begin_turn();
            activity.bytes_read(read - 1);
            assert!(!activity.turn_is_over(), "before {read} bytes");
            activity.bytes_read(1);
            assert!(activity.turn_is_over(), "after {read} bytes");
        };
        turn(TURN_BYTES);
        // Nobody took any of it.
        turn(TURN_BYTES);
        activity.taken(1000);
        activity.taken(2000);
        turn(TURN_BYTES + 3000);
        activity.taken(usize::MAX);
        turn(MAX_TURN_BYTES);
        turn(TURN_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_cannot_be_taken_back_without_end() {
        let limits = Limits::default();
        let activity = Activity::new(false);
        for _ in 0..limits.max_abandoned_requests {
            drop(activity.request(&limits));
            drop(activity.request(&limits).answered());
        }
        assert_eq!(left(&activity, &limits).1, Expiry::Idle);
        drop(activity.request(&limits));
        assert_eq!(left(&activity, &limits).1, Expiry::Abandoned);
    }
}
