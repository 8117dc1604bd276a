//! Proofs that an entry stands in a tree, RFC 9162 §2.1.3.

use std::ops::Range;

use super::{ProofTooLong, bounded, cover, fold, split};
use crate::tile::{MissingTile, Tile, TileSet};
use crate::tree::{LeafIndex, TreeHead, TreeSize};
use crate::{Hash, node_hash};

/// The hashes that lead from an entry to the root: the leaf's sibling first, the root's child last.
///
/// It says neither which entry nor which tree is meant; [`verify`](Self::verify) is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof(Vec<Hash>);

/// Why there is no inclusion, or no proof of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InclusionError {
    /// The tree is too small to have that entry.
    #[error("a log of {size} entries has no entry {index}")]
    NotInTree {
        /// The entry asked for.
        index: LeafIndex,
        /// How many entries the tree has.
        size: TreeSize,
    },
    /// The proof has not as many hashes as the place of the entry asks for.
    #[error("the proof does not have as many hashes as entry {index} of {size} needs")]
    Length {
        /// The entry.
        index: LeafIndex,
        /// How many entries the tree has.
        size: TreeSize,
    },
    /// The hashes lead to another root: entry, index, proof or tree is not the right one.
    #[error("the proof leads to the root {found}, not to {expected}")]
    Root {
        /// The root of the tree.
        expected: Hash,
        /// Where entry and proof lead.
        found: Hash,
    },
    /// A tile that is needed was not given.
    #[error(transparent)]
    Missing(#[from] MissingTile),
}

impl InclusionProof {
    /// The proof of these hashes.
    ///
    /// # Errors
    /// [`ProofTooLong`] above [`MAX_PROOF_HASHES`](crate::MAX_PROOF_HASHES).
    pub fn new(hashes: Vec<Hash>) -> Result<Self, ProofTooLong> {
        bounded(hashes).map(Self)
    }

    /// The hashes, from the leaf's sibling up.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// Which tiles are needed to make the proof, each once.
    ///
    /// # Errors
    /// [`InclusionError::NotInTree`].
    pub fn tiles(index: LeafIndex, size: TreeSize) -> Result<Vec<Tile>, InclusionError> {
        Ok(Tile::holding(path(index, size)?.into_iter().flat_map(cover), size))
    }

    /// Makes the proof from the [tiles](Self::tiles) of a tree of that size, or of a larger one.
    ///
    /// The tiles are believed: [verify](Self::verify) the proof against a root you trust before you hand it out.
    ///
    /// # Errors
    /// [`InclusionError::NotInTree`], [`InclusionError::Missing`].
    pub fn from_tiles(
        index: LeafIndex,
        size: TreeSize,
        tiles: &TileSet,
    ) -> Result<Self, InclusionError> {
        let hashes = path(index, size)?
            .into_iter()
            .map(|range| tiles.range(range, size))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self(hashes))
    }

    /// Checks that the entry with this [leaf hash](crate::leaf_hash) stands at this place of this tree
    /// (RFC 9162 §2.1.3.2).
    ///
    /// # Errors
    /// [`InclusionError`].
    pub fn verify(
        &self,
        index: LeafIndex,
        leaf: &Hash,
        tree: &TreeHead,
    ) -> Result<(), InclusionError> {
        let TreeHead { size, root } = *tree;
        if !size.contains(index) {
            return Err(InclusionError::NotInTree { index, size });
        }
        let (mut place, mut last) = (index.value(), size.value() - 1);
        let mut hash = *leaf;
        for sibling in &self.0 {
            if last == 0 {
                return Err(InclusionError::Length { index, size });
            }
            if place & 1 == 1 || place == last {
                hash = node_hash(sibling, &hash);
                // A node without right sibling moves up until it is one itself.
                while place & 1 == 0 && place != 0 {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            place >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(InclusionError::Length { index, size });
        }
        if hash != root {
            return Err(InclusionError::Root { expected: root, found: hash });
        }
        Ok(())
    }
}

/// `PATH(m, D_n)` of RFC 9162 §2.1.3.1 as ranges of entries, the leaf's sibling first.
fn path(index: LeafIndex, size: TreeSize) -> Result<Vec<Range<u64>>, InclusionError> {
    if !size.contains(index) {
        return Err(InclusionError::NotInTree { index, size });
    }
    let mut ranges = Vec::new();
    let (mut start, mut end) = (0, size.value());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index.value() < middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    ranges.reverse();
    Ok(ranges)
}

impl TileSet {
    /// The hash of a range of the tree's entries.
    pub(crate) fn range(&self, range: Range<u64>, size: TreeSize) -> Result<Hash, MissingTile> {
        let hashes = cover(range)
            .into_iter()
            .map(|node| self.node(node, size))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(fold(&hashes))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::{MAX_PROOF_HASHES, leaf_hash};

    #[test]
    fn the_largest_tree_does_not_overflow() {
        let tree = TreeHead { size: TreeSize::MAX, root: leaf_hash(b"root") };
        let last = LeafIndex::try_from(TreeSize::MAX.value() - 1).unwrap();
        let first = LeafIndex::try_from(0_u64).unwrap();
        let leaf = leaf_hash(b"leaf");
        for length in 0..=MAX_PROOF_HASHES {
            let proof = InclusionProof::new(vec![leaf; length]).unwrap();
            for index in [first, last] {
                let error = proof.verify(index, &leaf, &tree).unwrap_err();
                let needed = path(index, tree.size).unwrap().len();
                assert_eq!(needed == length, matches!(error, InclusionError::Root { .. }));
                assert_eq!(needed != length, matches!(error, InclusionError::Length { .. }));
            }
        }
        // Bottom row, then one tile a level.
        assert_eq!(InclusionProof::tiles(first, tree.size).unwrap().len(), 8 + 7);
    }

    #[test]
    fn no_proof_is_longer_than_the_largest_tree_is_high() {
        let hashes = vec![Hash::EMPTY_TREE; MAX_PROOF_HASHES + 1];
        assert_eq!(InclusionProof::new(hashes), Err(ProofTooLong { hashes: 64 }));
    }

    #[test]
    fn entries_beyond_the_tree() {
        let one = LeafIndex::try_from(1_u64).unwrap();
        let size = TreeSize::try_from(1_u64).unwrap();
        let expected = InclusionError::NotInTree { index: one, size };
        assert_eq!(InclusionProof::tiles(one, size), Err(expected));
        assert_eq!(InclusionProof::from_tiles(one, size, &TileSet::default()), Err(expected));
        let tree = TreeHead { size, root: leaf_hash(b"") };
        let proof = InclusionProof::new(vec![]).unwrap();
        assert_eq!(proof.verify(one, &leaf_hash(b""), &tree), Err(expected));
    }
}
