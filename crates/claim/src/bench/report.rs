//! What came out, for people and as one JSON document.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::hand_in::FILE;
use super::io::Calls;
use super::load::{Measured, Phase};
use super::primitives::{Primitive, Primitives};

/// How it was measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Setting {
    /// How long each phase was measured.
    pub(super) seconds: u64,
    /// How many students took part.
    pub(super) students: u32,
    /// How many of them at once.
    pub(super) concurrency: u32,
    /// How many processors servers and students shared.
    pub(super) processors: usize,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) setting: Setting,
    /// The name of the TLS key exchange.
    pub(super) key_exchange: String,
    /// The version of HTTP, as in RFC 7301.
    pub(super) http: String,
    /// Microseconds of each operation.
    pub(super) primitives: Primitives,
    /// One row a phase.
    pub(super) phases: Vec<Row>,
}

/// One phase. Times are in microseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    phase: Phase,
    visits: usize,
    per_second: f64,
    latency: Latency,
    /// The server's processor time for a visit.
    server: PerVisit,
    /// The students' processor time for a visit.
    client: PerVisit,
    /// The bytes that the server sent to its storage for a visit.
    bytes_written: f64,
    /// The system calls that the server made for a visit, counted in another run.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<CallsPerVisit>,
    /// The sum of the primitives that it needs.
    unavoidable: f64,
    /// How many times as much the server used; none when there was none.
    ratio: Option<f64>,
    failures: usize,
    first_failure: Option<String>,
}

/// From the first packet to the verified end.
#[derive(Clone, Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

/// System calls divided by the number of visits.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CallsPerVisit {
    all: f64,
    /// `fsync` and `fdatasync`.
    syncs: f64,
}

/// Processor time divided by the number of visits.
#[derive(Clone, Debug, Serialize)]
struct PerVisit {
    user: f64,
    system: f64,
}

impl Setting {
    pub(super) fn new(seconds: u64, students: u32, concurrency: u32) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { seconds, students, concurrency, processors }
    }
}

impl Report {
    /// Whether no visit failed, and there were some.
    pub(super) fn is_clean(&self) -> bool {
        self.phases.iter().all(|row| row.failures == 0 && row.visits > 0)
    }
}

impl Row {
    pub(super) fn new(
        phase: Phase,
        measured: Measured,
        calls: Option<CallsPerVisit>,
        primitives: &Primitives,
    ) -> Self {
        let visits = measured.latencies.len();
        let count = visits.max(1) as f64;
        let share = |time: Duration| micros(time) / count;
        let unavoidable = primitives.unavoidable(phase);
        let server =
            PerVisit { user: share(measured.server.user), system: share(measured.server.system) };
        let percentile = |percent| micros(percentile(&measured.latencies, percent));
        Self {
            phase,
            visits,
            per_second: visits as f64 / measured.elapsed.as_secs_f64(),
            latency: Latency {
                p50: percentile(50),
                p90: percentile(90),
                p99: percentile(99),
                max: percentile(100),
            },
            ratio: (visits > 0).then(|| server.total() / unavoidable),
            server,
            client: PerVisit {
                user: share(measured.clients.user),
                system: share(measured.clients.system),
            },
            bytes_written: measured.written as f64 / count,
            calls,
            unavoidable,
            failures: measured.failures,
            first_failure: measured.first_failure,
        }
    }
}

impl CallsPerVisit {
    /// What was counted during so many visits.
    pub(super) fn new(calls: &Calls, visits: usize) -> Self {
        let share = |calls: u64| calls as f64 / visits.max(1) as f64;
        Self { all: share(calls.all()), syncs: share(calls.syncs()) }
    }
}

impl PerVisit {
    fn total(&self) -> f64 {
        self.user + self.system
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setting { seconds, students, concurrency, processors } = self.setting;
        writeln!(f, "\nCryptography that cannot be done without, on one thread:")?;
        for primitive in Primitive::ALL {
            let name = match primitive {
                Primitive::TlsKeyExchange => &format!("TLS key exchange, {}", self.key_exchange),
                Primitive::TlsSignature => "TLS signature, ECDSA P-256",
                Primitive::CertificateVerification => "certificate verification",
                Primitive::SignatureVerification => "  of which ECDSA P-256",
                Primitive::Kem => "KEM, HPKE to P-256",
                Primitive::Signature => "signature, ECDSA P-256",
                Primitive::FileDigest => &format!("SHA-256 of {FILE} bytes"),
            };
            writeln!(f, "  {name:<40}{:>8.1} µs", self.primitives.micros(primitive))?;
        }
        for row in &self.phases {
            writeln!(f, "\nThe {}:", row.phase)?;
            row.fmt(f)?;
        }
        write!(
            f,
            "\n{concurrency} of {students} students at once, {seconds} s each, over {}; \
             server and students together on {processors} processors.",
            self.http
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { latency, server, client, .. } = self;
        let mut line = |name: &str, text: String| writeln!(f, "  {name:<40}{text}");
        line("rate", format!("{:>8.0} a second ({} in all)", self.per_second, self.visits))?;
        let ms = |micros: f64| micros / 1e3;
        line(
            "latency, half / 90 % / 99 % / all within",
            format!(
                "{:>8.1} / {:.1} / {:.1} / {:.1} ms",
                ms(latency.p50),
                ms(latency.p90),
                ms(latency.p99),
                ms(latency.max)
            ),
        )?;
        let processor = |used: &PerVisit| {
            format!(
                "{:>8.1} µs each ({:.1} user, {:.1} system)",
                used.total(),
                used.user,
                used.system
            )
        };
        line("students' processor time", processor(client))?;
        line("server's processor time", processor(server))?;
        line("its unavoidable cryptography", format!("{:>8.1} µs", self.unavoidable))?;
        if let Some(ratio) = self.ratio {
            line("ratio", format!("{ratio:>8.2}"))?;
        }
        line("server's bytes to the storage", format!("{:>8.0} each", self.bytes_written))?;
        if let Some(CallsPerVisit { all, syncs }) = self.calls {
            line("server's system calls", format!("{all:>8.1} each, of them {syncs:.2} fsync"))?;
        }
        if let Some(failure) = &self.first_failure {
            line("FAILED", format!("{:>8} times; the first: {failure}", self.failures))?;
        }
        Ok(())
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The smallest value that so many percent do not exceed (nearest rank).
fn percentile(ascending: &[Duration], percent: usize) -> Duration {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::cpu::CpuTime;
    use super::super::load::{Certificates, Connections, Work};
    use super::*;

    fn report(sessions: u64, failures: usize) -> Report {
        let phase = Phase {
            work: Work::Session,
            connections: Connections::Kept,
            certificates: Certificates::Known,
        };
        let primitives =
            Primitives::from_iter([(Primitive::Kem, 60.0), (Primitive::Signature, 15.0)]);
        let cpu = |user, system| CpuTime {
            user: Duration::from_millis(user),
            system: Duration::from_millis(system),
        };
        let measured = Measured {
            elapsed: Duration::from_secs(2),
            latencies: (1..=sessions).map(Duration::from_millis).collect(),
            completed: 0,
            server: cpu(120, 30),
            written: sessions * 4096,
            clients: cpu(200, 50),
            failures,
            first_failure: (failures > 0).then(|| "no route".to_owned()),
        };
        Report {
            setting: Setting::new(2, 1, 1),
            key_exchange: "X25519".to_owned(),
            http: "h2".to_owned(),
            phases: vec![Row::new(phase, measured, None, &primitives)],
            primitives,
        }
    }

    #[test]
    fn the_servers_time_is_compared_with_the_cryptography() {
        let report = report(1000, 0);
        let text = report.to_string();
        // 150 ms for 1000 sessions beside 75 µs each.
        for line in [
            "500 a second (1000 in all)",
            "500.0 / 900.0 / 990.0 / 1000.0 ms",
            "150.0 µs each (120.0 user, 30.0 system)",
            "    75.0 µs",
            "    2.00",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("FAILED") && report.is_clean());
    }

    #[test]
    fn a_failed_session_is_told_and_spoils_the_report() {
        let report = report(1000, 3);
        assert!(!report.is_clean());
        assert!(report.to_string().contains("3 times; the first: no route"));
    }

    #[test]
    fn without_sessions_there_is_no_ratio() {
        let report = report(0, 0);
        assert!(!report.is_clean());
        assert!(!report.to_string().contains("ratio"));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let ascending: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        for (percent, millis) in [(50, 100), (90, 180), (99, 198), (100, 200)] {
            assert_eq!(percentile(&ascending, percent), Duration::from_millis(millis));
        }
        assert_eq!(percentile(&[Duration::from_secs(1)], 50), Duration::from_secs(1));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
