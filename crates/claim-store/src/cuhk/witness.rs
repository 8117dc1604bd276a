//! What CUHK has seen of the logs that it witnesses.

use claim_pki::Timestamp;
use sqlx::AnyConnection;

use super::CuhkStore;
use crate::StoreError;
use crate::retry::retry;
use crate::row::Columns;

/// A checkpoint of a log, as the log signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    /// How many leaves the tree has.
    pub size: u64,
    /// The note.
    pub checkpoint: Vec<u8>,
}

impl CuhkStore {
    /// The last checkpoint of this log that was cosigned, if there is one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn witnessed(&self, origin: &str) -> Result<Option<WitnessedCheckpoint>, StoreError> {
        let row = sqlx::query("SELECT size, checkpoint FROM witnessed_logs WHERE origin = $1")
            .bind(origin)
            .fetch_optional(self.database.reader())
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
    pub async fn witness(
        &self,
        origin: &str,
        old: Option<u64>,
        new: &WitnessedCheckpoint,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (old, size) = (old.map(column).transpose()?, column(new.size)?);
        retry!(async {
            let mut write = self.database.begin().await?;
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
            let mut write = self.database.begin().await?;
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
