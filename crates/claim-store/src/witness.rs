//! What a witness has seen of the logs that it witnesses. CUHK keeps it among its other records, a witness elsewhere in
//! a database of its own.

use claim_pki::Timestamp;
use sqlx::AnyConnection;

use crate::database::Database;
use crate::migrations::Schema;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{DatabaseUrl, Faults, Point, StoreError};

/// For how long every checkpoint is kept, in milliseconds: a day. Of older days the last of each day stays.
const KEEP_ALL: i64 = 24 * 60 * 60 * 1000;

/// A checkpoint of a log, as the log signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    /// How many leaves the tree has.
    pub size: u64,
    /// The note.
    pub checkpoint: Vec<u8>,
}

/// The database of a witness that is nothing else.
pub struct WitnessStore {
    database: Database,
}

impl WitnessStore {
    /// Opens the database and brings its schema up to date.
    ///
    /// A SQLite file that is not there is made, with mode 0600; SQLite keeps its log beside it.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when a newer program has worked with it, [`StoreError::OtherSchema`] when it
    /// is not a witness's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::open_with(url, Faults::none()).await
    }

    /// The same, with faults at its points.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &DatabaseUrl, faults: Faults) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(url, Schema::Witness, faults).await? })
    }

    /// What it has seen.
    pub fn records(&self) -> WitnessRecords<'_> {
        WitnessRecords::of(&self.database)
    }

    /// Whether these records began with the key of this fingerprint.
    ///
    /// A witness without the records of its key would cosign a second history.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn knows_key(&self, fingerprint: &[u8; 32]) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT fingerprint FROM witness_keys WHERE fingerprint = $1")
            .bind(fingerprint.to_vec())
            .read_optional(&self.database)
            .await?;
        Ok(row.is_some())
    }

    /// Puts a new key on record, before anything is signed with it.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn put_key(&self, fingerprint: &[u8; 32], now: Timestamp) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::WitnessKey).await?;
            sqlx::query(
                "INSERT INTO witness_keys (fingerprint, made_at) VALUES ($1, $2) \
                 ON CONFLICT (fingerprint) DO NOTHING",
            )
            .bind(fingerprint.to_vec())
            .bind(now.as_millis())
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// Writes something that changes nothing, to tell whether the database can be used.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.database.check().await
    }

    /// Closes all connections, once those who use them are done.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// The records of a witness, wherever they are.
#[derive(Clone, Copy)]
pub struct WitnessRecords<'d> {
    database: &'d Database,
}

impl<'d> WitnessRecords<'d> {
    pub(crate) fn of(database: &'d Database) -> Self {
        Self { database }
    }

    /// The last checkpoint of this log that was cosigned, if there is one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn last(&self, origin: &str) -> Result<Option<WitnessedCheckpoint>, StoreError> {
        let row = sqlx::query("SELECT size, checkpoint FROM witnessed_logs WHERE origin = $1")
            .bind(origin)
            .read_optional(self.database)
            .await?;
        row.map(|row| {
            let columns = Columns::new("witnessed_logs", &row);
            Ok(WitnessedCheckpoint {
                size: columns.count("size")?,
                checkpoint: columns.bytes("checkpoint")?,
            })
        })
        .transpose()
    }

    /// Makes a checkpoint the last one of its log, if the last one still is of the size `old` (`None`: there is none).
    ///
    /// Returns whether it is; then it is durable, and kept as evidence too. Else somebody else was first.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn swap(
        &self,
        origin: &str,
        old: Option<u64>,
        new: &WitnessedCheckpoint,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (old, size) = (old.map(column).transpose()?, column(new.size)?);
        retry!(async {
            let mut write = self.database.begin(Point::Witness).await?;
            let swapped = swap(write.connection(), origin, old, size, &new.checkpoint).await?;
            if swapped {
                keep(write.connection(), origin, size, &new.checkpoint, now).await?;
            }
            write.commit().await?;
            Ok(swapped)
        })
    }

    /// Keeps the proof that a log has signed two trees of this size, unless there is one already.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn put_split_view(
        &self,
        origin: &str,
        size: u64,
        [first, second]: [&[u8]; 2],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let size = column(size)?;
        retry!(async {
            let mut write = self.database.begin(Point::SplitView).await?;
            sqlx::query(
                "INSERT INTO split_views (origin, size, seen_at, first, second) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (origin, size) DO NOTHING",
            )
            .bind(origin)
            .bind(size)
            .bind(now.as_millis())
            .bind(first.to_vec())
            .bind(second.to_vec())
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// Thins what was kept as evidence: every checkpoint of the last day stays, and of each day before (UTC) the last
    /// that was seen. Proofs that a log shows two histories stay all. Returns how many went.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn thin(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = now.as_millis().saturating_sub(KEEP_ALL);
        retry!(async {
            let mut write = self.database.begin(Point::WitnessThinned).await?;
            let gone = sqlx::query(
                "DELETE FROM witnessed_checkpoints WHERE seen_at < $1 AND EXISTS (\
                 SELECT 1 FROM witnessed_checkpoints AS later \
                 WHERE later.origin = witnessed_checkpoints.origin \
                 AND later.size > witnessed_checkpoints.size \
                 AND later.seen_at / 86400000 = witnessed_checkpoints.seen_at / 86400000)",
            )
            .bind(before)
            .execute(write.connection())
            .await?
            .rows_affected();
            write.commit().await?;
            Ok(gone)
        })
    }
}

async fn swap(
    connection: &mut AnyConnection,
    origin: &str,
    old: Option<i64>,
    size: i64,
    checkpoint: &[u8],
) -> Result<bool, StoreError> {
    let query = match old {
        None => sqlx::query(
            "INSERT INTO witnessed_logs (origin, size, checkpoint) VALUES ($1, $2, $3) \
             ON CONFLICT (origin) DO NOTHING",
        ),
        Some(_) => sqlx::query(
            "UPDATE witnessed_logs SET size = $2, checkpoint = $3 WHERE origin = $1 AND size = $4",
        ),
    };
    let query = query.bind(origin).bind(size).bind(checkpoint.to_vec());
    let query = match old {
        Some(old) => query.bind(old),
        None => query,
    };
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

/// The same tree signed again is kept once.
async fn keep(
    connection: &mut AnyConnection,
    origin: &str,
    size: i64,
    checkpoint: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO witnessed_checkpoints (origin, size, seen_at, checkpoint) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (origin, size) DO NOTHING",
    )
    .bind(origin)
    .bind(size)
    .bind(now.as_millis())
    .bind(checkpoint.to_vec())
    .execute(connection)
    .await?;
    Ok(())
}

fn column(size: u64) -> Result<i64, StoreError> {
    i64::try_from(size).map_err(|_| StoreError::Foreign { table: "witnessed_logs", column: "size" })
}
