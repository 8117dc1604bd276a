//! Complete subtrees, and how the hash of any range of a tree is made of them.

use std::ops::Range;

use crate::{Hash, node_hash};

/// A complete subtree: the entries `index · 2^level` to `(index + 1) · 2^level`, the last one excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    pub(crate) level: u32,
    pub(crate) index: u64,
}

/// The complete subtrees that make up a range of a tree, left to right.
///
/// The range is one that RFC 9162 §2.1 hashes: it begins at a multiple of the smallest power of two that is not smaller
/// than its length.
pub(crate) fn cover(range: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let Range { mut start, end } = range;
    while start < end {
        let level = (end - start).ilog2();
        nodes.push(Node { level, index: start >> level });
        start += 1 << level;
    }
    nodes
}

/// The hash of a range, given those of its [cover]; of an empty one, the hash of the empty tree.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    hashes
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| node_hash(&left, &right))
        .unwrap_or(Hash::EMPTY_TREE)
}

/// The largest power of two smaller than `entries`, which is at least 2: where RFC 9162 §2.1.1 splits a tree.
pub(crate) fn split(entries: u64) -> u64 {
    debug_assert!(entries >= 2);
    1 << (entries - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_split_at_the_largest_smaller_power_of_two() {
        let rows = [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), ((1 << 63) - 1, 1 << 62)];
        for (entries, at) in rows {
            assert_eq!(split(entries), at, "{entries}");
        }
    }

    #[test]
    fn covers_are_without_gap() {
        for (start, end) in [(0, 1), (0, 7), (4, 7), (64, 127), (0, (1 << 63) - 1), (8, 8)] {
            let mut next = start;
            for node in cover(start..end) {
                assert_eq!(node.index << node.level, next);
                next += 1 << node.level;
            }
            assert_eq!(next, end);
        }
    }
}
