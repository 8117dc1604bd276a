//! Reading a whole log, and finding what is wrong with it.
//!
//! An [`Audit`] asks for the log's files one after the other, bundles of entries and tiles, and computes everything
//! again: the hash of each entry, each hash of each tile, the root; it compares with the checkpoint, and with the
//! checkpoints that the auditor has seen before: the one from last time, those in receipts. It holds a few tiles at a time, however large the log is.
//!
//! ```text
//! let mut audit = Audit::new(checkpoint, remembered)?;
//! while let Some(resource) = audit.wanted() {
//!     audit.supply(fetch(resource));
//! }
//! let report = audit.finish();
//! ```
//!
//! [`resources`] tells in advance what will be asked for, in the same order, for fetching ahead.

mod finding;
mod levels;
mod order;

pub use finding::{Conclusion, Finding, Report};
pub use order::{Resources, resources};

use self::levels::Levels;
use crate::checkpoint::LogSigned;
use crate::tile::{Bundle, Resource, Tile};
use crate::tree::{Frontier, TreeHead};
use crate::{Hash, TILE_WIDTH};

/// The most findings that a report lists; of the others it gives the number.
pub const MAX_FINDINGS: usize = 1000;

/// An audit under way.
#[derive(Debug)]
pub struct Audit {
    checkpoint: LogSigned,
    earlier: Vec<Earlier>,
    remaining: Resources,
    wanted: Option<Resource>,
    /// The tree of the entries as they are served; `None` once a bundle was missing or malformed.
    entries: Option<Frontier>,
    /// The hashes of the entries of the last bundle.
    leaves: Vec<Hash>,
    tiles: Levels,
    findings: Vec<Finding>,
    omitted: usize,
}

/// A checkpoint that the auditor has seen before.
#[derive(Debug)]
struct Earlier {
    head: TreeHead,
    /// The root of the entries when there were as many.
    root_then: Option<Hash>,
}

/// The remembered checkpoint is not one of the log that is to be audited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the remembered checkpoint is that of {remembered}, the log to be audited is {audited}")]
pub struct OtherLog {
    /// The origin of the remembered checkpoint.
    pub remembered: String,
    /// The origin of the log to be audited.
    pub audited: String,
}

impl Audit {
    /// Begins to audit the log at this checkpoint, which must be consistent with those that were seen before.
    ///
    /// # Errors
    /// [`OtherLog`] when they are not all signed by one key.
    pub fn new(
        checkpoint: LogSigned,
        seen: impl IntoIterator<Item = LogSigned>,
    ) -> Result<Self, OtherLog> {
        let seen: Vec<LogSigned> = seen.into_iter().collect();
        if let Some(remembered) = seen.iter().find(|one| one.key() != checkpoint.key()) {
            return Err(OtherLog {
                remembered: remembered.checkpoint().origin().to_owned(),
                audited: checkpoint.checkpoint().origin().to_owned(),
            });
        }
        let mut heads: Vec<TreeHead> = Vec::new();
        for head in seen.iter().map(LogSigned::head) {
            if !heads.contains(&head) {
                heads.push(head);
            }
        }
        let mut remaining = resources(checkpoint.head().size);
        let mut audit = Self {
            wanted: remaining.next(),
            checkpoint,
            earlier: heads.into_iter().map(|head| Earlier { head, root_then: None }).collect(),
            remaining,
            entries: Some(Frontier::empty()),
            leaves: Vec::new(),
            tiles: Levels::default(),
            findings: Vec::new(),
            omitted: 0,
        };
        audit.note_root_then(&Frontier::empty());
        Ok(audit)
    }

    /// The file that is needed next; `None` when all were supplied.
    pub const fn wanted(&self) -> Option<Resource> {
        self.wanted
    }

    /// Supplies the file that is [wanted](Self::wanted): its octets, or `None` when the log does not have it.
    ///
    /// When nothing is wanted any more, nothing happens.
    pub fn supply(&mut self, octets: Option<&[u8]>) {
        match self.wanted {
            Some(Resource::Entries(bundle)) => self.bundle(bundle, octets),
            Some(Resource::Tile(tile)) => self.tile(tile, octets),
            Some(Resource::Checkpoint) | None => {}
        }
        self.wanted = self.remaining.next();
    }

    /// The result. What is still [wanted](Self::wanted) counts as missing.
    pub fn finish(mut self) -> Report {
        while self.wanted.is_some() {
            self.supply(None);
        }
        let head = self.checkpoint.head();
        let from_entries = self.entries.as_ref().map(Frontier::root);
        let from_tiles = self.tiles.root();
        if from_entries != Some(head.root) || from_tiles != Some(head.root) {
            self.find(Finding::Root { head, from_entries, from_tiles });
        }
        for earlier in std::mem::take(&mut self.earlier) {
            self.compare_with(&earlier, head);
        }
        Report::new(head, from_entries, from_tiles, self.findings, self.omitted)
    }

    fn compare_with(&mut self, earlier: &Earlier, head: TreeHead) {
        let remembered = earlier.head;
        if remembered.size > head.size {
            self.find(Finding::Shrunk { remembered, head });
        } else if remembered.size == head.size && remembered.root != head.root {
            self.find(Finding::Forked { remembered, head });
        } else if let Some(found) = earlier.root_then.filter(|root| *root != remembered.root) {
            self.find(Finding::Rewritten { remembered, found });
        }
    }

    fn bundle(&mut self, bundle: Bundle, octets: Option<&[u8]>) {
        self.leaves.clear();
        let resource = Resource::Entries(bundle);
        let Some(octets) = octets else {
            self.entries = None;
            return self.find(Finding::Missing { resource });
        };
        match bundle.decode(octets) {
            Ok(entries) => {
                self.leaves.extend(entries.iter().map(crate::Entry::leaf_hash));
                self.append_leaves();
            }
            Err(error) => {
                self.entries = None;
                self.find(Finding::Bundle { bundle, error });
            }
        }
    }

    fn append_leaves(&mut self) {
        let Some(mut tree) = self.entries.take() else { return };
        for leaf in std::mem::take(&mut self.leaves) {
            self.leaves.push(leaf);
            // A log is never longer than its checkpoint says, which is at most the largest tree.
            if tree.append(leaf).is_err() {
                return;
            }
            self.note_root_then(&tree);
        }
        self.entries = Some(tree);
    }

    fn note_root_then(&mut self, tree: &Frontier) {
        for earlier in &mut self.earlier {
            if earlier.head.size == tree.size() {
                earlier.root_then = Some(tree.root());
            }
        }
    }

    fn tile(&mut self, tile: Tile, octets: Option<&[u8]>) {
        let hashes = match octets.map(|octets| tile.decode(octets)) {
            Some(Ok(hashes)) => Some(hashes),
            Some(Err(error)) => {
                self.find(Finding::Tile { error });
                None
            }
            None => {
                self.find(Finding::Missing { resource: Resource::Tile(tile) });
                None
            }
        };
        if let Some(hashes) = &hashes {
            self.compare_with_below(tile, hashes);
        }
        self.tiles.add(tile, hashes);
    }

    /// Compares the hashes of a tile with what they must be, computed from the files one level below.
    fn compare_with_below(&mut self, tile: Tile, hashes: &[Hash]) {
        let below: Vec<Option<Hash>> = match tile.level() {
            0 => self.leaves.iter().copied().map(Some).collect(),
            level => self.tiles.roots_below(level).to_vec(),
        };
        for (place, (found, computed)) in (0_u16..).zip(hashes.iter().zip(below)) {
            let Some(computed) = computed.filter(|computed| computed != found) else { continue };
            let found = *found;
            match (tile.level(), Bundle::new(tile.index(), tile.width())) {
                (0, Some(bundle)) => {
                    self.find(Finding::Entry { index: bundle.entry(place), computed, found });
                }
                (level, _) => {
                    let index = tile.index() * u64::from(TILE_WIDTH) + u64::from(place);
                    if let Some(below) = Tile::new(level.saturating_sub(1), index, TILE_WIDTH) {
                        self.find(Finding::Hash { tile, place, below, computed, found });
                    }
                }
            }
        }
    }

    fn find(&mut self, finding: Finding) {
        // The findings about the whole log come last and must not be crowded out by those about single entries.
        if self.findings.len() < MAX_FINDINGS || finding.is_about_the_log() {
            self.findings.push(finding);
        } else {
            self.omitted += 1;
        }
    }
}

#[cfg(test)]
mod tests;
