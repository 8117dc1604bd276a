//! The load: many students at once, each coming again and again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use claim_pki::Issuer;
use serde::Serialize;
use tokio::task::JoinSet;

use super::WARM_UP;
use super::connection::{Client, Connection};
use super::cpu::CpuTime;
use super::hand_in::hand_in;
use super::io::bytes_written;
use super::report::Setting;
use super::site::Site;
use super::students::Student;

/// After so many failed visits one of those at work gives up: there is nothing to measure here.
const MAX_FAILURES: usize = 10;

/// Under which conditions the students come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Phase {
    pub(super) work: Work,
    pub(super) connections: Connections,
    pub(super) certificates: Certificates,
}

/// What a student comes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Work {
    /// To open a session, steps 3 to 5.
    Session,
    /// To hand a file in, with a session opened for it, and to fetch the receipt.
    HandIn,
}

/// How a student is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Connections {
    /// By a TLS connection of its own, which is opened before the visit and closed after it.
    New,
    /// By one that is there already.
    Kept,
}

/// What Blackboard knows of a student's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Certificates {
    /// It has never seen it.
    New,
    /// It has verified it before, and remembers.
    Known,
}

/// What a phase showed.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// How long was measured.
    pub(super) elapsed: Duration,
    /// Of each visit that was completed in that time, how long it took; ascending.
    pub(super) latencies: Vec<Duration>,
    /// How many visits did what they were for, also while nothing was measured.
    pub(super) completed: usize,
    /// What Blackboard used in that time.
    pub(super) server: CpuTime,
    /// What Blackboard sent to its storage in that time, in bytes.
    pub(super) written: u64,
    /// What the students used, all of them together.
    pub(super) clients: CpuTime,
    /// How many visits failed, also while nothing was measured yet.
    pub(super) failures: usize,
    /// What the first of these failed of.
    pub(super) first_failure: Option<String>,
}

/// One of those at work: it plays several students, one after the other.
struct Worker {
    phase: Phase,
    client: Client,
    issuer: Arc<Issuer>,
    students: Vec<Student>,
    stop: Arc<AtomicBool>,
    connection: Option<Connection>,
    done: Vec<Visit>,
    failures: Vec<String>,
}

/// A visit that did what the student came for.
#[derive(Clone, Copy)]
struct Visit {
    completed: Instant,
    latency: Duration,
}

/// Runs one phase; the students come back from it.
pub(super) async fn run(
    phase: Phase,
    setting: &Setting,
    site: &Site,
    client: &Client,
    students: Vec<Student>,
) -> Result<(Vec<Student>, Measured)> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut at_work = JoinSet::new();
    for students in deal(students, setting.concurrency as usize) {
        let (client, issuer, stop) = (client.clone(), Arc::clone(&site.issuer), Arc::clone(&stop));
        let (done, failures) = (Vec::new(), Vec::new());
        let connection = None;
        let worker = Worker { phase, client, issuer, students, stop, connection, done, failures };
        at_work.spawn(worker.work());
    }
    let myself = std::process::id();
    tokio::time::sleep(WARM_UP).await;
    let (begin, server, clients) = (Instant::now(), site.cpu()?, CpuTime::of(myself)?);
    let written = bytes_written(site.process())?;
    tokio::time::sleep(Duration::from_secs(setting.seconds)).await;
    let (end, server_end, clients_end) = (Instant::now(), site.cpu()?, CpuTime::of(myself)?);
    let written = bytes_written(site.process())?.saturating_sub(written);
    stop.store(true, Ordering::Relaxed);

    let (mut students, mut latencies, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    let mut completed = 0;
    for worker in at_work.join_all().await {
        students.extend(worker.students);
        failures.extend(worker.failures);
        completed += worker.done.len();
        let measured = worker.done.iter().filter(|one| (begin..end).contains(&one.completed));
        latencies.extend(measured.map(|one| one.latency));
    }
    latencies.sort_unstable();
    let measured = Measured {
        elapsed: end - begin,
        latencies,
        completed,
        server: server_end.since(server),
        written,
        clients: clients_end.since(clients),
        failures: failures.len(),
        first_failure: failures.into_iter().next(),
    };
    Ok((students, measured))
}

impl Worker {
    async fn work(mut self) -> Self {
        let mut next = 0;
        while !self.stop.load(Ordering::Relaxed) && self.failures.len() < MAX_FAILURES {
            let student = next % self.students.len().max(1);
            next += 1;
            match self.visit(student).await {
                Ok(visit) => self.done.push(visit),
                Err(error) => {
                    self.failures.push(format!("{error:#}"));
                    // Whatever it was, this connection has had it.
                    self.connection = None;
                }
            }
        }
        self.disconnect().await;
        self
    }

    /// One visit of this student; what it takes to make a certificate or to say goodbye does not count.
    async fn visit(&mut self, student: usize) -> Result<Visit> {
        let Some(student) = self.students.get_mut(student) else {
            anyhow::bail!("there are no students");
        };
        if self.phase.certificates == Certificates::New {
            student.renew(&self.issuer)?;
        }
        let begun = Instant::now();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.connect().await?,
        };
        let session = self.client.open_session(&mut connection, &student.credential).await?;
        if self.phase.work == Work::HandIn {
            hand_in(&self.client, &mut connection, &session, student).await?;
        }
        let completed = Instant::now();
        self.connection = Some(connection);
        if self.phase.connections == Connections::New {
            self.disconnect().await;
        }
        Ok(Visit { completed, latency: completed - begun })
    }

    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}

/// Deals students to so many that play them; nobody is left without one.
pub(super) fn deal<T>(all: Vec<T>, hands: usize) -> Vec<Vec<T>> {
    let hands = hands.clamp(1, all.len().max(1));
    let mut dealt: Vec<Vec<T>> = (0..hands).map(|_| Vec::new()).collect();
    let mut all = all.into_iter();
    loop {
        for hand in &mut dealt {
            match all.next() {
                Some(one) => hand.push(one),
                None => return dealt,
            }
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let work = match self.work {
            Work::Session => "sessions",
            Work::HandIn => "hand-ins",
        };
        let connections = match self.connections {
            Connections::New => "a new connection each",
            Connections::Kept => "kept connections",
        };
        let certificates = match self.certificates {
            Certificates::New => "certificates not seen before",
            Certificates::Known => "known certificates",
        };
        write!(f, "{work} over {connections}, {certificates}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn hands_are_dealt_evenly_and_completely() {
        for (cards, hands, expected) in [
            (5, 2, vec![3, 2]),
            (4, 4, vec![1; 4]),
            (2, 3, vec![1, 1]),
            (3, 0, vec![3]),
            (0, 2, vec![0]),
        ] {
            let dealt = deal((0..cards).collect(), hands);
            assert_eq!(dealt.iter().map(Vec::len).collect::<Vec<_>>(), expected);
            let mut all = dealt.concat();
            all.sort_unstable();
            assert_eq!(all, (0..cards).collect::<Vec<_>>());
        }
    }
}
