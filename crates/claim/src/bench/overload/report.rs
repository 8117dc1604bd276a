//! What the benchmark shows.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::visit::{Step, Tally};

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) processors: usize,
    /// Whether server and students had processors of their own.
    pub(super) apart: bool,
    pub(super) times: u32,
    pub(super) addresses: u32,
    /// The most whole hand-ins a second, and the most lodgings where nothing else is asked.
    pub(super) hand_ins: f64,
    pub(super) lodgings: f64,
    pub(super) outcome: Outcome,
    /// Seconds after the end of the overload until somebody new is served as before it.
    pub(super) recovered: Option<f64>,
    pub(super) memory_after: u64,
}

/// What the overload led to. Times are in seconds, sizes in bytes.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) elapsed: f64,
    /// How many students came.
    pub(super) begun: usize,
    /// How many of them were not done at the end.
    pub(super) waiting: usize,
    pub(super) rows: Vec<Row>,
    /// From a student's arrival to the lodging, waiting included.
    pub(super) lodged_half: f64,
    pub(super) lodged_99: f64,
    /// How many processors the server kept busy.
    pub(super) server_processors: f64,
    pub(super) memory_before: u64,
    /// After half of the time, and at its end: the difference is growth.
    pub(super) memory_half: u64,
    pub(super) memory_end: u64,
    pub(super) memory_peak: u64,
    /// The first failure that is no refusal.
    pub(super) first_failure: Option<String>,
}

/// One step of all students.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) step: &'static str,
    pub(super) served_per_second: f64,
    pub(super) refused: u64,
    pub(super) refused_without_retry_after: u64,
    pub(super) broken: u64,
}

impl Row {
    pub(super) fn new(step: Step, tally: &Tally, elapsed: f64) -> Self {
        let counts = tally.of(step);
        Self {
            step: step.name(),
            served_per_second: counts.served.load(Ordering::Relaxed) as f64 / elapsed,
            refused: counts.refused.load(Ordering::Relaxed),
            refused_without_retry_after: counts.refused_bare.load(Ordering::Relaxed),
            broken: counts.broken.load(Ordering::Relaxed),
        }
    }
}

/// In seconds; 0 where there are none.
pub(super) fn quantile(ascending: &[Duration], share: f64) -> f64 {
    let index = (ascending.len() as f64 * share) as usize;
    let found = ascending.get(index.min(ascending.len().saturating_sub(1)));
    found.map_or(0.0, Duration::as_secs_f64)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: f64 = 1024.0 * 1024.0;
        let Self { outcome, hand_ins, lodgings, .. } = self;
        let whose = if self.apart { "apart for server and students" } else { "shared" };
        writeln!(f, "\n{} processors, {whose}; {} addresses:", self.processors, self.addresses)?;
        writeln!(f, "  {:<44}{hand_ins:>8.0} a second", "the most whole hand-ins")?;
        writeln!(f, "  {:<44}{lodgings:>8.0} a second", "the most lodgings, nothing else asked")?;
        let offered = outcome.begun as f64 / outcome.elapsed;
        writeln!(f, "{} times that many hand-ins, for {:.0} s:", self.times, outcome.elapsed)?;
        writeln!(f, "  {:<44}{offered:>8.0} a second", "students who came")?;
        for row in &outcome.rows {
            let share = row.served_per_second / hand_ins * 100.0;
            writeln!(
                f,
                "  {:<10} served {:>5.0} a second, {share:>4.0} % of the most hand-ins; refused {} with and {} without Retry-After; broken {}",
                row.step,
                row.served_per_second,
                row.refused,
                row.refused_without_retry_after,
                row.broken
            )?;
        }
        let lodged = outcome.rows.iter().find(|row| row.step == Step::Lodging.name());
        let share = lodged.map_or(0.0, |row| row.served_per_second / lodgings * 100.0);
        writeln!(f, "  {:<44}{share:>8.0} %", "lodgings, of the most where nothing else is asked")?;
        writeln!(
            f,
            "  {:<44}{:>8.2} s, {:.2} s",
            "from arrival to lodging, half and 99 %", outcome.lodged_half, outcome.lodged_99
        )?;
        writeln!(f, "  {:<44}{:>8}", "students not done at the end", outcome.waiting)?;
        writeln!(
            f,
            "  {:<44}{:>8.2}",
            "processors that the server kept busy", outcome.server_processors
        )?;
        let mib = |bytes: u64| bytes as f64 / MIB;
        writeln!(
            f,
            "  {:<44}{:>8.0} MiB, {:.0} MiB, {:.0} MiB, {:.0} MiB, {:.0} MiB",
            "server's memory before, half-way, at the end, at most, afterwards",
            mib(outcome.memory_before),
            mib(outcome.memory_half),
            mib(outcome.memory_end),
            mib(outcome.memory_peak),
            mib(self.memory_after)
        )?;
        if let Some(failure) = &outcome.first_failure {
            writeln!(f, "  the first failure that is no refusal: {failure}")?;
        }
        match self.recovered {
            Some(seconds) => write!(f, "  somebody new is served as before after {seconds:.2} s"),
            None => write!(f, "  somebody new was not served as before within half a minute"),
        }
    }
}
