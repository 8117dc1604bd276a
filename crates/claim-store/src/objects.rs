//! Objects: octets under a name, written once and never changed. Pieces of files, tiles of the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use claim_core::claim::ClaimId;
use claim_core::hand_in::PieceRef;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName(ObjectPath);

impl ObjectName {
    /// A piece of one of a claim's files.
    pub fn piece(claim: ClaimId, piece: PieceRef) -> Self {
        // Two letters of the id make folders that do not grow without bound. A folder for each claim would cost the
        // storage more than most reports do: each new folder is synced, as is the one it is in.
        let id = claim.to_string();
        let shard = id.get(..2).unwrap_or_default();
        Self(ObjectPath::from(format!("claims/{shard}/{id}.{}.{}", piece.file, piece.index)))
    }

    /// A file of the log, by the path under which it is served below `/log/`.
    pub fn log(path: &str) -> Self {
        Self(ObjectPath::from(format!("log/{path}")))
    }
}

/// Where objects are kept: a folder of this machine.
#[derive(Clone, Debug)]
pub struct Objects(Arc<LocalFileSystem>);

/// What went wrong with the objects.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The folder cannot be made or found.
    #[error("the folder {path:?} for files cannot be used: {reason}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It could not be read or written; whether it was written is not known.
    #[error("the storage of files cannot be used at the moment; it is safe to try again")]
    Unavailable {
        /// What the driver said.
        source: Arc<object_store::Error>,
    },
}

impl Objects {
    /// Opens the folder; makes it where there is none.
    ///
    /// # Errors
    /// [`ObjectError::Folder`].
    pub fn open(folder: &Path) -> Result<Self, ObjectError> {
        let refused = |reason: String| ObjectError::Folder { path: folder.to_owned(), reason };
        std::fs::create_dir_all(folder).map_err(|error| refused(error.to_string()))?;
        let store =
            LocalFileSystem::new_with_prefix(folder).map_err(|error| refused(error.to_string()))?;
        // Without it a power failure could lose what was acknowledged.
        Ok(Self(Arc::new(store.with_fsync(true))))
    }

    /// Keeps an object; when this returns, it is durable. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn keep(&self, name: &ObjectName, octets: Bytes) -> Result<(), ObjectError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.0.put_opts(&name.0, PutPayload::from_bytes(octets), options).await;
        match put {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(ObjectError::Unavailable { source: Arc::new(error) }),
        }
    }

    /// An object, if it is there.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn read(&self, name: &ObjectName) -> Result<Option<Bytes>, ObjectError> {
        let unavailable = |error| ObjectError::Unavailable { source: Arc::new(error) };
        match self.0.get(&name.0).await {
            Ok(found) => found.bytes().await.map(Some).map_err(unavailable),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[tokio::test]
    async fn written_once() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(&folder.path().join("objects")).unwrap();
        let piece = PieceRef { file: 0, index: 12 };
        let name = ObjectName::piece(ClaimId::of_manifest(b"{}"), piece);
        assert_eq!(objects.read(&name).await.unwrap(), None);
        objects.keep(&name, Bytes::from_static(b"first")).await.unwrap();
        objects.keep(&name, Bytes::from_static(b"second")).await.unwrap();
        assert_eq!(objects.read(&name).await.unwrap().unwrap(), b"first"[..]);
        let again = Objects::open(&folder.path().join("objects")).unwrap();
        assert_eq!(again.read(&name).await.unwrap().unwrap(), b"first"[..]);
    }

    #[tokio::test]
    async fn tiles_full_and_partial_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path()).unwrap();
        for path in ["tile/0/000.p/3", "tile/0/000", "tile/entries/x001/067"] {
            let name = ObjectName::log(path);
            objects.keep(&name, Bytes::from(path.to_owned())).await.unwrap();
            assert_eq!(objects.read(&name).await.unwrap().unwrap(), path.as_bytes());
        }
    }

    #[test]
    fn a_folder_that_cannot_be() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(Objects::open(file.path()), Err(ObjectError::Folder { .. })));
    }
}
