//! Proofs that a tree is the beginning of a larger one, RFC 9162 §2.1.4.

use std::ops::Range;

use super::{Frontier, Node, ProofTooLong, bounded, cover, fold, split};
use crate::tile::{MissingTile, Tile, TileSet};
use crate::tree::{TreeHead, TreeSize};
use crate::{Hash, node_hash};

/// The hashes that lead from one tree to a larger one that begins with the same entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof(Vec<Hash>);

/// Why two trees are not consistent, or why that is not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsistencyError {
    /// The older tree has more entries.
    #[error("a log of {old} entries cannot be the beginning of one of {new}")]
    Shrunk {
        /// How many entries the older tree has.
        old: TreeSize,
        /// How many entries the newer tree has.
        new: TreeSize,
    },
    /// Two trees of the same size with different roots: the log has shown two histories.
    #[error("two logs of {size} entries have different roots, {old} and {new}")]
    Forked {
        /// How many entries both have.
        size: TreeSize,
        /// The root of the one.
        old: Hash,
        /// The root of the other.
        new: Hash,
    },
    /// A tree without entries has another root than the hash of nothing.
    #[error("a log without entries has the root {found}")]
    EmptyRoot {
        /// The root that was given.
        found: Hash,
    },
    /// The proof has not as many hashes as the two sizes ask for.
    #[error("the proof does not have as many hashes as {old} and {new} entries need")]
    Length {
        /// How many entries the older tree has.
        old: TreeSize,
        /// How many entries the newer tree has.
        new: TreeSize,
    },
    /// The hashes do not lead to the root of the older tree.
    #[error("the proof leads to the older root {found}, not to {expected}")]
    OldRoot {
        /// The root of the older tree.
        expected: Hash,
        /// Where the proof leads.
        found: Hash,
    },
    /// The hashes do not lead to the root of the newer tree.
    #[error("the proof leads to the newer root {found}, not to {expected}")]
    NewRoot {
        /// The root of the newer tree.
        expected: Hash,
        /// Where the proof leads.
        found: Hash,
    },
    /// A tile that is needed was not given.
    #[error(transparent)]
    Missing(#[from] MissingTile),
}

impl ConsistencyProof {
    /// The proof of no hashes: from the empty tree to any, or from a tree to itself.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// The proof of these hashes.
    ///
    /// # Errors
    /// [`ProofTooLong`] above [`MAX_PROOF_HASHES`](crate::MAX_PROOF_HASHES).
    pub fn new(hashes: Vec<Hash>) -> Result<Self, ProofTooLong> {
        bounded(hashes).map(Self)
    }

    /// The hashes, in the order of RFC 9162 §2.1.4.1.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// Which tiles are needed to make the proof, each once.
    ///
    /// # Errors
    /// [`ConsistencyError::Shrunk`].
    pub fn tiles(old: TreeSize, new: TreeSize) -> Result<Vec<Tile>, ConsistencyError> {
        Ok(Tile::holding(ranges(old, new)?.into_iter().flat_map(cover), new))
    }

    /// Makes the proof from the [tiles](Self::tiles) of a tree of the newer size, or of a larger one.
    ///
    /// The tiles are believed: [verify](Self::verify) the proof against roots you trust before you hand it out.
    ///
    /// # Errors
    /// [`ConsistencyError::Shrunk`], [`ConsistencyError::Missing`].
    pub fn from_tiles(
        old: TreeSize,
        new: TreeSize,
        tiles: &TileSet,
    ) -> Result<Self, ConsistencyError> {
        let hashes = ranges(old, new)?
            .into_iter()
            .map(|range| tiles.range(range, new))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self(hashes))
    }

    /// Makes the proof from the [leaf hashes](crate::leaf_hash) of a tree of the newer size: those that come after the
    /// entries of which only the edge is known. `None` when that edge does not suffice, as for an older tree within it, or
    /// when there are not as many leaves as the newer tree has.
    ///
    /// The leaves are believed, as tiles are in [`from_tiles`](Self::from_tiles).
    pub fn from_leaves(
        old: TreeSize,
        new: TreeSize,
        before: &Frontier,
        leaves: &[Hash],
    ) -> Option<Self> {
        let tree = Leaves { before, leaves };
        let hashes = ranges(old, new).ok()?.into_iter().map(|range| tree.range(range));
        hashes.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Checks that the older tree is the beginning of the newer one (RFC 9162 §2.1.4.2).
    ///
    /// Every tree begins with the empty one and with itself; for both the proof is empty.
    ///
    /// # Errors
    /// [`ConsistencyError`].
    pub fn verify(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ConsistencyError> {
        if old.size > new.size {
            return Err(ConsistencyError::Shrunk { old: old.size, new: new.size });
        }
        for tree in [old, new] {
            if tree.size.is_zero() && tree.root != Hash::EMPTY_TREE {
                return Err(ConsistencyError::EmptyRoot { found: tree.root });
            }
        }
        let length = ConsistencyError::Length { old: old.size, new: new.size };
        if old.size == new.size || old.size.is_zero() {
            if old.size == new.size && old.root != new.root {
                let (size, old, new) = (old.size, old.root, new.root);
                return Err(ConsistencyError::Forked { size, old, new });
            }
            return if self.0.is_empty() { Ok(()) } else { Err(length) };
        }
        let (old_root, new_root) = self.roots(old, new).ok_or(length)?;
        if old_root != old.root {
            return Err(ConsistencyError::OldRoot { expected: old.root, found: old_root });
        }
        if new_root != new.root {
            return Err(ConsistencyError::NewRoot { expected: new.root, found: new_root });
        }
        Ok(())
    }

    /// Where the proof leads, for 0 < old < new; `None` when it has not the right number of hashes.
    fn roots(&self, old: &TreeHead, new: &TreeHead) -> Option<(Hash, Hash)> {
        let (mut place, mut last) = (old.size.value() - 1, new.size.value() - 1);
        let skipped = place.trailing_ones();
        place >>= skipped;
        last >>= skipped;
        // A complete older tree is itself the first node, and is not sent.
        let mut hashes = self.0.iter();
        let first = if old.size.value().is_power_of_two() { &old.root } else { hashes.next()? };
        let (mut old_hash, mut new_hash) = (*first, *first);
        for hash in hashes {
            if last == 0 {
                return None;
            }
            if place & 1 == 1 || place == last {
                old_hash = node_hash(hash, &old_hash);
                new_hash = node_hash(hash, &new_hash);
                while place & 1 == 0 && place != 0 {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                new_hash = node_hash(&new_hash, hash);
            }
            place >>= 1;
            last >>= 1;
        }
        (last == 0).then_some((old_hash, new_hash))
    }
}

/// A tree by its leaves, but for its beginning, of which the edge is known.
struct Leaves<'a> {
    before: &'a Frontier,
    leaves: &'a [Hash],
}

impl Leaves<'_> {
    fn range(&self, range: Range<u64>) -> Option<Hash> {
        let hashes = cover(range).into_iter().map(|node| self.node(node));
        Some(fold(&hashes.collect::<Option<Vec<_>>>()?))
    }

    fn node(&self, node: Node) -> Option<Hash> {
        let (start, end) = (node.index << node.level, (node.index + 1) << node.level);
        let known = self.before.size().value();
        if end <= known {
            let subtrees = cover(0..known).into_iter().zip(self.before.roots());
            return subtrees.into_iter().find_map(|(one, hash)| (one == node).then_some(*hash));
        }
        let Some(level) = node.level.checked_sub(1) else {
            let place = usize::try_from(start.checked_sub(known)?).ok()?;
            return self.leaves.get(place).copied();
        };
        let left = self.node(Node { level, index: node.index * 2 })?;
        Some(node_hash(&left, &self.node(Node { level, index: node.index * 2 + 1 })?))
    }
}

/// `PROOF(m, D_n)` of RFC 9162 §2.1.4.1 as ranges of entries, in the order of the proof.
fn ranges(old: TreeSize, new: TreeSize) -> Result<Vec<Range<u64>>, ConsistencyError> {
    if old > new {
        return Err(ConsistencyError::Shrunk { old, new });
    }
    let mut ranges = Vec::new();
    if old.is_zero() {
        return Ok(ranges);
    }
    let (mut start, mut end) = (0, new.value());
    while old.value() != end {
        let middle = start + split(end - start);
        if old.value() <= middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    // The subtree that ends where the older tree ends, unless it is the whole older tree.
    if start != 0 {
        ranges.push(start..end);
    }
    ranges.reverse();
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::{MAX_PROOF_HASHES, leaf_hash};

    fn head(size: u64, root: Hash) -> TreeHead {
        TreeHead { size: size.try_into().unwrap(), root }
    }

    #[test]
    fn the_largest_trees_do_not_overflow() {
        let hash = leaf_hash(b"");
        let largest = TreeSize::MAX.value();
        for old in [1, 2, 6, 1 << 61, (1 << 62) - 2, 1 << 62, largest - 1] {
            let needed = ranges(old.try_into().unwrap(), TreeSize::MAX).unwrap().len();
            assert!(needed <= MAX_PROOF_HASHES);
            for length in 0..=MAX_PROOF_HASHES {
                let proof = ConsistencyProof::new(vec![hash; length]).unwrap();
                let error = proof.verify(&head(old, hash), &head(largest, hash)).unwrap_err();
                let short = matches!(error, ConsistencyError::Length { .. });
                assert_eq!(short, needed != length, "{old} {length} {error}");
            }
        }
    }

    #[test]
    fn a_proof_by_leaves_leads_from_every_tree_to_every_larger_one() {
        let leaves: Vec<Hash> = (0..40_u8).map(|number| leaf_hash(&[number])).collect();
        let frontiers: Vec<Frontier> = (0..=leaves.len())
            .map(|size| {
                let mut frontier = Frontier::empty();
                leaves[..size].iter().for_each(|leaf| frontier.append(*leaf).unwrap());
                frontier
            })
            .collect();
        for new in 0..=leaves.len() {
            for old in 0..=new {
                let (older, newer) = (frontiers[old].head(), frontiers[new].head());
                for (known, before) in frontiers[..=new].iter().enumerate() {
                    let proof = ConsistencyProof::from_leaves(
                        older.size,
                        newer.size,
                        before,
                        &leaves[known..new],
                    );
                    match proof {
                        Some(proof) => assert_eq!(proof.verify(&older, &newer), Ok(())),
                        // Only of a tree within the edge can it be that hashes are gone.
                        None => assert!(old < known, "{old} {new} {known}"),
                    }
                }
                let few = &leaves[..new.saturating_sub(1)];
                let proof =
                    ConsistencyProof::from_leaves(older.size, newer.size, &frontiers[0], few);
                let is_needed = old > 0 && old < new;
                assert_eq!(proof.is_none(), is_needed, "{old} {new}");
            }
        }
    }

    #[test]
    fn trees_that_need_no_proof() {
        let (one, other) = (leaf_hash(b"1"), leaf_hash(b"2"));
        let none = ConsistencyProof::empty();
        let some = ConsistencyProof::new(vec![one]).unwrap();
        assert_eq!(none.verify(&head(1, one), &head(1, one)), Ok(()));
        assert_eq!(none.verify(&TreeHead::EMPTY, &head(5, one)), Ok(()));
        assert_eq!(none.verify(&TreeHead::EMPTY, &TreeHead::EMPTY), Ok(()));
        let check = |proof: &ConsistencyProof, old, new| proof.verify(&old, &new).unwrap_err();
        assert!(matches!(
            check(&some, TreeHead::EMPTY, head(5, one)),
            ConsistencyError::Length { .. }
        ));
        assert!(matches!(
            check(&some, head(1, one), head(1, one)),
            ConsistencyError::Length { .. }
        ));
        assert!(matches!(
            check(&none, head(1, one), head(1, other)),
            ConsistencyError::Forked { .. }
        ));
        assert!(matches!(
            check(&none, head(2, one), head(1, one)),
            ConsistencyError::Shrunk { .. }
        ));
        assert!(matches!(
            check(&none, head(0, one), head(1, one)),
            ConsistencyError::EmptyRoot { .. }
        ));
        assert!(matches!(
            check(&none, TreeHead::EMPTY, head(0, one)),
            ConsistencyError::EmptyRoot { .. }
        ));
    }
}
