//! What a server counts about itself, as OpenMetrics text.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claim_core::{ProblemType, Timestamp};
use http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::refused::Refused;
use crate::urgency::Urgency;

/// The upper bounds of the histogram of request times, in seconds.
const REQUEST_SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The registry of one program, and the counters that every server has.
///
/// Cheap to clone; all clones count together.
/// Labels are routes, statuses and words of our own: nothing that a stranger chooses, so that nobody can fill the memory.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    accepted: Counter,
    open: Gauge,
    refused: Family<RefusedLabels, Counter>,
    under_way: Gauge,
    at_work: Gauge,
    waiting: Gauge,
    shed: Family<ShedLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    problems: Family<ProblemLabels, Counter>,
    request_seconds: Histogram,
    certificate_expires: Family<CertificateLabels, Gauge>,
    disk_free: Gauge,
    disk_size: Gauge,
    disk_keep: Gauge,
}

/// One request that a handler works on, until this is dropped.
pub(crate) struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    urgency: &'static str,
    because: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    certificate: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabels {
    slug: &'static str,
}

impl Metrics {
    /// The media type of [`Self::text`].
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// A registry with the counters of every server; all names start with `claim_`.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("claim");
        let metrics = Self {
            registry: Arc::default(),
            accepted: Counter::default(),
            open: Gauge::default(),
            refused: Family::default(),
            under_way: Gauge::default(),
            at_work: Gauge::default(),
            waiting: Gauge::default(),
            shed: Family::default(),
            requests: Family::default(),
            problems: Family::default(),
            request_seconds: Histogram::new(REQUEST_SECONDS),
            certificate_expires: Family::default(),
            disk_free: Gauge::default(),
            disk_size: Gauge::default(),
            disk_keep: Gauge::default(),
        };
        registry.register("connections_accepted", "TCP connections", metrics.accepted.clone());
        registry.register("connections_open", "Connections now open", metrics.open.clone());
        registry.register(
            "connections_refused",
            "Connections closed by the server before or instead of a request",
            metrics.refused.clone(),
        );
        registry.register(
            "requests_under_way",
            "Requests that a handler works on now",
            metrics.under_way.clone(),
        );
        registry.register(
            "requests_at_work",
            "Requests under way that wait neither for their client nor for a far event",
            metrics.at_work.clone(),
        );
        registry.register(
            "work_waiting",
            "Pieces of work that wait for a processor",
            metrics.waiting.clone(),
        );
        registry.register(
            "requests_shed",
            "Requests refused under overload before anything was done for them",
            metrics.shed.clone(),
        );
        registry.register("requests", "Requests answered", metrics.requests.clone());
        registry.register("problems", "Refusals, by problem type", metrics.problems.clone());
        registry.register(
            "request_seconds",
            "From the end of a request's header to the start of its answer",
            metrics.request_seconds.clone(),
        );
        registry.register_with_unit(
            "certificate_expires",
            "When a certificate that the server works with ends, as Unix time",
            Unit::Seconds,
            metrics.certificate_expires.clone(),
        );
        for (name, help, gauge) in [
            (
                "disk_free",
                "Room on the fullest disk that the server keeps things on",
                &metrics.disk_free,
            ),
            ("disk_size", "The size of that disk", &metrics.disk_size),
            (
                "disk_keep",
                "Uploads are refused below so much room, messages below its half, all else below its eighth",
                &metrics.disk_keep,
            ),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
        Self { registry: Arc::new(Mutex::new(registry)), ..metrics }
    }

    /// Lets a program add counters of its own.
    pub fn register<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All counters in the OpenMetrics text format 1.0.0.
    pub fn text(&self) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        match text::encode(&mut text, &registry) {
            Ok(()) => text,
            // A `String` takes everything; only a collector of the program's own could refuse.
            Err(fmt::Error) => "# EOF\n".to_owned(),
        }
    }

    /// Tells when a certificate ends that the server works with; `certificate` is the program's own word for it.
    pub fn certificate_expires(&self, certificate: &'static str, at: Timestamp) {
        let labels = CertificateLabels { certificate };
        self.certificate_expires.get_or_create(&labels).set(at.as_seconds());
    }

    /// Tells how much room there is on the disk, in bytes: what is free, the whole, what is to be kept free.
    pub fn disk(&self, free: u64, size: u64, keep: u64) {
        for (gauge, bytes) in
            [(&self.disk_free, free), (&self.disk_size, size), (&self.disk_keep, keep)]
        {
            gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn connection_accepted(&self) {
        self.accepted.inc();
    }

    pub(crate) fn connection_opened(&self) {
        self.open.inc();
    }

    pub(crate) fn connection_closed(&self) {
        self.open.dec();
    }

    pub(crate) fn connection_refused(&self, reason: Refused) {
        self.refused.get_or_create(&RefusedLabels { reason: reason.label() }).inc();
    }

    pub(crate) fn request_begins(&self) -> UnderWay {
        self.under_way.inc();
        UnderWay(self.under_way.clone())
    }

    pub(crate) fn at_work(&self, requests: usize) {
        self.at_work.set(i64::try_from(requests).unwrap_or(i64::MAX));
    }

    pub(crate) fn work_waiting(&self, pieces: usize) {
        self.waiting.set(i64::try_from(pieces).unwrap_or(i64::MAX));
    }

    pub(crate) fn request_shed(&self, urgency: Urgency, because: &'static str) {
        self.shed.get_or_create(&ShedLabels { urgency: urgency.label(), because }).inc();
    }

    pub(crate) fn request(&self, route: &str, status: StatusCode, took: Duration) {
        let labels = RequestLabels { route: route.to_owned(), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn problem(&self, problem_type: ProblemType) {
        self.problems.get_or_create(&ProblemLabels { slug: problem_type.slug() }).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_what_was_counted() {
        let metrics = Metrics::new();
        metrics.connection_accepted();
        metrics.connection_opened();
        metrics.connection_refused(Refused::HandshakeTimeout);
        metrics.request("/v1/messages", StatusCode::CREATED, Duration::from_millis(3));
        metrics.request_shed(Urgency::Content, "full");
        metrics.problem(ProblemType::NotFound);
        metrics.disk(3, 7, 2);
        metrics.certificate_expires("own", Timestamp::from_seconds(1_800_000_000));
        let own = Counter::<u64>::default();
        metrics.register(|registry| registry.register("messages", "Messages", own.clone()));
        own.inc_by(7);
        let text = metrics.clone().text();
        for line in [
            "claim_connections_accepted_total 1",
            "claim_connections_open 1",
            "claim_connections_refused_total{reason=\"handshake-timeout\"} 1",
            "claim_requests_total{route=\"/v1/messages\",status=\"201\"} 1",
            "claim_requests_shed_total{urgency=\"content\",because=\"full\"} 1",
            "claim_problems_total{slug=\"not-found\"} 1",
            "claim_request_seconds_bucket{le=\"0.005\"} 1",
            "claim_certificate_expires_seconds{certificate=\"own\"} 1800000000",
            "claim_disk_free_bytes 3",
            "claim_disk_size_bytes 7",
            "claim_disk_keep_bytes 2",
            "claim_messages_total 7",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
