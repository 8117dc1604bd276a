//! A clock that is followed as long as it moves gently, and not where it leaps.
//!
//! Whoever sets the clock of a machine that serves, by a wrong hand or a wrong time server, would move every deadline with
//! it. Time that has passed cannot be set: by it the leap shows, and the time before goes on.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use claim_core::Timestamp;

/// A step of more than this many milliseconds is a leap. A leap second, and what time servers put right while a machine
/// runs, is less.
const LEAP: i64 = 3_000;

/// Tells the time of a clock that may leap.
pub(crate) struct Steady {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    passed: Box<dyn Fn() -> Duration + Send + Sync>,
    /// The clock's time when no time had passed, in milliseconds, as it was last followed.
    origin: Mutex<i64>,
}

impl Steady {
    pub(crate) fn new(
        clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
        passed: Box<dyn Fn() -> Duration + Send + Sync>,
    ) -> Self {
        let steady = Self { clock, passed, origin: Mutex::new(0) };
        steady.follow();
        steady
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.read().0
    }

    /// How much time has passed.
    pub(crate) fn passed(&self) -> Duration {
        (self.passed)()
    }

    /// By how many milliseconds the clock is ahead of [`Self::now`], if it has leapt; else zero.
    pub(crate) fn leap(&self) -> i64 {
        self.read().1
    }

    /// Takes the time from the clock, whatever it tells.
    pub(crate) fn follow(&self) {
        let mut origin = self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        *origin = (self.clock)().as_millis().saturating_sub(self.passed_millis());
    }

    /// The time, and the leap.
    fn read(&self) -> (Timestamp, i64) {
        // Both clocks are read under the lock: nobody follows what another has read before.
        let mut origin = self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = origin.saturating_add(self.passed_millis());
        let told = (self.clock)();
        let step = told.as_millis().saturating_sub(expected);
        if step.saturating_abs() > LEAP {
            return (Timestamp::from_millis(expected), step);
        }
        *origin = origin.saturating_add(step);
        (told, 0)
    }

    fn passed_millis(&self) -> i64 {
        i64::try_from(self.passed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A clock, and the time that passes, in milliseconds.
    #[derive(Clone, Default)]
    struct Machine {
        set: Arc<AtomicI64>,
        passed: Arc<AtomicI64>,
    }

    const BEGIN: i64 = 1_790_000_000_000;

    impl Machine {
        fn steady(&self) -> Steady {
            let (one, other) = (self.clone(), self.clone());
            Steady::new(
                Box::new(move || {
                    let millis = one.set.load(Ordering::SeqCst) + one.passed.load(Ordering::SeqCst);
                    Timestamp::from_millis(BEGIN + millis)
                }),
                Box::new(move || {
                    Duration::from_millis(other.passed.load(Ordering::SeqCst).unsigned_abs())
                }),
            )
        }

        fn pass(&self, millis: i64) {
            self.passed.fetch_add(millis, Ordering::SeqCst);
        }

        /// Sets the clock ahead, or back.
        fn set(&self, millis: i64) {
            self.set.fetch_add(millis, Ordering::SeqCst);
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(BEGIN + millis)
    }

    #[test]
    fn a_gentle_step_is_followed_and_a_leap_is_not() {
        for (step, followed) in [
            (0, true),
            (-1_000, true), // a leap second, as Linux has it
            (3_000, true),
            (-3_000, true),
            (3_001, false),
            (-3_001, false),
            (86_400_000, false),
            (-BEGIN, false), // a machine without a battery, in 1970
        ] {
            let machine = Machine::default();
            let steady = machine.steady();
            machine.pass(500);
            machine.set(step);
            let (time, leap) = if followed { (at(500 + step), 0) } else { (at(500), step) };
            assert_eq!((steady.now(), steady.leap()), (time, leap), "{step}");
            machine.pass(60_000);
            assert_eq!(steady.now().millis_since(time), 60_000, "it goes on: {step}");
            // The leap is taken back by whoever made it.
            machine.set(-step);
            machine.pass(1);
            assert_eq!((steady.now(), steady.leap()), (at(60_501), 0), "{step}");
        }
    }

    #[test]
    fn what_is_found_right_is_followed() {
        let machine = Machine::default();
        let steady = machine.steady();
        machine.set(-7_200_000);
        assert_eq!((steady.now(), steady.leap()), (at(0), -7_200_000));
        steady.follow();
        machine.pass(10);
        assert_eq!((steady.now(), steady.leap()), (at(10 - 7_200_000), 0));
    }

    #[test]
    fn a_machine_that_slept_has_not_leapt() {
        let machine = Machine::default();
        let steady = machine.steady();
        machine.pass(8 * 3_600_000);
        assert_eq!((steady.now(), steady.leap()), (at(8 * 3_600_000), 0));
    }

    #[test]
    fn whatever_the_clock_does_the_time_goes_with_the_time_that_passes() {
        // Steps from a small generator of its own: the same in every run.
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            i64::try_from(state % below).unwrap_or_default()
        };
        let machine = Machine::default();
        let steady = machine.steady();
        for _ in 0..10_000 {
            let before = steady.now();
            let passed = random(30_000);
            machine.pass(passed);
            machine.set((random(11) - 5) * random(4_000));
            let (now, leap) = (steady.now(), steady.leap());
            let told = now.millis_since(before) - passed;
            assert!(told.abs() <= LEAP, "the time moved by {told} ms on its own");
            assert!(leap == 0 || leap.abs() > LEAP, "{leap}");
            let clock = machine.set.load(Ordering::SeqCst) + machine.passed.load(Ordering::SeqCst);
            assert_eq!(now.millis_since(at(clock)), -leap, "the leap is what lies between");
            if random(50) == 0 {
                steady.follow();
                assert_eq!((steady.now(), steady.leap()), (at(clock), 0));
            }
        }
    }
}
