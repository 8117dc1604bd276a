//! The options of backing up and restoring, the same for both servers.

use std::path::PathBuf;

use clap::Args;

use super::DatabaseArgs;

/// `claim cuhk backup`, `claim blackboard backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The folder to write: a new one, or an empty one
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `claim cuhk restore`, `claim blackboard restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup; it is restored into the folder of --dir, which must have nothing but claim.toml
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}
