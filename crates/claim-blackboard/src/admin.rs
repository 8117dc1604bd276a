//! What people who run Blackboard look at.

mod audit;
mod courses;

use std::path::{Path, PathBuf};

use claim_audit::{AuditError, AuditKeyError};
use claim_core::OriginError;
use claim_store::blackboard::{BlackboardStore, StoredMessage};
use claim_store::{DatabaseUrl, DatabaseUrlError, Faults, StoreError};

pub use audit::{Audit, audit};
pub use courses::{Courses, LodgedClaim, courses, courses_with};

use crate::audit::by_operator;
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
    /// The head of the audit log cannot be signed.
    #[error("the head of the audit log cannot be signed: {0}")]
    AuditKey(#[from] AuditKeyError),
    /// The audit log cannot be gone through, or not go into an archive.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// No origin for the name of the audit log.
    #[error("no origin for the audit log: {0}")]
    Origin(#[from] OriginError),
}

impl AdminError {
    /// What to do next about the audit log; `None` where the records themselves are not there.
    pub fn advice(&self) -> Option<String> {
        Some(match self {
            Self::AuditKey(_) => "Put that right and do it again.".to_owned(),
            Self::Audit(error) => error.advice("claim blackboard"),
            Self::Origin(_) => "Start Blackboard once, so that its origin is known.".to_owned(),
            Self::NoRecords { .. } | Self::DatabaseUrl(_) | Self::Store(_) => return None,
        })
    }
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
    Ok(by_operator(BlackboardStore::open_with(&url, faults).await?))
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
