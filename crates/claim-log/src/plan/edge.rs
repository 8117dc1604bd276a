//! The right edge of a log: everything that the next batch can still change.

use super::Object;
use crate::Hash;
use crate::hash::subtree_hash;
use crate::tile::{
    Bundle, BundleError, Entry, MissingTile, Resource, TILE_WIDTH, Tile, TileLengthError, TileSet,
};
use crate::tree::{Frontier, LeafIndex, LogFull, Node, TreeHead, TreeSize, cover};

/// The right edge of a log: its partial tiles and its partial bundle of entries.
///
/// It is what the planning of the next batch needs, at most some kilobytes for each level of tiles and the entries of
/// one bundle. It need not be kept: it can be [loaded](Edge::load) from the log's own files, and is checked then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    frontier: Frontier,
    /// The hashes of the partial tile of each level, below 256 each.
    levels: Vec<Vec<Hash>>,
    /// The partial bundle.
    bundle: Vec<u8>,
}

/// Why the edge of a log cannot be loaded: its files are missing, damaged, or those of another log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// A tile is missing.
    #[error(transparent)]
    MissingTile(#[from] MissingTile),
    /// The partial bundle of entries is missing.
    #[error("the entries {} are missing", Resource::Entries(*.bundle))]
    MissingBundle {
        /// Which one.
        bundle: Bundle,
    },
    /// A tile has the wrong length.
    #[error(transparent)]
    Tile(#[from] TileLengthError),
    /// The bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// An entry of the bundle is not the one that the tile of level 0 has the hash of.
    #[error("the entry {index} is not the one in the tree")]
    Entry {
        /// The entry, by its place in the log.
        index: LeafIndex,
    },
    /// The tiles lead to another root than the head has.
    #[error("the tiles lead to the root {found}, not to {expected}")]
    Root {
        /// The root of the head.
        expected: Hash,
        /// The root of the tiles.
        found: Hash,
    },
}

impl Edge {
    /// That of a log without entries.
    pub const fn empty() -> Self {
        Self { frontier: Frontier::empty(), levels: Vec::new(), bundle: Vec::new() }
    }

    /// Which files [`Edge::load`] needs for a log of this size: at most one tile a level, and one bundle.
    pub fn resources(size: TreeSize) -> Vec<Resource> {
        let bundle = partial_bundle(size).map(Resource::Entries);
        bundle.into_iter().chain(Tile::partial(size).map(Resource::Tile)).collect()
    }

    /// The edge of a log with this head, from its [files](Edge::resources) (others are ignored).
    ///
    /// The files need not be believed: that they belong to the head is checked.
    ///
    /// # Errors
    /// [`EdgeError`].
    pub fn load(head: TreeHead, files: &[Object]) -> Result<Self, EdgeError> {
        let mut tiles = TileSet::default();
        for file in files {
            if let Resource::Tile(tile) = file.resource {
                tiles.insert(tile, &file.octets)?;
            }
        }
        let levels = partial_levels(head.size, &tiles)?;
        let frontier = Frontier::from_subtrees(head.size, subtrees(&levels));
        if frontier.root() != head.root {
            return Err(EdgeError::Root { expected: head.root, found: frontier.root() });
        }
        let leaves = levels.first().map(Vec::as_slice).unwrap_or_default();
        let bundle = match partial_bundle(head.size) {
            Some(bundle) => load_bundle(bundle, leaves, files)?,
            None => Vec::new(),
        };
        Ok(Self { frontier, levels, bundle })
    }

    /// Size and root of the log.
    pub fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    /// Appends one entry; what becomes full is added to the files.
    pub(super) fn append(&mut self, entry: &Entry, files: &mut Vec<Object>) -> Result<(), LogFull> {
        let place = self.frontier.size().value() / u64::from(TILE_WIDTH);
        let mut hash = entry.leaf_hash();
        self.frontier.append(hash)?;
        entry.encode(&mut self.bundle);
        for level in 0_u8.. {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(usize::from(level)) else { break };
            hashes.push(hash);
            if hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            // A full tile: written for good, and its root moves up.
            let full = std::mem::take(hashes);
            hash = subtree_hash(&full);
            let index = place >> (8 * u32::from(level));
            if level == 0
                && let Some(bundle) = Bundle::new(index, TILE_WIDTH)
            {
                let octets = std::mem::take(&mut self.bundle);
                files.push(Object { resource: Resource::Entries(bundle), octets });
            }
            if let Some(tile) = Tile::new(level, index, TILE_WIDTH) {
                files.push(Object { resource: Resource::Tile(tile), octets: octets(&full) });
            }
        }
        Ok(())
    }

    /// Adds the partial files that a log of the present size has, and one of the older size has not.
    pub(super) fn write_partial(&self, old: TreeSize, files: &mut Vec<Object>) {
        let size = self.frontier.size();
        if size == old {
            return;
        }
        if let Some(bundle) = partial_bundle(size) {
            let resource = Resource::Entries(bundle);
            files.push(Object { resource, octets: self.bundle.clone() });
        }
        for tile in Tile::partial(size) {
            let unchanged = Tile::in_tree(tile.level(), tile.index(), old) == Some(tile);
            if let (false, Some(hashes)) = (unchanged, self.levels.get(usize::from(tile.level()))) {
                files.push(Object { resource: Resource::Tile(tile), octets: octets(hashes) });
            }
        }
    }
}

/// The partial bundle of a log of this size, if its last one is not full.
fn partial_bundle(size: TreeSize) -> Option<Bundle> {
    Bundle::in_tree(size.value() / u64::from(TILE_WIDTH), size)
}

/// The hashes of the partial tile of each level, from level 0 up; empty where a level has none.
fn partial_levels(size: TreeSize, tiles: &TileSet) -> Result<Vec<Vec<Hash>>, MissingTile> {
    let mut levels = Vec::new();
    for tile in Tile::partial(size) {
        levels.resize_with(usize::from(tile.level()), Vec::new);
        levels.push(tiles.hashes(tile)?.to_vec());
    }
    Ok(levels)
}

/// The roots of the complete subtrees at the right edge, from large to small.
pub(crate) fn subtrees(levels: &[Vec<Hash>]) -> Vec<Hash> {
    let in_tile = |hashes: &Vec<Hash>| {
        let nodes = cover(0..hashes.len() as u64);
        let root = |Node { level, index }: Node| {
            let start = usize::try_from(index << level).ok()?;
            Some(subtree_hash(hashes.get(start..start + (1 << level))?))
        };
        nodes.into_iter().filter_map(root).collect::<Vec<_>>()
    };
    levels.iter().rev().flat_map(in_tile).collect()
}

fn load_bundle(bundle: Bundle, leaves: &[Hash], files: &[Object]) -> Result<Vec<u8>, EdgeError> {
    let file = files
        .iter()
        .find(|file| file.resource == Resource::Entries(bundle))
        .ok_or(EdgeError::MissingBundle { bundle })?;
    for (place, (entry, leaf)) in (0..).zip(bundle.decode(&file.octets)?.iter().zip(leaves)) {
        if entry.leaf_hash() != *leaf {
            return Err(EdgeError::Entry { index: bundle.entry(place) });
        }
    }
    Ok(file.octets.clone())
}

fn octets(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]
    use super::*;

    fn grown(entries: u64) -> (Edge, Vec<Object>) {
        let entries: Vec<_> =
            (0..entries).map(|number| Entry::new(number.to_be_bytes()).unwrap()).collect();
        let plan = Edge::empty().plan(&entries).unwrap();
        let (files, edge) = plan.into_parts();
        (edge, files)
    }

    #[test]
    fn an_edge_is_loaded_from_the_files_of_the_log() {
        for size in [0, 1, 2, 255, 256, 257, 511, 512, 700, 65_536, 66_000] {
            let (edge, files) = grown(size);
            let needed = Edge::resources(edge.head().size);
            let files: Vec<_> =
                files.into_iter().filter(|file| needed.contains(&file.resource)).collect();
            assert_eq!(files.len(), needed.len());
            let loaded = Edge::load(edge.head(), &files).unwrap();
            assert_eq!(loaded.head(), edge.head(), "{size}");
            let next = [Entry::new(*b"next").unwrap()];
            assert_eq!(
                loaded.plan(&next).unwrap().objects(),
                edge.plan(&next).unwrap().objects(),
                "{size}"
            );
        }
    }

    #[test]
    fn damaged_files_are_noticed() {
        let (edge, files) = grown(700);
        let needed = Edge::resources(edge.head().size);
        for (missing, resource) in needed.iter().enumerate() {
            let mut some: Vec<_> =
                files.iter().filter(|file| needed.contains(&file.resource)).cloned().collect();
            let place = some.iter().position(|file| file.resource == *resource).unwrap();
            some[place].octets[5] ^= 1;
            let error = Edge::load(edge.head(), &some).unwrap_err();
            assert_eq!(
                matches!(error, EdgeError::Root { .. }),
                matches!(resource, Resource::Tile(_)),
                "{error}"
            );
            assert_eq!(
                matches!(error, EdgeError::Entry { .. }),
                matches!(resource, Resource::Entries(_)),
                "{error}"
            );
            some[place].octets.pop();
            let error = Edge::load(edge.head(), &some).unwrap_err();
            assert!(matches!(error, EdgeError::Tile(_) | EdgeError::Bundle(_)), "{error}");
            some.remove(place);
            let error = Edge::load(edge.head(), &some).unwrap_err();
            match resource {
                Resource::Tile(tile) => {
                    assert_eq!(error, EdgeError::MissingTile(MissingTile { tile: *tile }));
                }
                Resource::Entries(bundle) => {
                    assert_eq!(error, EdgeError::MissingBundle { bundle: *bundle });
                }
                Resource::Checkpoint => panic!("{missing}: a checkpoint is not needed"),
            }
        }
    }
}
