//! The sealing ring's rows: who publishes first under a sequence number wins.

use claim_pki::Timestamp;

use super::BlackboardStore;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// One sealing key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingRow {
    /// Its place in the ring: one more than the key before it.
    pub sequence: i64,
    /// The id that tokens carry, as text.
    pub key_id: String,
    /// The key, wrapped by one that the database does not hold.
    pub wrapped: Vec<u8>,
    /// When it was stored.
    pub published_at: Timestamp,
    /// The first moment at which it seals.
    pub use_from: Timestamp,
    /// The moment from which it seals no more.
    pub use_until: Timestamp,
    /// The moment from which it opens no more.
    pub open_until: Timestamp,
}

/// What publishing led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// This key has the sequence number.
    Yes,
    /// Another replica was first: read the ring again and use its key.
    SequenceTaken,
}

impl BlackboardStore {
    /// All keys on record, by sequence number.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn ring(&self) -> Result<Vec<RingRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, key_id, wrapped, published_at, use_from, use_until, open_until \
             FROM sealing_ring ORDER BY sequence",
        )
        .read_all(&self.database)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns::new("sealing_ring", row);
                Ok(RingRow {
                    sequence: columns.int("sequence")?,
                    key_id: columns.text("key_id")?,
                    wrapped: columns.bytes("wrapped")?,
                    published_at: columns.time("published_at")?,
                    use_from: columns.time("use_from")?,
                    use_until: columns.time("use_until")?,
                    open_until: columns.time("open_until")?,
                })
            })
            .collect()
    }

    /// Adds a key to the ring, unless there is one with its sequence number.
    ///
    /// Of several replicas that publish under one number, exactly one gets [`Published::Yes`].
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn publish(&self, key: &RingRow) -> Result<Published, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Ring).await?;
            let inserted = sqlx::query(
                "INSERT INTO sealing_ring (sequence, key_id, wrapped, published_at, use_from, \
                 use_until, open_until) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (sequence) DO NOTHING",
            )
            .bind(key.sequence)
            .bind(key.key_id.as_str())
            .bind(key.wrapped.as_slice())
            .bind(key.published_at.as_millis())
            .bind(key.use_from.as_millis())
            .bind(key.use_until.as_millis())
            .bind(key.open_until.as_millis())
            .execute(write.connection())
            .await?
            .rows_affected();
            write.commit().await?;
            Ok(if inserted == 1 { Published::Yes } else { Published::SequenceTaken })
        })
    }

    /// Forgets the keys that open nothing any more: `open_until` before `time`. Returns how many they were.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn forget_ring_before(&self, time: Timestamp) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Ring).await?;
            let forgotten = sqlx::query("DELETE FROM sealing_ring WHERE open_until < $1")
                .bind(time.as_millis())
                .execute(write.connection())
                .await?
                .rows_affected();
            write.commit().await?;
            Ok(forgotten)
        })
    }

    /// Forgets every key, and with them all sessions: for when the wrapping key is lost or known to others.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn forget_all_ring(&self) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Ring).await?;
            let forgotten = sqlx::query("DELETE FROM sealing_ring")
                .execute(write.connection())
                .await?
                .rows_affected();
            write.commit().await?;
            Ok(forgotten)
        })
    }
}
