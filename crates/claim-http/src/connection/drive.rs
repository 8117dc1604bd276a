//! Runs a connection beside its deadlines.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until};

use super::bodies::Watched;
use super::{Phase, Requests, Shared, Transport};
use crate::activity::{Activity, Expiry};
use crate::refused::Refused;
use crate::turnwise::Line;

/// How long an idle connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// How a connection ended.
pub(super) enum End {
    /// By itself, or sent off because nothing happened on it: all is said and sent, or it broke.
    Finished(hyper::Result<()>),
    /// The client was too slow.
    Refused(Refused),
    /// It did not end when it should have.
    CutOff,
}

/// What both versions of HTTP have in common.
pub(super) trait Connection {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>>;

    /// Takes no more requests and ends after those under way.
    fn wind_down(&mut self);
}

impl<T: Transport> Connection for http1::Connection<TokioIo<Watched<T>>, Requests> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.poll_without_shutdown(cx)
    }

    fn wind_down(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

impl<T: Transport> Connection for http2::Connection<TokioIo<Watched<T>>, Requests, Line> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Future::poll(Pin::new(self), cx)
    }

    fn wind_down(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

/// Runs the connection until it ends, its time is over, or the server is.
pub(super) async fn drive(
    connection: &mut impl Connection,
    activity: &Activity,
    shared: &Shared,
) -> End {
    let mut phase = shared.phase.clone();
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            changed = phase.changed() => {
                // Without a sender there is no server either.
                if changed.is_err() || *phase.borrow_and_update() == Phase::Ended {
                    return End::CutOff;
                }
                if !draining && *phase.borrow() == Phase::Draining {
                    draining = true;
                    connection.wind_down();
                }
            }
            end = until_expiry(connection, activity, shared) => {
                return match end {
                    Ok(result) => End::Finished(result),
                    Err(Expiry::Stalled) => End::Refused(Refused::AnswerStalled),
                    Err(Expiry::Header) => End::Refused(Refused::HeaderTimeout),
                    Err(Expiry::Overhead) => End::Refused(Refused::Overhead),
                    Err(Expiry::Abandoned) => End::Refused(Refused::Abandoned),
                    Err(Expiry::Idle | Expiry::LookAgain) => {
                        connection.wind_down();
                        let goodbye = poll_fn(|cx| {
                            activity.begin_turn();
                            connection.poll(cx)
                        });
                        match tokio::time::timeout(GOODBYE, goodbye).await {
                            Ok(result) => End::Finished(result),
                            Err(_) => End::CutOff,
                        }
                    }
                };
            }
        }
    }
}

/// Polls the connection; whatever it does may move its deadline, so that is read anew each time.
async fn until_expiry(
    connection: &mut impl Connection,
    activity: &Activity,
    shared: &Shared,
) -> Result<hyper::Result<()>, Expiry> {
    let mut sleep = pin!(sleep_until(activity.deadline(&shared.limits).0));
    poll_fn(|cx| {
        activity.begin_turn();
        if let Poll::Ready(result) = connection.poll(cx) {
            return Poll::Ready(Ok(result));
        }
        loop {
            let (deadline, expiry) = activity.deadline(&shared.limits);
            if expiry != Expiry::LookAgain && deadline <= Instant::now() {
                return Poll::Ready(Err(expiry));
            }
            // While a handler works its deadline moves with every look: let the timer run out first.
            if deadline < sleep.deadline() || sleep.is_elapsed() || expiry != Expiry::LookAgain {
                sleep.as_mut().reset(deadline);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await
}
