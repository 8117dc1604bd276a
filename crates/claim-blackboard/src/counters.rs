//! What Blackboard counts besides what every server does.

use claim_http::Metrics;
use prometheus_client::metrics::counter::Counter;

/// The counters of the protocol; all clones count together.
#[derive(Clone, Default)]
pub(crate) struct Counters {
    /// Step 4: session keys that were encrypted.
    pub(crate) challenges: Counter,
    /// Step 5: sessions that were opened, repetitions included.
    pub(crate) sessions: Counter,
    /// Step 6: messages that were kept, repetitions not included.
    pub(crate) messages: Counter,
}

impl Counters {
    /// Counters that show in the metrics.
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        let counters = Self::default();
        let Self { challenges, sessions, messages } = counters.clone();
        metrics.register(|registry| {
            registry.register("challenges", "Session keys encrypted (step 4)", challenges);
            registry.register("sessions", "Sessions opened (step 5)", sessions);
            registry.register("messages", "Messages kept (step 6)", messages);
        });
        counters
    }
}
