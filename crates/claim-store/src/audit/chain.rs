//! Going through the log again: the first entry that is not what was appended.

use claim_log::{Frontier, Hash};

use super::{AuditEntry, AuditLog};

/// What has been gone through so far, from the first entry or from where the archives end.
#[derive(Clone, Debug)]
pub struct AuditChain {
    log: &'static AuditLog,
    frontier: Frontier,
}

/// An entry that is not what was appended, the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongEntry {
    /// Entries are missing, or one stands twice.
    #[error("entry {expected} is missing: entry {found} comes in its place")]
    Missing {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// What it says is not what was hashed.
    #[error("entry {number} was changed: it does not hash to its leaf")]
    Changed {
        /// Its number.
        number: u64,
    },
    /// Who, whom or what is not what was hashed.
    #[error("entry {number} was changed: who, whom or what is not what was hashed")]
    Personal {
        /// Its number.
        number: u64,
    },
    /// It is another one than that with which the tree went on.
    #[error(
        "entry {number} is another one than was appended: the tree has another root from there on"
    )]
    Replaced {
        /// Its number.
        number: u64,
    },
}

impl WrongEntry {
    /// The number of the first entry that is wrong.
    pub fn number(&self) -> u64 {
        match *self {
            Self::Missing { expected, .. } => expected,
            Self::Changed { number } | Self::Personal { number } | Self::Replaced { number } => {
                number
            }
        }
    }
}

impl AuditChain {
    /// Begins after the entries of this tree, which are of this log.
    pub fn after(log: &'static AuditLog, frontier: Frontier) -> Self {
        Self { log, frontier }
    }

    /// The tree of what has been gone through.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Goes through the next entry.
    ///
    /// # Errors
    /// [`WrongEntry`].
    pub fn take(&mut self, entry: &AuditEntry) -> Result<(), WrongEntry> {
        let (number, expected) = (entry.number, self.frontier.size().value() + 1);
        if number != expected {
            return Err(WrongEntry::Missing { expected, found: number });
        }
        let leaf = entry.expected_leaf(self.log).ok_or(WrongEntry::Personal { number })?;
        if leaf != entry.leaf {
            return Err(WrongEntry::Changed { number });
        }
        let replaced = WrongEntry::Replaced { number };
        self.frontier.append(leaf).map_err(|_| replaced)?;
        let root: Hash = self.frontier.root();
        if root == entry.root { Ok(()) } else { Err(replaced) }
    }
}
