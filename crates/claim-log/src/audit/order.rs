//! In which order an audit reads the files of a log.

use std::collections::VecDeque;

use crate::TILE_WIDTH;
use crate::tile::{Bundle, Resource, Tile};
use crate::tree::TreeSize;

/// The files of a log in the order in which an [`Audit`](super::Audit) wants them; made by [`resources`].
#[derive(Clone, Debug)]
pub struct Resources {
    size: TreeSize,
    next: u64,
    pending: VecDeque<Resource>,
    at_end: bool,
}

/// All files that a log of this size has besides its checkpoint: each bundle and its tile, each higher tile once
/// everything below it was there, in the end the partial ones.
pub fn resources(size: TreeSize) -> Resources {
    Resources { size, next: 0, pending: VecDeque::new(), at_end: false }
}

impl Resources {
    fn refill(&mut self) {
        let index = self.next;
        let Some(bundle) = Bundle::in_tree(index, self.size) else {
            if !self.at_end {
                self.at_end = true;
                let higher = Tile::partial(self.size).filter(|tile| tile.level() > 0);
                self.pending.extend(higher.map(Resource::Tile));
            }
            return;
        };
        self.next += 1;
        self.pending.extend([Resource::Entries(bundle), Resource::Tile(bundle.tile())]);
        let mut tile = bundle.tile();
        // A full tile that is the last of 256 completes the one above.
        while tile.is_full() && tile.index() % u64::from(TILE_WIDTH) == u64::from(TILE_WIDTH) - 1 {
            let above = tile.index() / u64::from(TILE_WIDTH);
            let Some(next) = Tile::in_tree(tile.level() + 1, above, self.size) else { break };
            self.pending.push_back(Resource::Tile(next));
            tile = next;
        }
    }
}

impl Iterator for Resources {
    type Item = Resource;

    fn next(&mut self) -> Option<Resource> {
        if self.pending.is_empty() {
            self.refill();
        }
        self.pending.pop_front()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::resources_between;

    #[test]
    fn every_file_once() {
        for size in [0, 1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 131_072, 140_000] {
            let size = TreeSize::try_from(size as u64).unwrap();
            let mut told: Vec<_> = resources(size).collect();
            let mut all: Vec<_> = resources_between(TreeSize::ZERO, size).collect();
            told.sort_unstable();
            all.sort_unstable();
            assert_eq!(told, all, "{size}");
        }
    }

    #[test]
    fn the_largest_log_can_be_begun() {
        let first: Vec<_> =
            resources(TreeSize::MAX).take(3).map(|resource| resource.to_string()).collect();
        assert_eq!(first, ["tile/entries/000", "tile/0/000", "tile/entries/001"]);
    }
}
