//! The files of a witness, by name.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use claim_files::FileError;

/// The folder of a witness.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The lock of the serving process.
    pub(crate) const LOCK: &str = "witness.lock";

    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The private key that cosigns.
    pub(crate) fn key(&self) -> PathBuf {
        self.0.join("witness.key")
    }

    /// Its certificate, from the root.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.0.join("witness.cer")
    }

    /// The request for that certificate.
    pub(crate) fn request(&self) -> PathBuf {
        self.0.join("witness.request")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join(crate::config::DATABASE_FILE)
    }
}

/// Reads a file that anyone may read, of at most `limit` bytes.
pub(crate) fn read_public(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => FileError::Missing { path: path.to_owned() },
        _ => FileError::System { action: "read", path: path.to_owned(), source },
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    let length = bytes.len() as u64;
    match length > limit {
        true => Err(FileError::TooLarge { path: path.to_owned(), length, limit }),
        false => Ok(bytes),
    }
}
