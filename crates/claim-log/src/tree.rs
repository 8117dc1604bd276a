//! The Merkle tree: sizes, appending, and the two kinds of proofs (RFC 9162 §2.1, the same trees as RFC 6962 §2.1).

mod consistency;
mod frontier;
mod inclusion;
mod node;
mod size;

pub use consistency::{ConsistencyError, ConsistencyProof};
pub use frontier::{Frontier, LogFull};
pub use inclusion::{InclusionError, InclusionProof};
pub(crate) use node::{Node, cover, fold, split};
pub use size::{LeafIndex, SizeError, TreeSize};

use crate::Hash;

/// A tree, told by how many entries it has and by its root: what a checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// How many entries the tree has.
    pub size: TreeSize,
    /// The Merkle Tree Hash over all of them.
    pub root: Hash,
}

impl TreeHead {
    /// The tree without entries.
    pub const EMPTY: Self = Self { size: TreeSize::ZERO, root: Hash::EMPTY_TREE };
}

/// The most hashes a proof can have: a tree below 2^63 entries has at most 63 levels above its leaves.
///
/// (From an odd size to one beyond 2^62 a consistency proof would need one more; tlog-witness has the same limit.)
pub const MAX_PROOF_HASHES: usize = 63;

/// A proof of more than [`MAX_PROOF_HASHES`] hashes: there is no tree that it could fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proof has at most {MAX_PROOF_HASHES} hashes, this one has {hashes}")]
pub struct ProofTooLong {
    /// How many hashes there were.
    pub hashes: usize,
}

/// Keeps the hashes of a proof if there are not too many.
fn bounded(hashes: Vec<Hash>) -> Result<Vec<Hash>, ProofTooLong> {
    if hashes.len() > MAX_PROOF_HASHES {
        return Err(ProofTooLong { hashes: hashes.len() });
    }
    Ok(hashes)
}
