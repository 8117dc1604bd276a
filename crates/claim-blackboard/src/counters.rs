//! What Blackboard counts besides what every server does.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use claim_core::{Origin, Timestamp};
use claim_http::Metrics;
use claim_store::blackboard::Lag;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;

/// The counters of the protocol; all clones count together.
#[derive(Clone, Default)]
pub(crate) struct Counters {
    /// Step 4: session keys that were encrypted.
    pub(crate) challenges: Counter,
    /// Step 5: sessions that were opened, repetitions included.
    pub(crate) sessions: Counter,
    /// Step 6: messages that were kept, repetitions not included.
    pub(crate) messages: Counter,
    /// Entries of the log that no cosigned checkpoint covers.
    uncovered: Gauge,
    /// When the last cosignature came.
    cosigned_at: Gauge,
    /// For each witness, whether it answers soon.
    witnesses: Family<WitnessLabels, Gauge>,
    /// For each witness, by how much our clock is ahead of its.
    ahead: Family<WitnessLabels, Gauge<f64, AtomicU64>>,
    /// When the first of the revocation lists ends.
    lists_end: Gauge,
    /// By how much the system's clock is ahead of the time by which Blackboard judges.
    leap: Gauge<f64, AtomicU64>,
}

/// The witnesses are those that Blackboard is told to ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WitnessLabels {
    witness: String,
}

impl Counters {
    /// Counters that show in the metrics.
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        let counters = Self::default();
        let Self {
            challenges,
            sessions,
            messages,
            uncovered,
            cosigned_at,
            witnesses,
            ahead,
            lists_end,
            leap,
        } = counters.clone();
        metrics.register(|registry| {
            registry.register("challenges", "Session keys encrypted (step 4)", challenges);
            registry.register("sessions", "Sessions opened (step 5)", sessions);
            registry.register("messages", "Messages kept (step 6)", messages);
            registry.register(
                "log_entries_uncovered",
                "Entries of the log that no cosigned checkpoint covers: receipts wait for these",
                uncovered,
            );
            registry.register_with_unit(
                "log_cosigned",
                "When a larger tree of the log was last cosigned, as Unix time; 0 before the first",
                Unit::Seconds,
                cosigned_at,
            );
            registry.register(
                "log_witness_prompt",
                "Whether a witness cosigns, and soon: receipts wait for such ones only",
                witnesses,
            );
            registry.register_with_unit(
                "log_witness_clock_difference",
                "By how much this clock is at least ahead of a witness's; negative when behind",
                Unit::Seconds,
                ahead,
            );
            registry.register_with_unit(
                "revocation_list_ends",
                "When the first of the revocation lists ends, as Unix time: from then on nobody opens a session or hands in; 0 before the first",
                Unit::Seconds,
                lists_end,
            );
            registry.register_with_unit(
                "clock_leap",
                "By how much the system's clock has leapt ahead of the time that is judged by; negative when back",
                Unit::Seconds,
                leap,
            );
        });
        counters
    }

    /// By how many milliseconds our clock is ahead of a witness's.
    pub(crate) fn ahead_of(&self, witness: &Origin, ahead_ms: i64) {
        let labels = WitnessLabels { witness: witness.to_string() };
        self.ahead.get_or_create(&labels).set(seconds(ahead_ms));
    }

    /// When the first of the revocation lists ends.
    pub(crate) fn lists_end(&self, end: Option<Timestamp>) {
        self.lists_end.set(end.map_or(0, Timestamp::as_seconds));
    }

    /// By how many milliseconds the system's clock has leapt.
    pub(crate) fn leap(&self, by_ms: i64) {
        self.leap.set(seconds(by_ms));
    }

    /// How far the log is behind, and which witnesses answer.
    pub(crate) fn lag(&self, lag: &Lag, witnesses: &[(Origin, bool)]) {
        self.uncovered.set(i64::try_from(lag.uncovered).unwrap_or(i64::MAX));
        self.cosigned_at.set(lag.cosigned_at.map_or(0, Timestamp::as_seconds));
        for (origin, prompt) in witnesses {
            let labels = WitnessLabels { witness: origin.to_string() };
            self.witnesses.get_or_create(&labels).set(i64::from(*prompt));
        }
    }
}

/// Far from where this is not exact, nobody counts milliseconds.
fn seconds(millis: i64) -> f64 {
    Duration::from_millis(millis.unsigned_abs()).as_secs_f64() * if millis < 0 { -1.0 } else { 1.0 }
}
