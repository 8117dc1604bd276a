//! Where the programs' time comes from; below them it is an argument.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claim_core::Timestamp;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

use crate::steady::Steady;

/// The clock that a program goes by: the system's, which may be wrong, or one that a test moves.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    /// The time is what the function returns.
    Told(Box<dyn Fn() -> Timestamp + Send + Sync>),
    /// The system's clock, which is not followed where it leaps.
    Steady(Steady),
}

impl Clock {
    /// A clock that tells what the function returns, leaps and all.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(Source::Told(Box::new(now))))
    }

    /// The system's clock; before 1970 it tells 1970.
    pub fn system() -> Self {
        Self::new(system_time)
    }

    /// The system's clock for a program that serves for long and judges by it: where the system's clock leaps by more
    /// than three seconds, this one goes on as if it had not, until it is told to follow ([`Self::follow`]).
    pub fn steady() -> Self {
        Self::steadied(system_time, time_passed)
    }

    /// The same of any clock, with whatever tells how much time has passed; that must never go back.
    pub fn steadied(
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        passed: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Source::Steady(Steady::new(Box::new(clock), Box::new(passed)))))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::Told(now) => now(),
            Source::Steady(steady) => steady.now(),
        }
    }

    /// How much time has passed since some moment before the first call: it never goes back, and nobody can set it. Of a
    /// clock that tells what a function returns, it is the time since 1970.
    pub fn passed(&self) -> Duration {
        match &*self.0 {
            Source::Told(now) => Duration::from_millis(now().as_millis().unsigned_abs()),
            Source::Steady(steady) => steady.passed(),
        }
    }

    /// By how many milliseconds the system's clock is ahead of [`Self::now`] (behind, when negative), since it leapt;
    /// zero while it is followed.
    pub fn leap(&self) -> i64 {
        match &*self.0 {
            Source::Told(_) => 0,
            Source::Steady(steady) => steady.leap(),
        }
    }

    /// Takes the time from the system's clock again, however far it has leapt. It is for the caller to know that the
    /// system's clock is right.
    pub fn follow(&self) {
        match &*self.0 {
            Source::Told(_) => {}
            Source::Steady(steady) => steady.follow(),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.now().as_seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

fn system_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// How much time has passed since this machine was started, also while it slept.
///
/// [`std::time::Instant`] stands still in the sleep of a machine: afterwards the system's clock would seem to have leapt.
#[cfg(target_os = "linux")]
fn time_passed() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// How much time has passed since the program first asked; where a machine sleeps, that may count or not.
#[cfg(not(target_os = "linux"))]
fn time_passed() -> Duration {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steady_clock_tells_the_systems_time() {
        let (steady, system) = (Clock::steady(), Clock::system());
        let before = system.now();
        let told = steady.now();
        assert!((before..=system.now()).contains(&told));
        assert_eq!((steady.leap(), system.leap()), (0, 0));
    }
}
