//! What is wrong with an audit log.

use claim_log::Hash;
use claim_store::audit::WrongEntry;

/// The first thing that is wrong with an audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// An entry is not what was appended, or is missing.
    #[error(transparent)]
    Entry(#[from] WrongEntry),
    /// There are fewer entries than were appended.
    #[error("entry {first} is missing, and all after it: {size} were appended")]
    Truncated {
        /// The first that is missing.
        first: u64,
        /// How many there should be.
        size: u64,
    },
    /// There are more.
    #[error("entry {first} was never appended, nor what comes after it")]
    Appended {
        /// The first that should not be there.
        first: u64,
    },
    /// The head is of another tree.
    #[error(
        "the head of the log is another than that of its {size} entries: {found} for {expected}"
    )]
    Head {
        /// How many entries there are.
        size: u64,
        /// The root of these entries.
        expected: Hash,
        /// The root of the head.
        found: Hash,
    },
    /// A checkpoint says something else.
    #[error(
        "the first {size} entries are not those of {checkpoint}: one from entry {first} to entry {size} was \
         changed, and all hashes after it computed anew"
    )]
    Rewritten {
        /// Which checkpoint.
        checkpoint: String,
        /// The first entry that no earlier checkpoint covers.
        first: u64,
        /// How many entries it covers.
        size: u64,
    },
    /// A checkpoint covers more than there is.
    #[error("{checkpoint} covers {size} entries; entry {first} is missing, and all after it")]
    Shorter {
        /// Which checkpoint.
        checkpoint: String,
        /// The first that is missing.
        first: u64,
        /// How many entries it covers.
        size: u64,
    },
    /// A checkpoint is not the server's.
    #[error("{checkpoint} is not signed by a key of this audit log: {why}")]
    Signature {
        /// Which checkpoint.
        checkpoint: String,
        /// The first entry that is not vouched for by an earlier one.
        first: u64,
        /// Why not.
        why: String,
    },
    /// A cosignature is not the witness's.
    #[error("{checkpoint} has a cosignature that is not genuine: {why}")]
    Cosignature {
        /// Which checkpoint.
        checkpoint: String,
        /// The first entry that is not vouched for by an earlier one.
        first: u64,
        /// Why not.
        why: String,
    },
    /// A witness has cosigned nothing of what is here.
    #[error("no checkpoint of this log has a cosignature by {witness}")]
    NotCosigned {
        /// The witness.
        witness: String,
        /// The first entry.
        first: u64,
    },
    /// An archive does not go on where the one before it, or the beginning, ends.
    #[error("the archives leave out entry {first}: the next begins with entry {found}")]
    Gap {
        /// The first that is missing.
        first: u64,
        /// Where the next one begins.
        found: u64,
    },
    /// What the archives have is not what was taken out of the records.
    #[error(
        "the archives end with another tree than the one that goes on in the records, from entry {first} on"
    )]
    Archives {
        /// Where the records go on.
        first: u64,
    },
}

impl Finding {
    /// The number of the first entry that is wrong; of several that may be, the smallest.
    pub fn number(&self) -> u64 {
        match self {
            Self::Entry(wrong) => wrong.number(),
            Self::Truncated { first, .. }
            | Self::Appended { first }
            | Self::Rewritten { first, .. }
            | Self::Shorter { first, .. }
            | Self::Signature { first, .. }
            | Self::Cosignature { first, .. }
            | Self::NotCosigned { first, .. }
            | Self::Gap { first, .. }
            | Self::Archives { first } => *first,
            Self::Head { size, .. } => *size,
        }
    }
}
