//! What came out, for people and as one JSON document.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Victim;
use super::attacks::Attack;
use super::honest::Work;
use crate::cli::HostileArgs;

/// One round.
pub(super) struct Round {
    pub(super) without: Work,
    pub(super) with: Work,
    /// The victim's memory in bytes.
    pub(super) before: u64,
    pub(super) peak: u64,
    pub(super) after: u64,
    /// How long after the attack until a student was served as usual.
    pub(super) recovered: Option<Duration>,
    /// How often the attacker did what it does.
    pub(super) tries: u64,
}

/// The rounds of one attack. Rates are a second, times in milliseconds, memory in MiB.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    attack: &'static str,
    victim: Victim,
    /// Honest visits, medians of the rounds.
    without: f64,
    with: f64,
    /// What is left of them, in percent.
    kept: f64,
    half_within: f64,
    half_within_under_attack: f64,
    memory_before: f64,
    memory_peak: f64,
    memory_after: f64,
    /// The slowest round; none when it took too long to wait for.
    recovered: Option<f64>,
    tries: u64,
    failures: usize,
    first_failure: Option<String>,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    seconds: u64,
    rounds: u32,
    concurrency: u32,
    same_address: bool,
    processors: usize,
    /// Whether both servers run at the end.
    alive: bool,
    attacks: Vec<Outcome>,
}

impl Outcome {
    pub(super) fn new(attack: &Attack, rounds: &[Round]) -> Self {
        const MIB: f64 = 1024.0 * 1024.0;
        let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
        let most = |value: fn(&Round) -> u64| {
            rounds.iter().map(value).max().unwrap_or_default() as f64 / MIB
        };
        let (without, with) =
            (of(|round| round.without.per_second()), of(|round| round.with.per_second()));
        let failures: Vec<_> =
            rounds.iter().flat_map(|round| [&round.without, &round.with]).collect();
        let failures: Vec<_> = failures.iter().flat_map(|work| &work.failures).collect();
        let recovered: Option<Vec<Duration>> = rounds.iter().map(|round| round.recovered).collect();
        Self {
            attack: attack.name,
            victim: attack.victim,
            without,
            with,
            kept: if without > 0.0 { 100.0 * with / without } else { 0.0 },
            half_within: of(|round| millis(round.without.half_within())),
            half_within_under_attack: of(|round| millis(round.with.half_within())),
            memory_before: most(|round| round.before),
            memory_peak: most(|round| round.peak),
            memory_after: most(|round| round.after),
            recovered: recovered.and_then(|all| all.into_iter().max()).map(millis),
            tries: rounds.iter().map(|round| round.tries).max().unwrap_or_default(),
            failures: failures.len(),
            first_failure: failures.first().map(|failure| (*failure).clone()),
        }
    }

    /// Nobody honest was turned away, and all is as it was.
    fn is_sound(&self) -> bool {
        self.failures == 0 && self.with > 0.0 && self.recovered.is_some()
    }
}

impl Report {
    pub(super) fn new(arguments: &HostileArgs, alive: bool, attacks: Vec<Outcome>) -> Self {
        let &HostileArgs { seconds, rounds, concurrency, same_address, .. } = arguments;
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { seconds, rounds, concurrency, same_address, processors, alive, attacks }
    }

    /// Whether the servers run, and no honest student was turned away.
    pub(super) fn is_sound(&self) -> bool {
        self.alive && self.attacks.iter().all(Outcome::is_sound)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attack, without, with, kept, .. } = self;
        write!(f, "| {attack:<22} | {without:>7.0} | {with:>7.0} | {kept:>4.0} % ")?;
        write!(f, "| {:>5.0} / {:<5.0} ", self.half_within, self.half_within_under_attack)?;
        let Self { memory_before, memory_peak, memory_after, .. } = self;
        write!(f, "| {memory_before:>4.0} / {memory_peak:>4.0} / {memory_after:>4.0} ")?;
        match self.recovered {
            Some(millis) => write!(f, "| {:>9.2} ", millis / 1e3)?,
            None => write!(f, "| not in time ")?,
        }
        write!(f, "| {:>8} |", self.tries)?;
        if let Some(failure) = &self.first_failure {
            write!(f, " FAILED {}: {failure}", self.failures)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| attack | honest visits/s without | with | kept | half within, ms | memory before / peak / after, MiB | recovered, s | tries a round |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        for outcome in &self.attacks {
            writeln!(f, "{outcome}")?;
        }
        let Self { seconds, rounds, concurrency, processors, .. } = self;
        let shared =
            if self.same_address { "the students' address" } else { "an address of its own" };
        write!(
            f,
            "\n{concurrency} students at once, {rounds} rounds of {seconds} s without and with, the attacker from {shared}; \
             servers, students and attacker share {processors} processors."
        )?;
        if !self.alive {
            write!(f, "\nA SERVER HAS ENDED.")?;
        }
        Ok(())
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The value in the middle; of an even number the upper one of two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::attacks::ATTACKS;
    use super::*;

    fn round(with: usize, failure: Option<&str>) -> Round {
        let work = |visits: usize, failures| Work {
            elapsed: Duration::from_secs(1),
            latencies: vec![Duration::from_millis(4); visits],
            failures,
        };
        Round {
            without: work(200, Vec::new()),
            with: work(with, failure.map(str::to_owned).into_iter().collect()),
            before: 20 << 20,
            peak: 40 << 20,
            after: 30 << 20,
            recovered: Some(Duration::from_millis(250)),
            tries: 7,
        }
    }

    #[test]
    fn what_is_kept_is_the_ratio_of_the_medians() {
        let rounds = [round(100, None), round(10, None), round(150, None)];
        let outcome = Outcome::new(&ATTACKS[0], &rounds);
        let text = outcome.to_string();
        assert!(text.contains("|     200 |     100 |   50 % |"), "{text}");
        assert!(text.contains("|   20 /   40 /   30 |      0.25 |        7 |"), "{text}");
        assert!(outcome.is_sound());
    }

    #[test]
    fn one_student_turned_away_spoils_it() {
        let outcome = Outcome::new(&ATTACKS[0], &[round(100, Some("503 overloaded"))]);
        assert!(!outcome.is_sound());
        assert!(outcome.to_string().contains("FAILED 1: 503 overloaded"));
    }
}
