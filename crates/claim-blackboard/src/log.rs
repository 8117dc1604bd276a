//! The log: entries that were staged become leaves, tiles are written, checkpoints signed, published and cosigned.

mod append;
mod proofs;
mod recent;
mod standing;
mod witness;
mod witnesses;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use claim_core::claim::ClaimId;
use claim_log::{
    CheckpointError, ConsistencyError, EdgeError, EntryTooLong, InclusionError, LogFull, LogSigned,
    ProofError, Resource, SignedCheckpoint, SizeError, TileLengthError, TreeHead, TreeSize,
};
use claim_store::blackboard::{BlackboardStore, EntryKind};
use claim_store::{ObjectError, ObjectName, Objects, StoreError};
use tokio::sync::{Notify, watch};

use crate::generations::Generations;

pub(crate) use append::keep_appending;
pub(crate) use standing::{Behind, LogStanding};
pub(crate) use witness::{Asking, Knows, WitnessAt, keep_cosigning, what_it_knows};
pub(crate) use witnesses::{Met, Witnesses};

/// How long a batch stays open for company.
const BATCH_OPEN: Duration = Duration::from_millis(250);

/// How many entries a batch takes.
const BATCH_ENTRIES: u32 = 1000;

/// How often it is looked for entries that another replica has staged, or that a failure left behind.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many tiles are remembered, twice over; each has 8 KiB at most. Proofs are made from the log's last few.
const MAX_TILES: usize = 256;

/// How many cosigned checkpoints are remembered with the result of their verification, twice over.
const MAX_VERIFIED: usize = 64;

/// How many entries' leaves are remembered, twice over: of those whose receipts are being waited for.
const MAX_LEAVES: usize = 8192;

/// What the tasks and the handlers share of the log.
pub(crate) struct Log {
    pub(crate) store: Arc<BlackboardStore>,
    pub(crate) objects: Objects,
    pub(crate) witnesses: Witnesses,
    pub(crate) standing: LogStanding,
    /// What was appended lately, for those who watch.
    pub(crate) recent: recent::Recent,
    staged: Notify,
    published: watch::Sender<u64>,
    /// The size of the largest tree that a witness has cosigned, as far as this process was told. It is sent anew also
    /// when there is one witness fewer to wait for.
    cosigned: watch::Sender<u64>,
    /// The last checkpoint that a witness was asked for before any had cosigned it, by its size.
    chosen: Mutex<(u64, Vec<u8>)>,
    memory: Mutex<Memory>,
}

/// What was read, computed or verified lately, and never changes.
struct Memory {
    tiles: Generations<Resource, Bytes>,
    /// By the size of the tree.
    verified: Generations<u64, Verified>,
    leaves: Generations<(ClaimId, EntryKind), u64>,
}

/// A checkpoint whose signatures, by the log and by a witness, were verified.
struct Verified {
    checkpoint: SignedCheckpoint,
    signed: LogSigned,
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
    #[error("a cosignature on record for {size} entries is none")]
    Cosignature {
        /// The size of the tree.
        size: u64,
    },
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
            witnesses: Witnesses::default(),
            standing: LogStanding::default(),
            recent: recent::Recent::default(),
            staged: Notify::new(),
            published: watch::Sender::new(0),
            cosigned: watch::Sender::new(0),
            memory: Mutex::new(Memory {
                tiles: Generations::new(MAX_TILES),
                verified: Generations::new(MAX_VERIFIED),
                leaves: Generations::new(MAX_LEAVES),
            }),
            chosen: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that there is an entry for the next batch.
    pub(crate) fn staged(&self) {
        self.staged.notify_one();
    }

    /// How large the log is, as this process knows, which looks each second; wakes whoever watches it.
    pub(crate) fn watch_published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Wakes whoever watches it, though it has not grown.
    pub(crate) fn wake_watchers(&self) {
        self.published.send_modify(|_| {});
    }

    /// Wakes whoever waits for proofs when there may be new ones.
    pub(crate) fn watch_cosigned(&self) -> watch::Receiver<u64> {
        self.cosigned.subscribe()
    }

    /// Wakes whoever waits for proofs, as a tree of this size was cosigned, or one witness fewer is waited for.
    pub(crate) fn tell_cosigned(&self, size: u64) {
        self.cosigned.send_modify(|largest| *largest = size.max(*largest));
    }

    /// The checkpoint that all witnesses who have cosigned no more than `last` are asked for next: the newest, or one that
    /// another has just been asked for.
    fn chosen(&self, last: u64, newest: u64, checkpoint: &[u8]) -> Vec<u8> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if chosen.0 <= last || chosen.0 > newest {
            *chosen = (newest, checkpoint.to_vec());
        }
        chosen.1.clone()
    }

    /// A file of the log, if it has been written.
    pub(crate) async fn read(&self, resource: &Resource) -> Result<Option<Bytes>, ObjectError> {
        self.objects.read(&ObjectName::log(&resource.to_string())).await
    }

    /// The same from memory, where it was read or written lately: for proofs, which are verified anyhow. What the log
    /// serves comes from the storage, so that an audit sees what is there.
    async fn recall(&self, resource: &Resource) -> Result<Option<Bytes>, ObjectError> {
        if let Some(known) = self.memory().tiles.get(resource) {
            return Ok(Some(Bytes::clone(&known)));
        }
        let found = self.read(resource).await?;
        if let Some(octets) = &found {
            self.remember(*resource, octets.clone());
        }
        Ok(found)
    }

    /// Keeps a file of the log in mind, if it is one from which proofs are made.
    fn remember(&self, resource: Resource, octets: Bytes) {
        if matches!(resource, Resource::Tile(_)) {
            self.memory().tiles.insert(resource, Arc::new(octets));
        }
    }

    async fn head(
        &self,
    ) -> Result<Option<(TreeHead, claim_store::blackboard::LogHeadRow)>, LogError> {
        let Some(row) = self.store.log_head().await? else { return Ok(None) };
        let root = claim_log::Hash::from_bytes(row.root);
        Ok(Some((TreeHead { size: row.size.try_into()?, root }, row)))
    }
}
