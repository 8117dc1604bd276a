//! The transparency log of Claim: the pure part of a log, of its witness and of its auditor.
//!
//! | what | where it is specified |
//! |---|---|
//! | [`Hash`](struct@Hash), [`leaf_hash`], [`node_hash`] | RFC 6962 §2.1, RFC 9162 §2.1.1 |
//! | [`TreeSize`], [`LeafIndex`], [`TreeHead`], [`Frontier`]: the tree | RFC 9162 §2.1 |
//! | [`InclusionProof`], [`ConsistencyProof`]: made from tiles, and verified | RFC 9162 §2.1.3, §2.1.4 |
//! | [`Tile`], [`Bundle`], [`Entry`], [`Resource`]: what a log serves, and under which paths | C2SP tlog-tiles v0.1.0 |
//! | [`Edge`], [`Plan`]: which files a batch of entries adds | this crate's, below |
//! | [`note`]: texts signed by named keys | C2SP signed-note v1.0.0 |
//! | [`Checkpoint`], [`SignedCheckpoint`], and what verifying yields: [`LogSigned`], [`Cosigned`] | C2SP tlog-checkpoint v1.0.0, tlog-cosignature v1.0.1 |
//! | [`LogProof`], and what verifying it yields: [`Logged`] | C2SP tlog-proof@v1 |
//! | [`witness`]: whether to cosign | C2SP tlog-witness v1.0.0 |
//! | [`audit`]: reading a whole log, and finding what is wrong with it | this crate's |
//!
//! [`LogSigned`], [`Cosigned`] and [`Logged`] have private fields and one constructor, which stands beside the check:
//! whoever holds one need not check again.
//!
//! There is no I/O and no clock here, no network and no storage: octets and times are arguments, and only new keys take
//! random numbers from the cryptographic library. What entries mean is the affair of those who write them, and so is
//! which certificates keys have.
//!
//! # Growing a log
//!
//! The log's database has one row: the **head** (size and root of the last batch) and the **published** head (the last
//! one whose files are all written). Nothing else is needed to plan the next batch: its [`Edge`] is what the last
//! [`Plan`] left in memory, or is [loaded](Edge::load) from the files of the published head, and checked.
//!
//! 1. **Stage** entries, numbered in one order, in the same transaction as what they record.
//! 2. [`Edge::plan`] a batch of them (nothing is written).
//! 3. **Commit** the new head by compare-and-swap, on condition that head and published head both still are
//!    [`Plan::before`]. The entries stay staged. From now on the log *has* this tree, whatever happens.
//! 4. **Write** [`Plan::objects`], in any order; none of them is ever overwritten by other octets.
//! 5. **Publish**: only now set the published head, and [sign](LogSigner::sign) and serve its checkpoint. The staged
//!    entries may go once they are in the published tree.
//!
//! Whoever finds, at its start or before its next batch, that the head is ahead of the published one takes up from step
//! 4: it loads the edge of the *published* head, plans the staged entries up to the size of the head again, compares
//! [`Plan::head`] with the committed one and writes. As the same edge and entries give the same octets, it does not
//! matter who wrote how many of the files before, nor that two do it at the same time. If the heads differ it must stop:
//! it does not have the entries that the log has committed to. After an error whose outcome is unknown one reads the row
//! again.
//!
//! # Handing out proofs
//!
//! [`InclusionProof::tiles`] and [`ConsistencyProof::tiles`] say which tiles to fetch, [`TileSet`] holds them,
//! `from_tiles` makes the proof; a tile that is wider than asked for serves as well. A [`LogProof`] joins an inclusion
//! proof with the checkpoint that a witness has cosigned; [verify](LogProof::verify) it before it leaves the house.

pub mod audit;
mod checkpoint;
mod hash;
pub mod note;
mod plan;
mod proof;
mod text;
mod tile;
mod tree;
pub mod witness;

pub use checkpoint::{
    BodyError, Checkpoint, CheckpointError, Cosigned, LogKey, LogSigned, LogSigner,
    SignedCheckpoint, WitnessKey, WitnessSigner,
};
pub use hash::{Hash, leaf_hash, node_hash};
pub use plan::{Edge, EdgeError, Object, Plan, resources_between};
pub use proof::{
    LogProof, Logged, MAX_EXTRA_LENGTH, MAX_PROOF_LENGTH, ProofError, ProofFormatError,
};
pub use tile::{
    Bundle, BundleError, Entry, EntryTooLong, MAX_BUNDLE_LENGTH, MAX_ENTRY_LENGTH, MissingTile,
    Resource, TILE_WIDTH, Tile, TileLengthError, TileSet, UnknownResource,
};
pub use tree::{
    ConsistencyError, ConsistencyProof, Frontier, InclusionError, InclusionProof, LeafIndex,
    LogFull, MAX_PROOF_HASHES, ProofTooLong, SizeError, TreeHead, TreeSize,
};
