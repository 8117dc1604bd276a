//! Taking what was erased out of the files of a database too.
//!
//! A database leaves what is deleted where it was until something else is written there. With SQLite `secure_delete` writes
//! zeros over it, but copies that were made when rows moved stay, and so does the write-ahead log; so the file is written anew
//! from what is in it, and the log emptied.

use sqlx::AnyConnection;

use crate::database::Database;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Kind, StoreError};

/// How often it is tried to empty the log, which somebody may be reading; each time waits as long as for a lock.
const ATTEMPTS: u32 = 3;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scrubbed {
    /// The files have nothing any more but what the database has.
    Whole,
    /// The database's file has nothing else, but its write-ahead log does: somebody read from it all the time.
    LogInUse,
    /// It is a matter of the database server, whose files nobody else can reach.
    ByServer,
}

impl Database {
    /// Writes a SQLite file anew and empties its log. Writers of this process wait meanwhile; those of others as long as they
    /// do for any lock. It takes as much room again as the database has, for a while.
    pub(crate) async fn scrub(&self) -> Result<Scrubbed, StoreError> {
        if self.kind() == Kind::Postgres {
            return Ok(Scrubbed::ByServer);
        }
        retry!(self.try_scrub())
    }

    async fn try_scrub(&self) -> Result<Scrubbed, StoreError> {
        let mut alone = self.alone().await?;
        sqlx::query("VACUUM").execute(alone.connection()).await?;
        for _ in 0..ATTEMPTS {
            if empty_log(alone.connection()).await? {
                return Ok(Scrubbed::Whole);
            }
        }
        Ok(Scrubbed::LogInUse)
    }
}

/// Writes all of the log into the file and makes the log an empty one; `false` when somebody reads from it.
async fn empty_log(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    Ok(Columns::new("pragma", &row).int("busy")? == 0)
}
