//! What Blackboard counts besides what every server does.

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
        let Self { challenges, sessions, messages, uncovered, cosigned_at, witnesses } =
            counters.clone();
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
        });
        counters
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
