//! The files of a log, over HTTPS or from a folder: several under way at a time, handed out in order.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use claim_http::{ReachError, send};
use claim_log::audit::{Resources, resources};
use claim_log::note::MAX_NOTE_LENGTH;
use claim_log::{MAX_ENTRY_LENGTH, Object, Resource, TreeSize};
use http::StatusCode;
use tokio::task::JoinHandle;

/// How many files are asked for at once. With the largest bundle there can be they fill 64 MiB.
const AT_ONCE: usize = 4;
/// The longest refusal that is read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// Why a file of the log is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// No answer came.
    #[error(transparent)]
    Reach(ReachError),
    /// The answer is neither the file nor that there is none.
    #[error("the answer to the request for {resource} is {status}")]
    Status {
        /// Which file.
        resource: Resource,
        /// The status.
        status: StatusCode,
    },
    /// The file is there and cannot be read.
    #[error("{path:?} cannot be read: {source}")]
    File {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is longer than it can be: the log is wrong.
    #[error("{resource} is longer than {max} bytes")]
    TooLong {
        /// Which file.
        resource: Resource,
        /// How much was read of it.
        max: usize,
    },
}

/// Where a log is.
#[derive(Clone, Debug)]
pub(crate) enum Log {
    /// At a Blackboard, or wherever else its files are served.
    Served {
        /// What asks for them.
        client: reqwest::Client,
        /// What comes before their names, without the slash between.
        base: String,
    },
    /// In a folder, under their names.
    Kept(PathBuf),
    /// These files, as somebody shows them.
    Shown(Arc<[Object]>),
}

impl Log {
    /// A file of the log; `None` when the log says that it does not have it.
    pub(crate) async fn fetch(&self, resource: Resource) -> Result<Option<Bytes>, FetchError> {
        let (client, base) = match self {
            Self::Served { client, base } => (client, base),
            Self::Kept(folder) => return kept(folder, resource),
            Self::Shown(files) => {
                let file = files.iter().find(|file| file.resource == resource);
                return Ok(file.map(|file| Bytes::copy_from_slice(&file.octets)));
            }
        };
        let max = longest(resource);
        let url = format!("{base}/{resource}");
        let answer = match send(client.get(url), max).await {
            Ok(answer) => answer,
            Err(ReachError::TooLong { max }) => return Err(FetchError::TooLong { resource, max }),
            Err(error) => return Err(FetchError::Reach(error)),
        };
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status => Err(FetchError::Status { resource, status }),
        }
    }
}

/// A file of a log that lies in a folder.
fn kept(folder: &Path, resource: Resource) -> Result<Option<Bytes>, FetchError> {
    let (path, max) = (folder.join(resource.to_string()), longest(resource));
    let unreadable = |source| FetchError::File { path: path.clone(), source };
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(unreadable)?,
    };
    let mut octets = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut octets).map_err(unreadable)?;
    if octets.len() > max {
        return Err(FetchError::TooLong { resource, max });
    }
    Ok(Some(octets.into()))
}

/// The files that an audit of a log of some size wants, in its order.
pub(super) struct Ahead {
    log: Log,
    remaining: Resources,
    under_way: VecDeque<JoinHandle<Result<Option<Bytes>, FetchError>>>,
}

impl Ahead {
    pub(super) fn new(log: Log, size: TreeSize) -> Self {
        Self { log, remaining: resources(size), under_way: VecDeque::new() }
    }

    /// The next file; `None` in place of one that the log does not have, or behind the last.
    pub(super) async fn next(&mut self) -> anyhow::Result<Result<Option<Bytes>, FetchError>> {
        while self.under_way.len() < AT_ONCE {
            let Some(resource) = self.remaining.next() else { break };
            let log = self.log.clone();
            self.under_way.push_back(tokio::spawn(async move { log.fetch(resource).await }));
        }
        match self.under_way.pop_front() {
            Some(fetching) => Ok(fetching.await?),
            None => Ok(Ok(None)),
        }
    }
}

/// The most bytes that are read of an answer: all that the file can have, and room for the words of a refusal.
fn longest(resource: Resource) -> usize {
    let file = match resource {
        Resource::Checkpoint => MAX_NOTE_LENGTH,
        Resource::Tile(tile) => tile.length(),
        Resource::Entries(bundle) => usize::from(bundle.width()) * (2 + MAX_ENTRY_LENGTH),
    };
    file.max(MAX_REFUSAL)
}
