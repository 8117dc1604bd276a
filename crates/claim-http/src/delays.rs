//! How long work waits for a processor, and how much of what is asked is refused because of that.
//!
//! The idea is that of CoDel (RFC 8289) and of DAGOR (Zhou et al., SoCC 2018): a queue that is long for a moment is
//! none of anybody's business, one that stands is; what it costs those who wait is told by the time that they waited.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::household::Household;
use crate::metrics::Metrics;

/// How long is looked before anything is concluded.
const WINDOW: Duration = Duration::from_millis(100);

/// Fewer that wait, in all, are no queue: on a slow machine each of a few may wait for long.
const STANDING: usize = 32;

/// How much strain a window adds for each bearable wait on top of the first, and at most.
const RISE: f64 = 0.1;
const MAX_RISE: f64 = 0.3;

/// How much a window without a standing queue takes away.
const FALL: f64 = 0.2;

/// Below 0 nothing is refused: this is how long a queue must stand before anything is.
const LOWEST: f64 = -0.5;

/// Everything but a twentieth is refused.
const HIGHEST: f64 = 4.0;

/// The households that are remembered, some 100 bytes each; with more of them all begin anew.
const MAX_HOUSEHOLDS: usize = 1 << 16;

/// The waits at one server's processors.
///
/// Households take turns, so a flood from one of them makes the others wait hardly longer, and they are not to be
/// refused for it. What counts is how long a household's own work waits, where its line is not shorter than the
/// others'; and for everybody, also for whoever has just come, how long those wait who are alone in their
/// household's line: that is one round through all lines.
pub(crate) struct Delays {
    bearable: Duration,
    metrics: Metrics,
    state: Mutex<State>,
}

/// A turn that was given to somebody who had waited for it, with what the line was like just before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    pub(crate) household: Household,
    pub(crate) waited: Duration,
    /// How many of the household waited.
    pub(crate) of_household: usize,
    /// How many households had somebody waiting.
    pub(crate) households: usize,
    /// How many waited in all.
    pub(crate) waiting: usize,
}

struct State {
    everybody: Strain,
    households: HashMap<Household, Strain>,
    /// The size at which the next sweep is worth its time.
    sweep_at: usize,
}

/// What is concluded from window to window, for one household or for everybody.
#[derive(Clone, Copy, Debug)]
struct Strain {
    level: f64,
    window: Instant,
    waited: Duration,
    turns: u32,
    /// The shortest queue of the window.
    shortest: usize,
    /// The lengths of the own line, and what it would be if all were as long, added up.
    own: usize,
    fair: usize,
}

impl Delays {
    /// Waits up to `bearable`, on average, are nothing to refuse anybody for.
    pub(crate) fn new(bearable: Duration, metrics: Metrics) -> Self {
        let everybody = Strain::new(Instant::now());
        let state = State { everybody, households: HashMap::new(), sweep_at: 0 };
        Self { bearable, metrics, state: Mutex::new(state) }
    }

    /// Takes note of a turn.
    pub(crate) fn note(&self, granted: Granted, now: Instant) {
        let Granted { household, waited, of_household, households, waiting } = granted;
        self.metrics.work_waiting(waiting.saturating_sub(1));
        let mut state = self.state();
        if of_household == 1 {
            state.everybody.note(waited, (households, 1, 1), self.bearable, now);
        }
        if waiting >= STANDING {
            state.sweep(self.bearable, now);
            state.households.entry(household).or_insert_with(|| Strain::new(now));
        }
        if let Some(strain) = state.households.get_mut(&household) {
            let fair = waiting / households.max(1);
            strain.note(waited, (waiting, of_household, fair), self.bearable, now);
        }
    }

    /// The strain on this household's requests, see [`crate::Urgency`].
    pub(crate) fn strain(&self, household: Household, now: Instant) -> f64 {
        let mut state = self.state();
        let everybody = state.everybody.settled(self.bearable, now);
        let own = state.households.get_mut(&household);
        own.map_or(everybody, |strain| strain.settled(self.bearable, now).max(everybody))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets households without strain, each time that the number has doubled.
    fn sweep(&mut self, bearable: Duration, now: Instant) {
        const SWEPT_FROM: usize = 1024;
        if self.households.len() >= self.sweep_at.max(SWEPT_FROM) {
            self.households.retain(|_, strain| strain.settled(bearable, now) > LOWEST);
            if self.households.len() >= MAX_HOUSEHOLDS {
                self.households.clear();
            }
            self.sweep_at = (self.households.len() * 2).min(MAX_HOUSEHOLDS);
        }
    }
}

impl Strain {
    fn new(now: Instant) -> Self {
        Self {
            level: LOWEST,
            window: now,
            waited: Duration::ZERO,
            turns: 0,
            shortest: usize::MAX,
            own: 0,
            fair: 0,
        }
    }

    fn note(
        &mut self,
        waited: Duration,
        (queue, own, fair): (usize, usize, usize),
        bearable: Duration,
        now: Instant,
    ) {
        self.settled(bearable, now);
        self.waited += waited;
        self.turns += 1;
        self.shortest = self.shortest.min(queue);
        self.own += own;
        self.fair += fair;
    }

    /// Concludes from the window, if it is over.
    fn settled(&mut self, bearable: Duration, now: Instant) -> f64 {
        let windows =
            now.saturating_duration_since(self.window).as_secs_f64() / WINDOW.as_secs_f64();
        if windows >= 1.0 {
            let idle = (windows.floor() - 1.0) * FALL;
            let level = self.level + self.change(bearable) - idle;
            *self = Self { level: level.clamp(LOWEST, HIGHEST), ..Self::new(now) };
        }
        self.level
    }

    fn change(&self, bearable: Duration) -> f64 {
        if self.turns == 0 || self.shortest < STANDING || self.own < self.fair {
            return -FALL;
        }
        let wait = self.waited.as_secs_f64() / f64::from(self.turns);
        ((wait / bearable.as_secs_f64() - 1.0) * RISE).clamp(-FALL, MAX_RISE)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const BEARABLE: Duration = Duration::from_millis(50);

    fn household(number: u32) -> Household {
        IpAddr::from(number.to_be_bytes()).into()
    }

    /// Turns for some seconds, a hundred in each.
    struct Line {
        delays: Delays,
        now: Instant,
    }

    impl Line {
        fn new() -> Self {
            Self { delays: Delays::new(BEARABLE, Metrics::new()), now: Instant::now() }
        }

        fn stands(&mut self, seconds: u64, turns: &[Granted]) {
            for _ in 0..seconds * 100 {
                for granted in turns {
                    self.delays.note(*granted, self.now);
                }
                self.now += Duration::from_millis(10);
            }
        }

        fn strain(&self, number: u32) -> f64 {
            self.delays.strain(household(number), self.now)
        }
    }

    fn turn(number: u32, waited: u64, of_household: usize, households: usize) -> Granted {
        Granted {
            household: household(number),
            waited: Duration::from_millis(waited),
            of_household,
            households,
            waiting: 100,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_stands_is_strain_until_it_is_gone() {
        let mut line = Line::new();
        line.stands(1, &[turn(1, 40, 100, 1)]);
        assert_eq!(line.strain(1), LOWEST);
        line.stands(1, &[turn(1, 100, 100, 1)]);
        assert!((0.0..1.0).contains(&line.strain(1)), "{}", line.strain(1));
        line.stands(5, &[turn(1, 1000, 100, 1)]);
        assert_eq!(line.strain(1), HIGHEST);
        assert_eq!(line.strain(2), LOWEST, "nobody else's");
        line.now += Duration::from_secs(3);
        assert_eq!(line.strain(1), LOWEST);
    }

    #[tokio::test(start_paused = true)]
    async fn few_that_wait_are_no_queue_however_long() {
        let mut line = Line::new();
        let few = Granted { waiting: STANDING - 1, ..turn(1, 5000, STANDING - 1, 1) };
        line.stands(5, &[few]);
        assert_eq!(line.strain(1), LOWEST);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_floods_is_refused_and_the_neighbour_is_not() {
        let mut line = Line::new();
        line.stands(5, &[turn(1, 1000, 98, 2), turn(2, 60, 2, 2)]);
        assert_eq!((line.strain(1), line.strain(2)), (HIGHEST, LOWEST));
    }

    #[tokio::test(start_paused = true)]
    async fn of_very_many_with_little_each_newcomers_too_are_refused() {
        let mut line = Line::new();
        let crowd: Vec<_> = (0..100).map(|number| turn(number, 500, 1, 100)).collect();
        line.stands(5, &crowd);
        assert_eq!(line.strain(1000), HIGHEST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded() {
        let mut line = Line::new();
        for number in 0..100_000 {
            line.delays.note(turn(number, 1, 1, 1), line.now);
            line.now += Duration::from_millis(1);
        }
        assert!(line.delays.state().households.len() < 5_000);
    }
}
