//! What a witness tells the program around it while it works.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use claim_core::{Origin, ProblemType, Timestamp};
use claim_log::WitnessKey;
use claim_pki::WitnessName;

/// Something that people at the terminal, or a test, want to know at once. It holds no secrets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The records do not know the key that is in the folder: it was put aside, and the witness takes a new one.
    KeyPutAside {
        /// The key's file, as it was.
        path: PathBuf,
        /// The name of the witness before.
        name: Option<WitnessName>,
    },
    /// It takes requests.
    Listening {
        /// The key that verifies its cosignatures, as others need it.
        key: WitnessKey,
        /// Its public origin.
        origin: Origin,
        /// Where it listens.
        addresses: Vec<SocketAddr>,
        /// The logs that it witnesses.
        logs: Vec<String>,
        /// Where it serves health and metrics, if it does.
        metrics: Option<SocketAddr>,
    },
    /// A log has signed two different trees of one size. Both checkpoints are on record.
    LogSplit {
        /// The log.
        origin: String,
        /// The size.
        size: u64,
    },
    /// The TLS certificate from elsewhere was exchanged in its files, and is shown from now on.
    TlsReloaded {
        /// Until when the new one is valid, where that can be read.
        not_after: Option<Timestamp>,
    },
    /// The TLS certificate from elsewhere was exchanged in its files, and could not be read.
    TlsNotReloaded {
        /// Why.
        reason: String,
    },
    /// A request was refused before the rules of witnesses were asked.
    Refused {
        /// The kind of refusal.
        problem_type: ProblemType,
        /// What was wrong this time.
        detail: String,
        /// The address it came from.
        peer: SocketAddr,
    },
}

/// Whoever is told. It is called from the tasks that serve, so it must not block.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;
