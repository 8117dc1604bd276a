//! Deeds by name, whichever server's they are.

use std::fmt;

/// The name of a deed. Each server has a closed list of its own; these are made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeedName(pub(crate) &'static str);

impl DeedName {
    /// The log begins; its details count what was on record before.
    pub const LOG_BEGUN: Self = Self("log-begun");
    /// The server has started.
    pub const STARTED: Self = Self("started");
    /// The key that signs the log's checkpoints was made.
    pub const AUDIT_KEY_MADE: Self = Self("audit-key-made");
    /// The records were copied into a backup.
    pub const BACKED_UP: Self = Self("backed-up");
    /// The records were restored from a backup.
    pub const RESTORED: Self = Self("restored");
    /// Old entries went into an archive.
    pub const PRUNED: Self = Self("pruned");

    /// As it stands in entries.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for DeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}
