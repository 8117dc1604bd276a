//! Entries, and the bundles in which they are published.

use std::fmt;

use super::{TILE_WIDTH, Tile};
use crate::tree::{LeafIndex, TreeSize};
use crate::{Hash, leaf_hash};

/// The most octets an entry can have: its length must fit 16 bits.
pub const MAX_ENTRY_LENGTH: usize = 0xffff;

/// The most octets a bundle can have: 256 entries, each with its length before it.
///
/// Whoever fetches a bundle stops reading there.
pub const MAX_BUNDLE_LENGTH: usize = TILE_WIDTH as usize * (2 + MAX_ENTRY_LENGTH);

/// What one leaf of the log says: up to [`MAX_ENTRY_LENGTH`] octets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Entry(Vec<u8>);

/// An entry is longer than a log can publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry has at most {MAX_ENTRY_LENGTH} octets, this one has {octets}")]
pub struct EntryTooLong {
    /// How many octets it has.
    pub octets: usize,
}

/// Where a bundle of entries stands: it goes with the tile of level 0 at the same place and of the same width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle(Tile);

/// Why octets are not a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It ends within an entry, or before it has as many as it must have.
    #[error("the bundle ends before entry {index} is complete")]
    Truncated {
        /// The entry that is not complete, by its place in the log.
        index: LeafIndex,
    },
    /// Something stands behind the last entry.
    #[error("{octets} octets stand behind the last entry of the bundle")]
    Trailing {
        /// How many octets too many.
        octets: usize,
    },
}

impl Entry {
    /// The entry with these octets.
    ///
    /// # Errors
    /// [`EntryTooLong`].
    pub fn new(octets: impl Into<Vec<u8>>) -> Result<Self, EntryTooLong> {
        let octets = octets.into();
        if octets.len() > MAX_ENTRY_LENGTH {
            return Err(EntryTooLong { octets: octets.len() });
        }
        Ok(Self(octets))
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash that stands for it in the tree.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.0)
    }

    /// Appends it to the octets of a bundle.
    pub(crate) fn encode(&self, bundle: &mut Vec<u8>) {
        // `new` and `decode` have seen to it that the length fits.
        let length = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(&self.0);
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry(\"{}\")", self.0.escape_ascii())
    }
}

impl Bundle {
    /// The bundle at this place, with so many entries (1 to 256); `None` when no log below 2^63 entries has it.
    pub fn new(index: u64, width: u16) -> Option<Self> {
        Tile::new(0, index, width).map(Self)
    }

    /// The bundle at this place as a log of this size has it; `None` when it has none there.
    pub fn in_tree(index: u64, size: TreeSize) -> Option<Self> {
        Tile::in_tree(0, index, size).map(Self)
    }

    /// The place, zero-based.
    pub const fn index(&self) -> u64 {
        self.0.index()
    }

    /// How many entries it has, 1 to 256.
    pub const fn width(&self) -> u16 {
        self.0.width()
    }

    /// The tile of level 0 that has the hashes of these entries.
    pub const fn tile(&self) -> Tile {
        self.0
    }

    /// The place in the log of the entry that stands at a place of the bundle.
    pub fn entry(&self, place: u16) -> LeafIndex {
        let index = self.index() * u64::from(TILE_WIDTH) + u64::from(place.min(TILE_WIDTH - 1));
        LeafIndex::try_from(index).unwrap_or(LeafIndex::LAST)
    }

    /// Writes entries as a bundle: each with its length, 16 bits big-endian, before it.
    pub fn encode(entries: &[Entry]) -> Vec<u8> {
        let mut octets = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.0.len()).sum());
        for entry in entries {
            entry.encode(&mut octets);
        }
        octets
    }

    /// Reads exactly the entries of this bundle.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn decode(&self, octets: &[u8]) -> Result<Vec<Entry>, BundleError> {
        let mut entries = Vec::with_capacity(usize::from(self.width()));
        let mut rest = octets;
        for place in 0..self.width() {
            let (entry, after) =
                split_entry(rest).ok_or(BundleError::Truncated { index: self.entry(place) })?;
            entries.push(Entry(entry.to_vec()));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(BundleError::Trailing { octets: rest.len() });
        }
        Ok(entries)
    }
}

fn split_entry(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn bundles_and_back() {
        let bundle = Bundle::new(2, 3).unwrap();
        let entries = [b"a".to_vec(), vec![], vec![7; MAX_ENTRY_LENGTH]]
            .map(|octets| Entry::new(octets).unwrap());
        let octets = Bundle::encode(&entries);
        assert_eq!(octets.get(..6), Some([0, 1, b'a', 0, 0, 0xff].as_slice()));
        assert_eq!(bundle.decode(&octets).unwrap(), entries);
    }

    #[test]
    fn damaged_bundles() {
        let bundle = Bundle::new(2, 2).unwrap();
        let octets = Bundle::encode(&[Entry::new(*b"ab").unwrap(), Entry::new(*b"c").unwrap()]);
        for length in 0..octets.len() {
            let index = bundle.entry(if length < 4 { 0 } else { 1 });
            let error = bundle.decode(octets.get(..length).unwrap()).unwrap_err();
            assert_eq!(error, BundleError::Truncated { index }, "{length}");
        }
        assert_eq!(bundle.entry(1).value(), 513);
        let longer = [octets.as_slice(), &[0, 0]].concat();
        assert_eq!(bundle.decode(&longer).unwrap_err(), BundleError::Trailing { octets: 2 });
    }

    #[test]
    fn long_entries() {
        assert!(Entry::new(vec![0; MAX_ENTRY_LENGTH]).is_ok());
        let octets = MAX_ENTRY_LENGTH + 1;
        assert_eq!(Entry::new(vec![0; octets]), Err(EntryTooLong { octets }));
    }

    #[test]
    fn entries_print_escaped() {
        let entry = Entry::new(b"claim\n\x1b[31m".to_vec()).unwrap();
        assert_eq!(format!("{entry:?}"), r#"Entry("claim\n\x1b[31m")"#);
    }
}
