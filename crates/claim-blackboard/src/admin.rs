//! What people who run Blackboard look at.

mod assignments;

use std::path::{Path, PathBuf};

use claim_store::blackboard::{BlackboardStore, StoredMessage};
use claim_store::{DatabaseUrl, DatabaseUrlError, Faults, StoreError};

pub use assignments::{Assignments, HandIn, assignments, assignments_with};

use crate::config::DATABASE_FILE;

/// How many messages are read at once.
const PAGE: u32 = 200;

/// Why the records cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// There are none.
    #[error("{path:?} does not exist: no Blackboard has been started in this folder")]
    NoRecords {
        /// Where the database should be.
        path: PathBuf,
    },
    /// The database is not named rightly.
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The messages on record, page by page, the oldest first.
pub struct Messages {
    store: BlackboardStore,
    after: i64,
}

/// Opens the records of the Blackboard in this folder; it may be serving at the same time.
///
/// # Errors
/// [`AdminError`].
pub async fn messages(dir: &Path, database: Option<&str>) -> Result<Messages, AdminError> {
    Ok(Messages { store: open(dir, database, Faults::none()).await?, after: 0 })
}

pub(crate) async fn open(
    dir: &Path,
    database: Option<&str>,
    faults: Faults,
) -> Result<BlackboardStore, AdminError> {
    let url = match database {
        Some(text) => text.parse()?,
        None => {
            let path = dir.join(DATABASE_FILE);
            if !path.exists() {
                return Err(AdminError::NoRecords { path });
            }
            DatabaseUrl::sqlite(path)
        }
    };
    Ok(BlackboardStore::open_with(&url, faults).await?)
}

impl Messages {
    /// The next page; empty at the end. Asked again later, it has what was stored since.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn next_page(&mut self) -> Result<Vec<StoredMessage>, AdminError> {
        let page = self.store.messages(self.after, PAGE).await?;
        if let Some(last) = page.last() {
            self.after = last.id;
        }
        Ok(page)
    }
}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("after", &self.after).finish_non_exhaustive()
    }
}
