//! The log: entries that were staged become leaves, tiles are written, checkpoints signed, published and cosigned.

mod append;
mod proofs;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use claim_log::{
    CheckpointError, ConsistencyError, EdgeError, EntryTooLong, InclusionError, LogFull,
    ProofError, Resource, SizeError, TileLengthError, TreeHead, TreeSize,
};
use claim_store::blackboard::BlackboardStore;
use claim_store::{ObjectError, ObjectName, Objects, StoreError};
use tokio::sync::{Notify, watch};

pub(crate) use append::keep_appending;
pub(crate) use witness::{WitnessAt, keep_cosigning};

/// How long a batch stays open for company.
const BATCH_OPEN: Duration = Duration::from_millis(250);

/// How many entries a batch takes.
const BATCH_ENTRIES: u32 = 1000;

/// How often it is looked for entries that another replica has staged, or that a failure left behind.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the tasks and the handlers share of the log.
pub(crate) struct Log {
    pub(crate) store: Arc<BlackboardStore>,
    pub(crate) objects: Objects,
    staged: Notify,
    published: watch::Sender<u64>,
    cosigned: watch::Sender<u64>,
}

/// Why the log could not grow, or a proof not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LogError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error("the log's head cannot be: {0}")]
    Size(#[from] SizeError),
    #[error(transparent)]
    Edge(#[from] EdgeError),
    #[error(transparent)]
    Full(#[from] LogFull),
    #[error(transparent)]
    Entry(#[from] EntryTooLong),
    #[error("the log's published checkpoint is not by this log's key: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Inclusion(#[from] InclusionError),
    #[error(transparent)]
    Consistency(#[from] ConsistencyError),
    #[error(transparent)]
    Tile(#[from] TileLengthError),
    #[error("a proof that was made does not verify: {0}")]
    Proof(#[from] ProofError),
    #[error("the log's key could not sign")]
    Signing,
    /// The staged entries do not lead to the head that is committed: a restored database, say.
    #[error(
        "the log has committed to the tree of {size} entries, but its records lead to another one; \
         it signs nothing more until that is settled"
    )]
    Diverged {
        /// The size that is committed.
        size: TreeSize,
    },
}

impl Log {
    pub(crate) fn new(store: Arc<BlackboardStore>, objects: Objects) -> Self {
        Self {
            store,
            objects,
            staged: Notify::new(),
            published: watch::Sender::new(0),
            cosigned: watch::Sender::new(0),
        }
    }

    /// Says that there is an entry for the next batch.
    pub(crate) fn staged(&self) {
        self.staged.notify_one();
    }

    /// Wakes whoever waits for proofs when there may be new ones.
    pub(crate) fn watch_cosigned(&self) -> watch::Receiver<u64> {
        self.cosigned.subscribe()
    }

    /// A file of the log, if it has been written.
    pub(crate) async fn read(
        &self,
        resource: &Resource,
    ) -> Result<Option<bytes::Bytes>, ObjectError> {
        self.objects.read(&ObjectName::log(&resource.to_string())).await
    }

    async fn head(
        &self,
    ) -> Result<Option<(TreeHead, claim_store::blackboard::LogHeadRow)>, LogError> {
        let Some(row) = self.store.log_head().await? else { return Ok(None) };
        let root = claim_log::Hash::from_bytes(row.root);
        Ok(Some((TreeHead { size: row.size.try_into()?, root }, row)))
    }
}
