//! Blackboard's clock beside those of its witnesses: what it judges by must be right.
//!
//! A witness writes its own time into each cosignature and signs it. What it says is compared with the time that the
//! exchange took here, so that a slow line is not taken for a wrong clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claim_core::{Origin, Timestamp};
use claim_http::{Clock, ServerTrust, https_client_by, send};
use claim_pki::Root;
use tokio::time::Instant;

use crate::counters::Counters;
use crate::error::chain;
use crate::event::{ClockNews, Event, Observer};
use crate::start_error::StartError;

/// A difference of more than this many milliseconds is told, and stops a start.
const APART: i64 = 3_000;

/// How often that a clock is wrong is told again.
const TELL_EVERY: Duration = Duration::from_secs(60 * 60);

/// The longest answer to the question for the time, in bytes: a certificate.
const MAX_ANSWER: usize = 64 * 1024;

/// How long a start waits for CUHK's time.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// From when to when an exchange went on, by Blackboard's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) sent: Timestamp,
    pub(crate) received: Timestamp,
}

impl Exchange {
    /// By how many milliseconds this clock is ahead (behind, when negative) of one that told its time meanwhile, in whole
    /// seconds rounded down: at least. Zero where the exchange took so long that both may be right.
    fn ahead_of(self, told: Timestamp) -> i64 {
        let least = self.sent.millis_since(told) - 999;
        let most = self.received.millis_since(told);
        if least > 0 { least } else { most.min(0) }
    }

    /// The same exchange by a clock that is so many milliseconds ahead.
    fn shifted(self, millis: i64) -> Self {
        let shift = |at: Timestamp| Timestamp::from_millis(at.as_millis().saturating_add(millis));
        Self { sent: shift(self.sent), received: shift(self.received) }
    }
}

/// Watches the clock, and tells when it or a witness's is wrong.
pub(crate) struct Clocks {
    clock: Clock,
    observer: Observer,
    counters: Counters,
    told: Mutex<Told>,
}

/// What the people who run Blackboard have been told last.
#[derive(Default)]
struct Told {
    /// For each witness whose clock differs, when that was told.
    apart: HashMap<Origin, Instant>,
    leap: Option<Leap>,
}

/// The system's clock has leapt.
struct Leap {
    /// By so many milliseconds.
    by: i64,
    at: Instant,
    /// CUHK's clock has shown that the system's is wrong.
    wrong: bool,
}

impl Clocks {
    pub(crate) fn new(clock: Clock, observer: Observer, counters: Counters) -> Self {
        Self { clock, observer, counters, told: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Looks whether the system's clock has leapt, and whether it is still away.
    pub(crate) fn have_leapt(&self) -> bool {
        let by = self.clock.leap();
        self.counters.leap(by);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = match &mut told.leap {
            None if by == 0 => None,
            Some(_) if by == 0 => {
                told.leap = None;
                Some(ClockNews::LeapOver)
            }
            Some(leap) if leap.by.abs_diff(by) <= APART.unsigned_abs() => {
                let again = leap.at.elapsed() >= TELL_EVERY;
                if again {
                    leap.at = Instant::now();
                }
                again.then_some(leap.news())
            }
            _ => {
                let leap = Leap { by, at: Instant::now(), wrong: false };
                let news = leap.news();
                told.leap = Some(leap);
                Some(news)
            }
        };
        drop(told);
        self.tell(news);
        by != 0
    }

    /// A witness told its time, signed, during this exchange. `settles` where it is CUHK, whose word decides between the
    /// system's clock, when that has leapt, and the time that went on here.
    pub(crate) fn compare(
        &self,
        witness: &Origin,
        settles: bool,
        exchange: Exchange,
        told: Timestamp,
    ) {
        let mut ahead = exchange.ahead_of(told);
        let by = self.clock.leap();
        if settles && by != 0 {
            let system = exchange.shifted(by).ahead_of(told);
            if system.abs() < ahead.abs() {
                self.clock.follow();
                self.told.lock().unwrap_or_else(PoisonError::into_inner).leap = None;
                self.counters.leap(0);
                self.tell(Some(ClockNews::Followed { by }));
                ahead = system;
            } else if system.abs() > ahead.abs() {
                self.is_wrong(by);
            }
        }
        self.counters.ahead_of(witness, ahead);
        self.tell(self.apart(witness, ahead));
    }

    /// CUHK's clock agrees with the time here, and not with the system's clock.
    fn is_wrong(&self, by: i64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.leap.as_ref().is_some_and(|leap| leap.wrong);
        if known {
            return;
        }
        let leap = Leap { by, at: Instant::now(), wrong: true };
        let news = leap.news();
        told.leap = Some(leap);
        drop(told);
        self.tell(Some(news));
    }

    /// What is to be told of this difference, if anything.
    fn apart(&self, witness: &Origin, ahead_ms: i64) -> Option<ClockNews> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let witness = witness.clone();
        if ahead_ms.abs() <= APART {
            let before = told.apart.remove(&witness);
            return before.map(|_| ClockNews::Agrees { witness });
        }
        if told.apart.get(&witness).is_some_and(|at| at.elapsed() < TELL_EVERY) {
            return None;
        }
        told.apart.insert(witness.clone(), Instant::now());
        Some(ClockNews::Differs { witness, ahead_ms })
    }

    fn tell(&self, news: Option<ClockNews>) {
        if let Some(news) = news {
            (self.observer)(Event::Clock(news));
        }
    }
}

impl Leap {
    fn news(&self) -> ClockNews {
        match self.wrong {
            true => ClockNews::LeapWrong { by: self.by },
            false => ClockNews::Leapt { by: self.by },
        }
    }
}

/// Compares the clock with CUHK's before anything is judged by it.
///
/// CUHK's time is its answer's `Date`, which came over a connection to the holder of CUHK's certificate. Where CUHK does
/// not answer, or something in between keeps answers, nothing is compared: its absence must not stop a start.
///
/// # Errors
/// [`StartError::ClockDiffers`].
pub(crate) async fn compare_at_start(
    cuhk: &Origin,
    root: &Arc<Root>,
    clock: &Clock,
) -> Result<(), StartError> {
    let trust = ServerTrust::CuhkServer { root: Arc::clone(root), origin: cuhk.clone() };
    let asked = async {
        let client = https_client_by(clock, &trust, None, START_TIMEOUT);
        let client = client.map_err(|error| chain(&error))?;
        let sent = clock.now();
        let request = client.get(cuhk.join("/witness/certificate"));
        let answer = send(request, MAX_ANSWER).await.map_err(|error| chain(&error))?;
        let exchange = Exchange { sent, received: clock.now() };
        let told = answer.date().ok_or_else(|| "its answer does not tell the time".to_owned())?;
        Ok::<_, String>((exchange, told))
    };
    let (exchange, told) = match asked.await {
        Ok(compared) => compared,
        Err(reason) => {
            tracing::info!(%cuhk, reason, "the clock was not compared with CUHK's at the start");
            return Ok(());
        }
    };
    let ahead_ms = exchange.ahead_of(told);
    if ahead_ms.abs() <= APART {
        return Ok(());
    }
    Err(StartError::ClockDiffers { cuhk: cuhk.clone(), here: exchange.received, ahead_ms })
}

#[cfg(test)]
mod tests;
