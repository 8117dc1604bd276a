//! Connections for statements that only read, each by itself.
//!
//! The driver's pool asks every connection that comes back whether it lives, in a task made for that. With SQLite a
//! connection is a thread, so the question takes as long as most queries. A file does not go away as a server can:
//! its connections stay here between two uses, and only one whose last use failed, or was given up, goes the long way.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::StoreError;
use crate::database::{CONNECT_WITHIN, Database};

/// Where connections that read come from.
pub(crate) struct Readers {
    pool: AnyPool,
    /// `None` where each goes back to the pool, which then knows when the server is gone.
    kept: Option<Kept>,
}

struct Kept {
    /// The last that was used is the next: its statements and its thread are warm. `None` once all is closed.
    idle: Mutex<Option<Vec<PoolConnection<Any>>>>,
    /// One for each connection that may be out or idle.
    places: Semaphore,
}

/// A connection that is out.
pub(crate) struct Reader<'r> {
    connection: PoolConnection<Any>,
    kept: Option<(&'r Kept, SemaphorePermit<'r>)>,
}

impl Readers {
    /// Connections of a file, at most so many at once.
    pub(crate) fn kept(pool: AnyPool, most: usize) -> Self {
        let idle = Mutex::new(Some(Vec::with_capacity(most)));
        Self { pool, kept: Some(Kept { idle, places: Semaphore::new(most) }) }
    }

    /// Connections to a server, as many as the pool has.
    pub(crate) fn pooled(pool: AnyPool) -> Self {
        Self { pool, kept: None }
    }

    /// Waits for a connection.
    pub(crate) async fn lend(&self) -> Result<Reader<'_>, sqlx::Error> {
        let Some(kept) = &self.kept else {
            return Ok(Reader { connection: self.pool.acquire().await?, kept: None });
        };
        let place = timeout(CONNECT_WITHIN, kept.places.acquire()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = kept.idle().as_mut().and_then(Vec::pop);
        let connection = match idle {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(Reader { connection, kept: Some((kept, place)) })
    }

    /// Gives all back to the pool, which is about to be closed.
    pub(crate) fn close(&self) {
        if let Some(kept) = &self.kept {
            kept.places.close();
            kept.idle().take();
        }
    }
}

impl Kept {
    fn idle(&self) -> MutexGuard<'_, Option<Vec<PoolConnection<Any>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader<'_> {
    /// Where statements are run.
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }

    /// It has done what it was asked. Without this word it goes back to the pool, which tries it first.
    pub(crate) fn done(self) {
        let Self { connection, kept } = self;
        if let Some((kept, _place)) = kept
            && let Some(idle) = kept.idle().as_mut()
        {
            idle.push(connection);
        }
    }
}

/// Running a statement that only reads, by itself.
pub(crate) trait Read {
    /// All rows.
    async fn read_all(self, database: &Database) -> Result<Vec<AnyRow>, StoreError>;

    /// The first row, if there is one.
    async fn read_optional(self, database: &Database) -> Result<Option<AnyRow>, StoreError>;

    /// The one row.
    async fn read_one(self, database: &Database) -> Result<AnyRow, StoreError>;
}

impl Read for Query<'_, Any, AnyArguments> {
    async fn read_all(self, database: &Database) -> Result<Vec<AnyRow>, StoreError> {
        let mut reader = database.reader().await?;
        let rows = self.fetch_all(reader.connection()).await?;
        reader.done();
        Ok(rows)
    }

    async fn read_optional(self, database: &Database) -> Result<Option<AnyRow>, StoreError> {
        let mut reader = database.reader().await?;
        let row = self.fetch_optional(reader.connection()).await?;
        reader.done();
        Ok(row)
    }

    async fn read_one(self, database: &Database) -> Result<AnyRow, StoreError> {
        let row = self.read_optional(database).await?;
        row.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }
}
