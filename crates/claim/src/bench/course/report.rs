//! What came out.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::seed::Seeded;
use crate::cli::CourseBenchArgs;

/// The time of a page turn: the longest wait that does not feel like one, in milliseconds.
const PAGE_TURN: f64 = 100.0;

/// Everything. Sizes are in bytes.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    students: u32,
    assignments: u32,
    claims: usize,
    /// How long it took to hand them in, in seconds, and how many that is a second.
    seeded_in: f64,
    seeded_per_second: f64,
    /// What the database takes on the disk.
    database: u64,
    /// The server's memory: with the roster alone, with all claims, and at most while lists were looked at.
    memory_empty: u64,
    memory_before: u64,
    memory_peak: u64,
    requests: u32,
    lists: Vec<Row>,
    /// Whether 99 % of the answers of each list came within the time of a page turn.
    page_turn: bool,
}

/// One list. Times are in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    list: String,
    median: f64,
    p99: f64,
    longest: f64,
    /// The server's processor time for one answer.
    server: f64,
    /// That beside the smallest list's.
    ratio: f64,
    /// The largest answer, in bytes.
    bytes: usize,
}

impl Row {
    /// A list by the times of its answers, ascending.
    pub(super) fn new(
        list: String,
        latencies: &[Duration],
        bytes: usize,
        server: Duration,
    ) -> Self {
        let at = |part: f64| {
            let index = (latencies.len() as f64 * part) as usize;
            let latency = latencies.get(index.min(latencies.len().saturating_sub(1)));
            latency.map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        let server = server.as_secs_f64() * 1e3;
        Self { list, median: at(0.5), p99: at(0.99), longest: at(1.0), server, ratio: 1.0, bytes }
    }
}

impl Report {
    pub(super) fn new(
        arguments: &CourseBenchArgs,
        seeded: Seeded,
        database: u64,
        [memory_empty, memory_before, memory_peak]: [u64; 3],
        mut lists: Vec<Row>,
    ) -> Self {
        let smallest = lists.first().map_or(0.0, |row| row.server);
        for row in &mut lists {
            row.ratio = if smallest > 0.0 { row.server / smallest } else { 0.0 };
        }
        let seeded_in = seeded.took.as_secs_f64();
        Self {
            students: arguments.students,
            assignments: arguments.assignments,
            claims: seeded.claims,
            seeded_in,
            seeded_per_second: seeded.claims as f64 / seeded_in,
            database,
            memory_empty,
            memory_before,
            memory_peak,
            requests: arguments.requests,
            page_turn: lists.iter().all(|row| row.p99 <= PAGE_TURN),
            lists,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: f64 = 1024.0 * 1024.0;
        let Self { students, assignments, claims, .. } = self;
        writeln!(
            f,
            "\n{students} students, {assignments} assignments, {claims} claims, handed in at {:.0} a second; a database of {:.0} MiB.",
            self.seeded_per_second,
            self.database as f64 / MIB
        )?;
        writeln!(
            f,
            "\n  {:<40}{:>10}{:>10}{:>10}{:>12}{:>8}{:>10}",
            "list", "half, ms", "99 %", "longest", "server, ms", "ratio", "bytes"
        )?;
        for row in &self.lists {
            let Row { list, median, p99, longest, server, ratio, bytes } = row;
            writeln!(
                f,
                "  {list:<40}{median:>10.1}{p99:>10.1}{longest:>10.1}{server:>12.2}{ratio:>8.1}{bytes:>10}"
            )?;
        }
        let [empty, before, peak] = [self.memory_empty, self.memory_before, self.memory_peak]
            .map(|bytes| bytes as f64 / MIB);
        writeln!(
            f,
            "\nServer's memory: {empty:.0} MiB with the roster, {before:.0} MiB with all claims, {peak:.0} MiB at most while lists were looked at."
        )?;
        let verdict = if self.page_turn { "Every" } else { "Not every" };
        write!(
            f,
            "{verdict} list answers within {PAGE_TURN:.0} ms (99 % of {} requests each, one after the other).",
            self.requests
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_list_is_enough_to_miss_the_page_turn() {
        let arguments =
            CourseBenchArgs { students: 1, assignments: 1, claims: 1, concurrency: 1, requests: 2 };
        let seeded = Seeded { claims: 1, took: Duration::from_secs(2) };
        let row = |millis, server| {
            let took = [Duration::from_millis(3), Duration::from_millis(millis)];
            Row::new("a list".to_owned(), &took, 7, Duration::from_millis(server))
        };
        let report = |millis| {
            let rows = vec![row(5, 2), row(millis, 8)];
            Report::new(&arguments, seeded, 0, [0; 3], rows)
        };
        assert!(report(100).page_turn && !report(101).page_turn);
        let report = report(10);
        assert_eq!(report.lists.iter().map(|row| row.ratio).collect::<Vec<_>>(), [1.0, 4.0]);
        assert_eq!((report.lists[1].median, report.seeded_per_second), (10.0, 0.5));
    }
}
