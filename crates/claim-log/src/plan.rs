//! Planning a batch: which files a log has to write to grow by some entries. Nothing here writes them.

mod edge;

pub(crate) use edge::subtrees;
pub use edge::{Edge, EdgeError};

use crate::tile::{Bundle, Entry, Resource, Tile};
use crate::tree::{LeafIndex, LogFull, TreeHead, TreeSize};

/// A file of the log: its name and its octets, which never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Under which name it is served.
    pub resource: Resource,
    /// What it contains.
    pub octets: Vec<u8>,
}

/// What appending one batch amounts to: the new head, and every file that the log then has and had not before.
///
/// The same edge and entries always give the same plan, octet for octet: an interrupted batch is simply planned and
/// written again. See the [crate's documentation](crate#growing-a-log) for the order of writing.
#[derive(Clone, Debug)]
pub struct Plan {
    before: TreeHead,
    objects: Vec<Object>,
    edge: Edge,
}

impl Edge {
    /// Plans to append these entries, in this order.
    ///
    /// # Errors
    /// [`LogFull`].
    pub fn plan(&self, entries: &[Entry]) -> Result<Plan, LogFull> {
        let before = self.head();
        let mut edge = self.clone();
        let mut objects = Vec::new();
        for entry in entries {
            edge.append(entry, &mut objects)?;
        }
        edge.write_partial(before.size, &mut objects);
        Ok(Plan { before, objects, edge })
    }
}

impl Plan {
    /// The head before the batch: the one that must still be in the database when the new one replaces it.
    pub const fn before(&self) -> TreeHead {
        self.before
    }

    /// The head after the batch.
    pub fn head(&self) -> TreeHead {
        self.edge.head()
    }

    /// The index that the first entry of the batch gets; the others follow.
    pub fn first_index(&self) -> LeafIndex {
        LeafIndex::try_from(self.before.size.value()).unwrap_or(LeafIndex::LAST)
    }

    /// The files to write: full tiles and bundles, and the partial ones that a tree of the new size has.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The edge after the batch, from which the next one is planned.
    pub const fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The files, and the edge after the batch.
    pub fn into_parts(self) -> (Vec<Object>, Edge) {
        (self.objects, self.edge)
    }
}

/// Which files a log must have when it publishes a checkpoint of the newer size and had all those of the older one.
///
/// It is what a [`Plan`] contains, told without the entries: for looking whether a batch was written completely.
pub fn resources_between(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Resource> {
    Tile::between(old, new).flat_map(|tile| {
        let bundle = if tile.level() == 0 { Bundle::new(tile.index(), tile.width()) } else { None };
        bundle.map(Resource::Entries).into_iter().chain([Resource::Tile(tile)])
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn entries(numbers: std::ops::Range<u64>) -> Vec<Entry> {
        numbers.map(|number| Entry::new(number.to_be_bytes()).unwrap()).collect()
    }

    #[test]
    fn a_batch_says_what_to_write() {
        let plan = Edge::empty().plan(&entries(0..3)).unwrap();
        let names: Vec<_> =
            plan.objects().iter().map(|object| object.resource.to_string()).collect();
        assert_eq!(names, ["tile/entries/000.p/3", "tile/0/000.p/3"]);
        assert_eq!(plan.before(), TreeHead::EMPTY);
        assert_eq!(plan.first_index().value(), 0);
        assert_eq!(plan.head().size.value(), 3);

        let plan = plan.edge().plan(&entries(3..300)).unwrap();
        let names: Vec<_> =
            plan.objects().iter().map(|object| object.resource.to_string()).collect();
        let expected = [
            "tile/entries/000",
            "tile/0/000",
            "tile/entries/001.p/44",
            "tile/0/001.p/44",
            "tile/1/000.p/1",
        ];
        assert_eq!(names, expected);
        assert_eq!(plan.first_index().value(), 3);
    }

    #[test]
    fn what_did_not_change_is_not_written_again() {
        let edge = Edge::empty().plan(&entries(0..300)).unwrap().into_parts().1;
        let plan = edge.plan(&entries(300..301)).unwrap();
        let names: Vec<_> =
            plan.objects().iter().map(|object| object.resource.to_string()).collect();
        assert_eq!(names, ["tile/entries/001.p/45", "tile/0/001.p/45"]);
        let none = edge.plan(&[]).unwrap();
        assert!(none.objects().is_empty());
        assert_eq!(none.head(), edge.head());
    }

    #[test]
    fn the_names_are_known_beforehand() {
        for (old, new) in [(0, 0), (0, 1), (3, 300), (255, 256), (256, 257), (300, 66_000)] {
            let edge = Edge::empty().plan(&entries(0..old)).unwrap().into_parts().1;
            let plan = edge.plan(&entries(old..new)).unwrap();
            let mut planned: Vec<_> = plan.objects().iter().map(|object| object.resource).collect();
            let mut told: Vec<_> =
                resources_between(old.try_into().unwrap(), new.try_into().unwrap()).collect();
            planned.sort_unstable();
            told.sort_unstable();
            assert_eq!(planned, told, "{old} to {new}");
        }
    }
}
