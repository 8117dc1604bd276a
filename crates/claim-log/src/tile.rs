//! Tiles: how a log publishes its tree and its entries as files that never change (C2SP tlog-tiles v0.1.0).

mod bundle;
mod path;
mod set;

pub use bundle::{Bundle, BundleError, Entry, EntryTooLong, MAX_BUNDLE_LENGTH, MAX_ENTRY_LENGTH};
pub use path::{Resource, UnknownResource};
pub use set::{MissingTile, TileLengthError, TileSet};

use std::collections::BTreeSet;

use crate::Hash;
use crate::tree::{Node, TreeSize};

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// How many levels of the tree a tile stands for.
const TILE_HEIGHT: u32 = 8;

/// The highest level of tiles: a tree below 2^63 entries has no node above it.
const MAX_LEVEL: u8 = 7;

/// Where a tile of hashes stands: its level, its place in the level, and how many hashes it has.
///
/// Level 0 has the hashes of the entries; each hash of a higher level is the root of a full tile below. A tile of 256
/// hashes is full, a narrower one is the right end of its level in a tree of a certain size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile at this place; `None` when no tree below 2^63 entries has it.
    pub fn new(level: u8, index: u64, width: u16) -> Option<Self> {
        if level > MAX_LEVEL || width == 0 || width > TILE_WIDTH {
            return None;
        }
        let end = index.checked_mul(u64::from(TILE_WIDTH))?.checked_add(u64::from(width))?;
        (end <= nodes(TreeSize::MAX, level)).then_some(Self { level, index, width })
    }

    /// The tile at this place as a tree of this size has it; `None` when it has none there.
    pub fn in_tree(level: u8, index: u64, size: TreeSize) -> Option<Self> {
        if level > MAX_LEVEL {
            return None;
        }
        let first = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = nodes(size, level).saturating_sub(first).min(u64::from(TILE_WIDTH));
        Self::new(level, index, u16::try_from(width).ok()?)
    }

    /// The level, 0 for the hashes of the entries.
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The place in the level, zero-based.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes it has, 1 to 256.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether it has all its hashes.
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The length of its octets.
    pub const fn length(&self) -> usize {
        self.width as usize * Hash::LENGTH
    }

    /// Reads the hashes of this tile.
    ///
    /// # Errors
    /// [`TileLengthError`] when there are not exactly [`Tile::length`] octets.
    pub fn decode(&self, octets: &[u8]) -> Result<Vec<Hash>, TileLengthError> {
        let (hashes, rest) = octets.as_chunks();
        if octets.len() != self.length() || !rest.is_empty() {
            return Err(TileLengthError { tile: *self, octets: octets.len() });
        }
        Ok(hashes.iter().copied().map(Hash::from_bytes).collect())
    }

    /// The partial tiles at the right end of a tree of this size, from level 0 up.
    pub(crate) fn partial(size: TreeSize) -> impl Iterator<Item = Self> {
        (0..=MAX_LEVEL).filter_map(move |level| {
            let index = nodes(size, level) / u64::from(TILE_WIDTH);
            Self::in_tree(level, index, size)
        })
    }

    /// The tiles that a tree of the newer size has, and one of the older size has not.
    pub(crate) fn between(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Self> {
        (0..=MAX_LEVEL).flat_map(move |level| {
            let (old_end, end) = (nodes(old, level), nodes(new, level));
            let width = u64::from(TILE_WIDTH);
            let range = if old_end < end { old_end / width..end.div_ceil(width) } else { 0..0 };
            range.filter_map(move |index| Self::in_tree(level, index, new))
        })
    }

    /// The tiles in which a tree of this size has these nodes, each once.
    pub(crate) fn holding(nodes: impl Iterator<Item = Node>, size: TreeSize) -> Vec<Self> {
        let places: BTreeSet<_> = nodes.map(|node| Place::of(node).tile).collect();
        places.into_iter().filter_map(|(level, index)| Self::in_tree(level, index, size)).collect()
    }
}

/// How many hashes a level of tiles has in a tree of this size.
fn nodes(size: TreeSize, level: u8) -> u64 {
    size.value() >> (TILE_HEIGHT * u32::from(level))
}

/// Which hashes of which tile have a node as their root.
struct Place {
    tile: (u8, u64),
    start: usize,
    count: usize,
}

impl Place {
    fn of(node: Node) -> Self {
        let above = node.level % TILE_HEIGHT;
        // The node's place in its tile, in units of 2^above hashes; at most 255, whatever the node.
        let within = node.index & ((1 << (TILE_HEIGHT - above)) - 1);
        Self {
            tile: ((node.level / TILE_HEIGHT) as u8, node.index >> (TILE_HEIGHT - above)),
            start: (within as usize) << above,
            count: 1 << above,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn size(number: u64) -> TreeSize {
        number.try_into().unwrap()
    }

    /// The example of tlog-tiles, "Partial Tiles".
    #[test]
    fn seventy_thousand_entries() {
        let tree = size(70_000);
        assert!(Tile::in_tree(0, 272, tree).unwrap().is_full());
        let partial: Vec<_> =
            Tile::partial(tree).map(|tile| (tile.level, tile.index, tile.width)).collect();
        assert_eq!(partial, [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);
        assert!(Tile::in_tree(1, 0, tree).unwrap().is_full());
        let partial: Vec<_> =
            Tile::partial(size(256)).map(|tile| (tile.level, tile.index, tile.width)).collect();
        assert_eq!(partial, [(1, 0, 1)]);
        assert_eq!(Tile::partial(TreeSize::ZERO).count(), 0);
    }

    #[test]
    fn tiles_that_no_tree_has() {
        assert!(Tile::new(0, 0, 1).is_some());
        assert!(Tile::new(0, 0, 0).is_none());
        assert!(Tile::new(0, 0, 257).is_none());
        assert!(Tile::new(8, 0, 1).is_none());
        assert!(Tile::new(0, u64::MAX, 1).is_none());
        assert!(Tile::new(7, 0, 127).is_some());
        assert!(Tile::new(7, 0, 128).is_none());
        assert!(Tile::new(0, (1 << 55) - 1, 255).is_some());
        assert!(Tile::new(0, (1 << 55) - 1, 256).is_none());
        assert!(Tile::in_tree(0, 1, size(256)).is_none());
        assert!(Tile::in_tree(9, 0, TreeSize::MAX).is_none());
        assert!(Tile::in_tree(0, u64::MAX, TreeSize::MAX).is_none());
    }

    #[test]
    fn a_tile_has_exactly_its_length() {
        let tile = Tile::new(0, 3, 2).unwrap();
        assert_eq!(tile.decode(&[7; 64]).unwrap(), [Hash::from_bytes([7; 32]); 2]);
        for octets in [0, 32, 63, 65, 96] {
            let error = tile.decode(&vec![0; octets]).unwrap_err();
            assert_eq!(error, TileLengthError { tile, octets });
        }
    }
}
