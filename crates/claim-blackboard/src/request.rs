//! Asking for the certificates of the keys that make evidence, without serving.

use std::path::PathBuf;

use claim_core::{Digest, Origin};

use crate::config::Config;
use crate::evidence;
use crate::folder::Folder;
use crate::start_error::StartError;

/// A request file, and what people compare where the root is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// The file.
    pub path: PathBuf,
    /// Where the answer goes.
    pub answer: PathBuf,
    /// For which Blackboard.
    pub origin: Origin,
    /// SHA-256 of the timestamp key (SubjectPublicKeyInfo).
    pub timestamp: Digest,
    /// SHA-256 of the log key (SubjectPublicKeyInfo).
    pub log: Digest,
}

/// Writes `blackboard.request` for the keys in the folder, which are made where they are missing. It may be done while
/// Blackboard serves, and again: the same keys are asked for.
///
/// # Errors
/// [`StartError`] when a key or file cannot be used; [`StartError::NoOrigin`] when nobody said who Blackboard is.
pub fn request(config: &Config) -> Result<Requested, StartError> {
    claim_files::make_folder(&config.dir)?;
    let folder = Folder::with_passphrase(&config.dir, config.passphrase.clone());
    let origin = config.public_url.as_ref().ok_or(StartError::NoOrigin)?;
    evidence::ask(&folder, origin)
}
