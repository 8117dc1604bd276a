//! The least that must be remembered of a tree to append to it.

use crate::tree::{TreeHead, TreeSize, fold};
use crate::{Hash, node_hash};

/// The right edge of a tree: the roots of its complete subtrees, from large to small, one for each bit of its size.
///
/// At most 63 hashes however large the tree is. It tells the root after every entry; for the tiles that a log has to
/// write see [`Edge`](crate::Edge).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    // As many as `size` has bits that are 1.
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// That of the tree without entries.
    pub const fn empty() -> Self {
        Self { size: 0, subtrees: Vec::new() }
    }

    /// The edge whose complete subtrees have these roots, from large to small.
    pub(crate) fn from_subtrees(size: TreeSize, subtrees: Vec<Hash>) -> Self {
        debug_assert_eq!(size.value().count_ones() as usize, subtrees.len());
        Self { size: size.value(), subtrees }
    }

    /// The edge whose complete subtrees have these [roots](Self::roots); `None` when they are not as many as the size needs.
    pub fn from_roots(size: TreeSize, roots: Vec<Hash>) -> Option<Self> {
        let needed = size.value().count_ones() as usize;
        (roots.len() == needed).then(|| Self::from_subtrees(size, roots))
    }

    /// The roots of the complete subtrees, from large to small: with the size, all there is to keep.
    pub fn roots(&self) -> &[Hash] {
        &self.subtrees
    }

    /// How many entries the tree has.
    pub fn size(&self) -> TreeSize {
        // `append` keeps it in range.
        TreeSize::try_from(self.size).unwrap_or(TreeSize::MAX)
    }

    /// The root of the tree, RFC 9162 §2.1.1.
    pub fn root(&self) -> Hash {
        fold(&self.subtrees)
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size(), root: self.root() }
    }

    /// Appends an entry by its [leaf hash](crate::leaf_hash).
    ///
    /// # Errors
    /// [`LogFull`] when the tree has 2^63 - 1 entries.
    pub fn append(&mut self, leaf: Hash) -> Result<(), LogFull> {
        if self.size() == TreeSize::MAX {
            return Err(LogFull);
        }
        let mut hash = leaf;
        // As in binary addition: each complete subtree of the same size is merged.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
        Ok(())
    }
}

/// The log has 2^63 - 1 entries, and cannot have more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is full")]
pub struct LogFull;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::leaf_hash;
    use crate::tree::split;

    /// RFC 9162 §2.1.1, word for word.
    fn merkle_tree_hash(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::EMPTY_TREE,
            [leaf] => *leaf,
            _ => {
                let at = usize::try_from(split(leaves.len() as u64)).unwrap();
                let (left, right) = leaves.split_at(at);
                node_hash(&merkle_tree_hash(left), &merkle_tree_hash(right))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_definition() {
        let mut frontier = Frontier::empty();
        let mut leaves = Vec::new();
        for number in 0..300_u64 {
            assert_eq!(frontier.root(), merkle_tree_hash(&leaves), "{number}");
            assert_eq!(frontier.size().value(), number);
            let kept = Frontier::from_roots(frontier.size(), frontier.roots().to_vec());
            assert_eq!(kept.as_ref(), Some(&frontier));
            let short = frontier.roots().iter().skip(1).copied().collect();
            assert_eq!(Frontier::from_roots(frontier.size(), short).is_none(), number > 0);
            leaves.push(leaf_hash(&number.to_be_bytes()));
            frontier.append(*leaves.last().unwrap()).unwrap();
        }
    }

    #[test]
    fn a_full_log_takes_no_more() {
        let size = TreeSize::MAX;
        let mut full = Frontier::from_subtrees(size, vec![Hash::EMPTY_TREE; 63]);
        let before = full.clone();
        assert_eq!(full.append(leaf_hash(b"")), Err(LogFull));
        assert_eq!(full, before);
    }
}
