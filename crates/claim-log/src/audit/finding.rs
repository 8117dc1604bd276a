//! What an audit finds.

use crate::Hash;
use crate::tile::{Bundle, BundleError, Resource, Tile, TileLengthError};
use crate::tree::{LeafIndex, TreeHead};

/// Something that is wrong with a log. As text it is a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// The log does not have a file that it must have.
    #[error("{resource} is missing")]
    Missing {
        /// Which one.
        resource: Resource,
    },
    /// A bundle of entries cannot be read.
    #[error("{} cannot be read: {error}", Resource::Entries(*.bundle))]
    Bundle {
        /// Which one.
        bundle: Bundle,
        /// Why.
        error: BundleError,
    },
    /// A tile cannot be read.
    #[error("a tile cannot be read: {error}")]
    Tile {
        /// Which one, and why.
        error: TileLengthError,
    },
    /// An entry is not the one whose hash is in the tree.
    #[error(
        "entry {index} is not the one in its tile: its hash is {computed}, the tile has {found}"
    )]
    Entry {
        /// Which one.
        index: LeafIndex,
        /// The hash of the entry as it is served.
        computed: Hash,
        /// The hash in the tile of level 0.
        found: Hash,
    },
    /// A hash in a higher tile is not that of the tile below.
    #[error(
        "hash {place} of {} is {found}, but that of {} is {computed}",
        Resource::Tile(*.tile), Resource::Tile(*.below)
    )]
    Hash {
        /// The higher tile.
        tile: Tile,
        /// Which of its hashes, from 0.
        place: u16,
        /// The tile below.
        below: Tile,
        /// The root of the tile below as it is served.
        computed: Hash,
        /// The hash in the higher tile.
        found: Hash,
    },
    /// The root in the checkpoint is not that of all entries, or not that of the tiles.
    #[error(
        "the checkpoint of {} entries has the root {}; the entries lead to {}, the tiles to {}",
        .head.size, .head.root, or_none(.from_entries), or_none(.from_tiles)
    )]
    Root {
        /// The checkpoint.
        head: TreeHead,
        /// The root of the entries; `None` when some could not be read.
        from_entries: Option<Hash>,
        /// The root of the partial tiles; `None` when some could not be read.
        from_tiles: Option<Hash>,
    },
    /// The log is shorter than it was.
    #[error("the log had {} entries and has {} now: it has forgotten some", .remembered.size, .head.size)]
    Shrunk {
        /// The remembered checkpoint.
        remembered: TreeHead,
        /// The checkpoint.
        head: TreeHead,
    },
    /// The log has signed two trees of the same size.
    #[error(
        "the log has signed two trees of {} entries, with the roots {} and {}: it shows two histories",
        .head.size, .remembered.root, .head.root
    )]
    Forked {
        /// The remembered checkpoint.
        remembered: TreeHead,
        /// The checkpoint.
        head: TreeHead,
    },
    /// The first entries are not those that the remembered checkpoint was signed over.
    #[error(
        "the first {} entries had the root {} and have {found} now: the log has rewritten its past",
        .remembered.size, .remembered.root
    )]
    Rewritten {
        /// The remembered checkpoint.
        remembered: TreeHead,
        /// The root of as many entries as they are served now.
        found: Hash,
    },
}

impl Finding {
    /// Whether it is about the log as a whole rather than about one of its files.
    pub(super) const fn is_about_the_log(&self) -> bool {
        matches!(
            self,
            Self::Root { .. } | Self::Shrunk { .. } | Self::Forked { .. } | Self::Rewritten { .. }
        )
    }

    const fn is_about_the_past(&self) -> bool {
        matches!(self, Self::Shrunk { .. } | Self::Forked { .. } | Self::Rewritten { .. })
    }
}

fn or_none(root: &Option<Hash>) -> String {
    root.map_or_else(|| "none, as some cannot be read".to_owned(), |root| root.to_string())
}

/// What follows from the findings. As text it is a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conclusion {
    /// Nothing is wrong.
    #[error("entries, tiles and checkpoint agree")]
    Sound,
    /// The log contradicts the checkpoint that the auditor remembers, which it has signed as well.
    #[error("the log contradicts a checkpoint that it has signed before")]
    Contradiction,
    /// The entries lead to the checkpoint: the tiles named are wrong.
    #[error("the entries are those of the checkpoint; tiles are damaged")]
    Tiles,
    /// The tiles lead to the checkpoint: the entries named are wrong.
    #[error("the tiles are those of the checkpoint; entries are damaged or were changed")]
    Entries,
    /// Entries and tiles agree with each other and not with the checkpoint.
    #[error("entries and tiles agree, but the checkpoint was signed over something else")]
    Checkpoint,
    /// Neither entries nor tiles lead to the checkpoint, and they do not agree either.
    #[error("neither the entries nor the tiles are those of the checkpoint")]
    Both,
}

/// The result of an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    head: TreeHead,
    conclusion: Conclusion,
    findings: Vec<Finding>,
    omitted: usize,
}

impl Report {
    pub(super) fn new(
        head: TreeHead,
        from_entries: Option<Hash>,
        from_tiles: Option<Hash>,
        findings: Vec<Finding>,
        omitted: usize,
    ) -> Self {
        let conclusion = conclude(head.root, from_entries, from_tiles, &findings);
        Self { head, conclusion, findings, omitted }
    }

    /// The head that was audited.
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// What follows from the findings.
    pub const fn conclusion(&self) -> Conclusion {
        self.conclusion
    }

    /// What is wrong, in the order in which it was found: at most [`MAX_FINDINGS`](super::MAX_FINDINGS) about single
    /// files, and those about the log as a whole.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many more findings about single files there were.
    pub const fn omitted(&self) -> usize {
        self.omitted
    }
}

fn conclude(
    root: Hash,
    from_entries: Option<Hash>,
    from_tiles: Option<Hash>,
    findings: &[Finding],
) -> Conclusion {
    let files_agree = findings.iter().all(Finding::is_about_the_log);
    match (from_entries == Some(root), from_tiles == Some(root)) {
        _ if findings.iter().any(Finding::is_about_the_past) => Conclusion::Contradiction,
        (true, true) if files_agree => Conclusion::Sound,
        // Some tile within is wrong, or missing, although its ends lead to the root.
        (true, _) => Conclusion::Tiles,
        (false, true) => Conclusion::Entries,
        (false, false) if files_agree && from_entries.is_some() => Conclusion::Checkpoint,
        (false, false) => Conclusion::Both,
    }
}
