//! Objects: octets under a name, written once and never changed. Pieces of files, tiles of the log.

mod of_claims;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use claim_core::claim::ClaimId;
use claim_core::hand_in::PieceRef;
use claim_files::{FileError, make_folder};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::points::Injected;
use crate::{DiskFault, Faults, Point};

pub use of_claims::Taken;

/// How many folders are remembered as durable before it begins anew; some megabytes.
const MAX_SETTLED: usize = 10_000;

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    path: ObjectPath,
    point: Point,
}

impl ObjectName {
    /// A piece of one of a claim's files.
    pub fn piece(claim: ClaimId, piece: PieceRef) -> Self {
        let (folder, shard) = (of_claims::FOLDER, of_claims::shard(claim));
        let path = format!("{folder}/{shard}/{claim}.{}.{}", piece.file, piece.index);
        let path = ObjectPath::from(path);
        Self { path, point: Point::Chunk }
    }

    /// The claim whose piece the object at this path is, below the folder of objects; `None` when it is none.
    pub(crate) fn claim_of(path: &str) -> Option<ClaimId> {
        let path = path.strip_prefix(of_claims::FOLDER)?;
        path.rsplit('/').next()?.split('.').next()?.parse().ok()
    }

    /// A file of the log, by the path under which it is served below `/log/`.
    pub fn log(path: &str) -> Self {
        Self { path: ObjectPath::from(format!("log/{path}")), point: Point::Tile }
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.fmt(f)
    }
}

/// Where objects are kept: a folder of this machine.
#[derive(Clone, Debug)]
pub struct Objects(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: LocalFileSystem,
    folder: PathBuf,
    /// Folders whose names are known to be durable, all the way up.
    settled: Mutex<HashSet<PathBuf>>,
    /// Held while folders are made: one that cannot be synced is removed before anybody uses it.
    settling: tokio::sync::Mutex<()>,
    faults: Faults,
}

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
    /// A folder of it could not be made, or not be made durable.
    #[error(transparent)]
    File(Arc<FileError>),
    /// Something else is there under the name: it was damaged, or another program wrote it.
    #[error(
        "the storage of files holds something else as {name}: it was damaged; restore it from a backup"
    )]
    Differs {
        /// The object's name.
        name: String,
    },
}

impl Objects {
    /// Opens the folder; makes it where there is none.
    ///
    /// # Errors
    /// [`ObjectError::Folder`].
    pub fn open(folder: &Path) -> Result<Self, ObjectError> {
        Self::open_with(folder, Faults::none())
    }

    /// The same, with faults at its points.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(folder: &Path, faults: Faults) -> Result<Self, ObjectError> {
        let refused = |reason: String| ObjectError::Folder { path: folder.to_owned(), reason };
        make_folder(folder).map_err(|error| refused(error.to_string()))?;
        let store =
            LocalFileSystem::new_with_prefix(folder).map_err(|error| refused(error.to_string()))?;
        // Without it a power failure could lose what was acknowledged.
        let store = store.with_fsync(true);
        let (folder, settled) = (folder.to_owned(), Mutex::default());
        let settling = tokio::sync::Mutex::default();
        Ok(Self(Arc::new(Inner { store, folder, settled, settling, faults })))
    }

    /// Keeps an object; when this returns, it is durable. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`ObjectError::Differs`] when other octets are there; else [`ObjectError::Unavailable`] or [`ObjectError::File`].
    pub async fn keep(&self, name: &ObjectName, octets: Bytes) -> Result<(), ObjectError> {
        self.keep_parts(name, vec![octets]).await
    }

    /// The same for octets in several parts, one after the other.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub async fn keep_parts(
        &self,
        name: &ObjectName,
        octets: Vec<Bytes>,
    ) -> Result<(), ObjectError> {
        if self.0.faults.before(name.point).await? {
            self.put(name, octets).await?;
        }
        Ok(self.0.faults.after(name.point).await?)
    }

    async fn put(&self, name: &ObjectName, octets: Vec<Bytes>) -> Result<(), ObjectError> {
        self.settle(&self.parent(name)).await?;
        let payload = PutPayload::from_iter(octets.iter().cloned());
        let put = async |mode| {
            let options = PutOptions { mode, ..PutOptions::default() };
            self.0.store.put_opts(&name.path, payload.clone(), options).await
        };
        let done = match put(PutMode::Create).await {
            Err(object_store::Error::AlreadyExists { .. }) => {
                let found = self.read(name).await?;
                if !found.is_some_and(|found| is_made_of(&found, &octets)) {
                    return Err(ObjectError::Differs { name: name.to_string() });
                }
                // Whoever wrote it may have been killed before it synced the name, or have been told that this sync
                // failed. To sync it once more proves nothing in the second case, so it is written anew in its place.
                put(PutMode::Overwrite).await
            }
            done => done,
        };
        done.map(|_| ()).map_err(|error| ObjectError::Unavailable { source: Arc::new(error) })
    }

    /// An object, if it is there.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn read(&self, name: &ObjectName) -> Result<Option<Bytes>, ObjectError> {
        let unavailable = |error| ObjectError::Unavailable { source: Arc::new(error) };
        match self.0.store.get(&name.path).await {
            Ok(found) => found.bytes().await.map(Some).map_err(unavailable),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Where the objects are.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    fn parent(&self, name: &ObjectName) -> PathBuf {
        let path = self.0.folder.join(name.path.as_ref());
        path.parent().map_or_else(|| self.0.folder.clone(), Path::to_owned)
    }

    /// Makes a folder below the objects' and every name on the way to it durable.
    ///
    /// The driver syncs only what it makes itself: a folder that another request is just making, or that a process
    /// made which was killed, would count as durable.
    async fn settle(&self, folder: &Path) -> Result<(), ObjectError> {
        let settled = || {
            let known = self.0.settled.lock().unwrap_or_else(PoisonError::into_inner);
            known.contains(folder)
        };
        if settled() {
            return Ok(());
        }
        let _alone = self.0.settling.lock().await;
        if settled() {
            return Ok(());
        }
        let mut chain: Vec<PathBuf> = folder
            .ancestors()
            .take_while(|one| *one != self.0.folder)
            .map(Path::to_owned)
            .collect();
        chain.reverse();
        let made = chain.clone();
        blocking(move || made.iter().try_for_each(|one| make_folder(one))).await?;
        let mut known = self.0.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SETTLED {
            known.clear();
        }
        known.extend(chain);
        Ok(())
    }
}

/// Whether these are the octets, one after the other.
fn is_made_of(mut octets: &[u8], parts: &[Bytes]) -> bool {
    for part in parts {
        match octets.strip_prefix(part.as_ref()) {
            Some(rest) => octets = rest,
            None => return false,
        }
    }
    octets.is_empty()
}

/// Disks may take their time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, ObjectError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| ObjectError::File(Arc::new(error))),
        Err(source) => {
            let source = Arc::new(object_store::Error::JoinError { source });
            Err(ObjectError::Unavailable { source })
        }
    }
}

impl ObjectError {
    /// What is wrong with the disk, where that is why.
    pub fn disk_fault(&self) -> Option<DiskFault> {
        DiskFault::behind(self)
    }
}

impl From<Injected> for ObjectError {
    /// As a disk fails.
    fn from(injected: Injected) -> Self {
        let source = Box::new(std::io::Error::from(injected));
        let source = object_store::Error::Generic { store: "a test", source };
        Self::Unavailable { source: Arc::new(source) }
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
        objects.keep(&name, Bytes::from_static(b"first")).await.unwrap();
        let parts = |parts: [&'static str; 3]| parts.map(Bytes::from).to_vec();
        objects.keep_parts(&name, parts(["fi", "", "rst"])).await.unwrap();
        for parts in [parts(["fi", "r", "s"]), parts(["fi", "rst", "s"]), parts(["fir", "", "zt"])]
        {
            let other = objects.keep_parts(&name, parts).await;
            assert!(matches!(other, Err(ObjectError::Differs { .. })));
        }
        let other = objects.keep(&name, Bytes::from_static(b"second")).await;
        assert!(matches!(other, Err(ObjectError::Differs { .. })));
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
