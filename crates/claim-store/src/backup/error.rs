//! Why there is no backup, or why it is not restored.

use std::path::PathBuf;

use claim_files::FileError;

use crate::{DatabaseUrlError, StoreError};

/// Why there is no backup, or why it is not restored. `Display` tells what happened, [`Self::advice`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The records are on a database server.
    #[error(
        "the records are on a PostgreSQL server, of which this command makes and restores no copy"
    )]
    Server,
    /// There is something in the folder already; it was left as it is.
    #[error("{dir:?} is not empty: it has {found:?}")]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
        /// What is in it.
        found: String,
    },
    /// There is no server in the folder.
    #[error("{path:?} does not exist: there is nothing to back up in this folder")]
    Nothing {
        /// What every server of this kind has.
        path: PathBuf,
    },
    /// Old claims are being erased, and that does not come to its end.
    #[error(
        "old claims are being erased from this folder, and a backup would have some of them in part"
    )]
    Erasing,
    /// A backup was not restored to its end there.
    #[error("a backup was not restored to its end into {dir:?}: it has the file {mark:?}")]
    Unfinished {
        /// The folder.
        dir: PathBuf,
        /// The mark.
        mark: &'static str,
    },
    /// There is no list of sums, so it is no backup, or one that was cut off.
    #[error("{path:?} does not exist: this is no backup, or one that was not finished")]
    NoSums {
        /// The list.
        path: PathBuf,
    },
    /// A line of the list cannot be read.
    #[error("line {number} of {path:?} is not a sum and a name")]
    Line {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        number: u64,
    },
    /// A file is not what it was when it was copied.
    #[error("{path:?} is not what was backed up: its SHA-256 is another")]
    NotTheSame {
        /// The file.
        path: PathBuf,
    },
    /// The backup is of another kind of server.
    #[error("the backup in {dir:?} has no {database}: it is of another server")]
    OfAnother {
        /// The backup.
        dir: PathBuf,
        /// The database that it should have.
        database: &'static str,
    },
    /// A file's name cannot stand in the list.
    #[error("the file name {name:?} cannot stand in a backup's list")]
    Name {
        /// The name.
        name: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database cannot be copied or used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database is not named rightly.
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
}

impl BackupError {
    /// What to do next.
    pub fn advice(&self) -> String {
        let advice = match self {
            Self::Server => {
                "Copy the database with pg_dump first, then the folder (for Blackboard without sealing.key); \
                 OPERATIONS.md, \"Backup and restore\", has the commands, and what to do after a restore."
            }
            Self::NotEmpty { .. } => "Name a new folder, or an empty one: nothing is overwritten.",
            Self::Nothing { .. } => "Name the server's folder with --dir.",
            Self::Erasing => {
                "Back up when that is done (claim blackboard retention tells how far it is)."
            }
            Self::Unfinished { .. } => {
                "Empty the folder (but for claim.toml) and restore the backup again."
            }
            Self::NoSums { .. } | Self::Line { .. } | Self::NotTheSame { .. } => {
                "Take another backup; nothing of this one was restored."
            }
            Self::OfAnother { .. } => "Take the backup of this server.",
            Self::Name { .. } => "Move that file away; it is none of the server's.",
            Self::File(FileError::Full { .. }) => {
                "Make room, remove what was begun, and do it again."
            }
            Self::File(_) | Self::DatabaseUrl(_) => "Put that right and do it again.",
            Self::Store(error) if error.is_temporary() => "Do it again in a moment.",
            Self::Store(_) => "Put that right and do it again.",
        };
        advice.to_owned()
    }
}
