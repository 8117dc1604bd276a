//! Tiles that somebody fetched, to make proofs of.

use std::collections::BTreeMap;

use super::{Place, Tile};
use crate::Hash;
use crate::hash::subtree_hash;
use crate::tree::{Node, TreeSize};

/// Tiles of one log, as they were fetched: what a proof is made of.
///
/// They are believed. Of one place only the widest is kept, as it begins with all narrower ones.
#[derive(Clone, Debug, Default)]
pub struct TileSet(BTreeMap<(u8, u64), Vec<Hash>>);

/// A tile has not the length that its width asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tile {} must have {} octets, it has {octets}", crate::Resource::Tile(*.tile), .tile.length())]
pub struct TileLengthError {
    /// The tile.
    pub tile: Tile,
    /// How many octets were given.
    pub octets: usize,
}

/// A tile that is needed was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tile {} is missing", crate::Resource::Tile(*.tile))]
pub struct MissingTile {
    /// Which one; a wider one of the same place serves as well.
    pub tile: Tile,
}

impl TileSet {
    /// Adds a tile.
    ///
    /// # Errors
    /// [`TileLengthError`].
    pub fn insert(&mut self, tile: Tile, octets: &[u8]) -> Result<(), TileLengthError> {
        let hashes = tile.decode(octets)?;
        let kept = self.0.entry((tile.level(), tile.index())).or_default();
        if kept.len() < hashes.len() {
            *kept = hashes;
        }
        Ok(())
    }

    /// The hashes of a tile, from it or from a wider one of the same place.
    ///
    /// # Errors
    /// [`MissingTile`].
    pub fn hashes(&self, tile: Tile) -> Result<&[Hash], MissingTile> {
        self.0
            .get(&(tile.level(), tile.index()))
            .and_then(|hashes| hashes.get(..usize::from(tile.width())))
            .ok_or(MissingTile { tile })
    }

    /// The hash of a node that a tree of this size has.
    pub(crate) fn node(&self, node: Node, size: TreeSize) -> Result<Hash, MissingTile> {
        let Place { tile: (level, index), start, count } = Place::of(node);
        let hashes =
            self.0.get(&(level, index)).and_then(|hashes| hashes.get(start..start + count));
        match (hashes, Tile::in_tree(level, index, size)) {
            (Some(hashes), _) => Ok(subtree_hash(hashes)),
            (None, Some(tile)) => Err(MissingTile { tile }),
            // Proofs ask for nodes of the tree only; this names the tile all the same.
            (None, None) => Err(MissingTile { tile: Tile { level, index, width: 1 } }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn the_widest_is_kept() {
        let narrow = Tile::new(0, 0, 2).unwrap();
        let wide = Tile::new(0, 0, 3).unwrap();
        let mut set = TileSet::default();
        set.insert(narrow, &[1; 64]).unwrap();
        assert_eq!(set.hashes(wide), Err(MissingTile { tile: wide }));
        set.insert(wide, &[1; 96]).unwrap();
        set.insert(narrow, &[1; 64]).unwrap();
        assert_eq!(set.hashes(wide).unwrap().len(), 3);
        assert_eq!(set.hashes(narrow).unwrap().len(), 2);
        let elsewhere = Tile::new(1, 0, 1).unwrap();
        assert_eq!(set.hashes(elsewhere), Err(MissingTile { tile: elsewhere }));
    }
}
