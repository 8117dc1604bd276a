//! What an audit remembers of the tiles it has seen.

use crate::Hash;
use crate::hash::subtree_hash;
use crate::plan::subtrees;
use crate::tile::Tile;
use crate::tree::fold;

/// The tiles as they are served, level by level; `None` stands for a tile that was missing or malformed.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// For each level, the roots of the full tiles below that have no tile of this level yet.
    roots: Vec<Vec<Option<Hash>>>,
    /// For each level, the hashes of its partial tile.
    partial: Vec<Option<Vec<Hash>>>,
}

impl Levels {
    /// The roots of the full tiles that stand directly below the next tile of this level.
    pub(super) fn roots_below(&self, level: u8) -> &[Option<Hash>] {
        self.roots.get(usize::from(level)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Adds the next tile of its level.
    pub(super) fn add(&mut self, tile: Tile, hashes: Option<Vec<Hash>>) {
        let level = usize::from(tile.level());
        if self.roots.len() < level + 2 {
            self.roots.resize_with(level + 2, Vec::new);
        }
        if let Some(roots) = self.roots.get_mut(level) {
            roots.clear();
        }
        if tile.is_full() {
            if let Some(above) = self.roots.get_mut(level + 1) {
                above.push(hashes.as_deref().map(subtree_hash));
            }
            return;
        }
        if self.partial.len() <= level {
            self.partial.resize_with(level + 1, || Some(Vec::new()));
        }
        if let Some(partial) = self.partial.get_mut(level) {
            *partial = hashes;
        }
    }

    /// The root that the partial tiles lead to; `None` when one of them was missing or malformed.
    pub(super) fn root(&self) -> Option<Hash> {
        let levels: Vec<Vec<Hash>> = self.partial.iter().cloned().collect::<Option<_>>()?;
        Some(fold(&subtrees(&levels)))
    }
}
