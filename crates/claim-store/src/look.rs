//! Looking at a server's records from outside, whether it serves or not, and changing nothing: no file is made, no schema
//! brought up to date, no write waits.

use std::path::Path;

use claim_pki::Timestamp;
use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::{AnyConnection, ConnectOptions, Connection, Executor};
use tokio::time::timeout;
use url::Url;

use crate::database::{CONNECT_WITHIN, install_drivers};
use crate::location::{Location, sqlite_copy_url, sqlite_read_url};
use crate::migrations::{Schema, newest};
use crate::row::Columns;
use crate::{DatabaseUrl, Kind, StoreError};

/// A server's records, open for looking.
#[derive(Debug)]
pub struct Look {
    connection: AnyConnection,
    kind: Kind,
    schema: Schema,
}

/// Whose records they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// CUHK's.
    Cuhk,
    /// Blackboard's.
    Blackboard,
    /// A stand-alone witness's.
    Witness,
}

/// Which step of the schema they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The last step that was taken.
    pub there: i64,
    /// The last one that this program knows.
    pub known: i64,
}

/// How much was recorded, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// When the first of them came; `None` where there is none.
    pub first: Option<Timestamp>,
    /// All of them: CUHK's certificates, Blackboard's claims.
    pub all: u64,
    /// Those of them that came since the time that was asked for.
    pub recent: u64,
    /// All pieces of files that are stored; 0 at CUHK.
    pub pieces: u64,
    /// Those of them whose claims came since the time that was asked for.
    pub recent_pieces: u64,
}

/// CUHK's roster in numbers, without those who were taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RosterNumbers {
    /// People on it.
    pub people: u64,
    /// Those of them without a mail address.
    pub without_mail: u64,
    /// Those of them who have no certificate, and no code that is open.
    pub forgotten: u64,
}

/// Blackboard's log in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogNumbers {
    /// Entries that are in the tree.
    pub size: u64,
    /// Entries that wait for it.
    pub staged: u64,
    /// Entries that a cosigned checkpoint covers.
    pub cosigned: u64,
    /// When the last cosignature came.
    pub cosigned_at: Option<Timestamp>,
}

impl Look {
    /// Opens the records of a server, which may be serving.
    ///
    /// A SQLite file that nobody has open is read as one that does not change; beside one that somebody has open lies its
    /// log, which is read with it.
    ///
    /// # Errors
    /// Whatever befalls the database; [`StoreError::File`] where there is no SQLite file.
    pub async fn at(url: &DatabaseUrl, records: Records) -> Result<Self, StoreError> {
        install_drivers();
        let (url, kind) = match url.location() {
            Location::Postgres(url) => (url.clone(), Kind::Postgres),
            Location::Sqlite(path) => (sqlite(path)?, Kind::Sqlite),
        };
        let options = AnyConnectOptions::from_url(&url)?;
        let connected = timeout(CONNECT_WITHIN, options.connect()).await;
        let mut connection = connected.map_err(|_| sqlx::Error::PoolTimedOut)??;
        if kind == Kind::Postgres {
            connection.execute("SET default_transaction_read_only = on").await?;
        }
        let schema = match records {
            Records::Cuhk => Schema::Cuhk,
            Records::Blackboard => Schema::Blackboard,
            Records::Witness => Schema::Witness,
        };
        Ok(Self { connection, kind, schema })
    }

    /// Which step of the schema the records have.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn schema_version(&mut self) -> Result<SchemaVersion, StoreError> {
        let row = self.row("SELECT MAX(version) AS version FROM _sqlx_migrations").await?;
        let there = Columns::new("_sqlx_migrations", &row).int("version")?;
        Ok(SchemaVersion { there, known: newest(self.schema, self.kind) })
    }

    /// Has the database compare itself with itself (`PRAGMA quick_check`), which reads all of it; the first fault that it
    /// finds. A PostgreSQL server looks after itself.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn fault(&mut self) -> Result<Option<String>, StoreError> {
        if self.kind == Kind::Postgres {
            return Ok(None);
        }
        let row = self.row("PRAGMA quick_check(1)").await?;
        let said = Columns::new("quick_check", &row).text("quick_check")?;
        Ok((said != "ok").then_some(said))
    }

    /// How much was recorded in all, and since a time.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn growth(&mut self, since: Timestamp) -> Result<Growth, StoreError> {
        let (records, time) = match self.schema {
            Schema::Cuhk => ("certificates", "reserved_at"),
            Schema::Blackboard => ("claims", "lodged_at"),
            Schema::Witness => ("witnessed_checkpoints", "seen_at"),
        };
        let since = since.as_millis();
        let counted = format!(
            "SELECT COUNT(*) AS counted, MIN({time}) AS first, \
             COUNT(CASE WHEN {time} >= {since} THEN 1 END) AS recent FROM {records}"
        );
        let row = self.row(&counted).await?;
        let columns = Columns::new("growth", &row);
        let (first, all, recent) =
            (columns.optional_time("first")?, columns.count("counted")?, columns.count("recent")?);
        let (mut pieces, mut recent_pieces) = (0, 0);
        if self.schema == Schema::Blackboard {
            let durable = format!(
                "SELECT CAST(COALESCE(SUM(durable), 0) AS BIGINT) AS counted, \
                 CAST(COALESCE(SUM(CASE WHEN lodged_at >= {since} THEN durable END), 0) AS BIGINT) AS recent \
                 FROM claims"
            );
            let row = self.row(&durable).await?;
            let columns = Columns::new("growth", &row);
            (pieces, recent_pieces) = (columns.count("counted")?, columns.count("recent")?);
        }
        Ok(Growth { first, all, recent, pieces, recent_pieces })
    }

    /// CUHK's roster.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn roster(&mut self, now: Timestamp) -> Result<RosterNumbers, StoreError> {
        let now = now.as_millis();
        let query = format!(
            "SELECT COUNT(*) AS people, COUNT(CASE WHEN email IS NULL THEN 1 END) AS without_mail, \
             COUNT(CASE WHEN NOT EXISTS (SELECT 1 FROM certificates WHERE profile = 'person' AND certificates.name = people.id) \
             AND NOT EXISTS (SELECT 1 FROM invitations WHERE invitee_kind = 'person' AND invitee = people.id \
             AND expires_at > {now}) THEN 1 END) AS forgotten \
             FROM people WHERE removed_at IS NULL"
        );
        let row = self.row(&query).await?;
        let columns = Columns::new("people", &row);
        Ok(RosterNumbers {
            people: columns.count("people")?,
            without_mail: columns.count("without_mail")?,
            forgotten: columns.count("forgotten")?,
        })
    }

    /// Blackboard's log.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn log(&mut self) -> Result<LogNumbers, StoreError> {
        let size = self.optional("SELECT size FROM log_head WHERE id = 1").await?;
        let size = size.map_or(Ok(0), |row| Columns::new("log_head", &row).count("size"))?;
        let staged =
            self.row("SELECT COUNT(*) AS staged FROM log_entries WHERE leaf IS NULL").await?;
        let last = self
            .optional("SELECT size, cosigned_at FROM log_cosigned ORDER BY size DESC LIMIT 1")
            .await?;
        let (cosigned, cosigned_at) = match &last {
            None => (0, None),
            Some(row) => {
                let columns = Columns::new("log_cosigned", row);
                (columns.count("size")?, Some(columns.time("cosigned_at")?))
            }
        };
        let staged = Columns::new("log_entries", &staged).count("staged")?;
        Ok(LogNumbers { size, staged, cosigned, cosigned_at })
    }

    /// Closes them.
    pub async fn close(self) {
        // Nothing was written.
        let _ = self.connection.close().await;
    }

    async fn row(&mut self, query: &str) -> Result<AnyRow, StoreError> {
        Ok(sqlx::query(sqlx::AssertSqlSafe(query)).fetch_one(&mut self.connection).await?)
    }

    async fn optional(&mut self, query: &str) -> Result<Option<AnyRow>, StoreError> {
        Ok(sqlx::query(sqlx::AssertSqlSafe(query)).fetch_optional(&mut self.connection).await?)
    }
}

/// The URL by which a SQLite file is read and nothing is made beside it.
fn sqlite(path: &Path) -> Result<Url, StoreError> {
    let path = crate::database::found(path)?;
    let text = path.to_str().ok_or_else(|| StoreError::Path { path: path.clone() })?;
    // Without these two nobody has it open, and the driver would make them.
    let is_open = ["-wal", "-shm"].iter().all(|end| Path::new(&format!("{text}{end}")).exists());
    let url = if is_open { sqlite_read_url(text) } else { sqlite_copy_url(text) };
    url.map_err(|_| StoreError::Path { path: path.clone() })
}
