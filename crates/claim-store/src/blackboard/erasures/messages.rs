//! Erasing messages that are old enough.

use claim_core::Timestamp;

use crate::blackboard::BlackboardStore;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// How many messages came before a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldMessages {
    /// How many they are.
    pub count: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// When the first of them came; `None` where there is none.
    pub oldest: Option<Timestamp>,
}

impl BlackboardStore {
    /// The messages that came before this time.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn messages_before(&self, before: Timestamp) -> Result<OldMessages, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS counted, MIN(received_at) AS oldest, \
             CAST(COALESCE(SUM(LENGTH(content)), 0) AS BIGINT) AS bytes \
             FROM messages WHERE received_at < $1",
        )
        .bind(before.as_millis())
        .read_one(&self.database)
        .await?;
        let columns = Columns::new("messages", &row);
        Ok(OldMessages {
            count: columns.count("counted")?,
            bytes: columns.count("bytes")?,
            oldest: columns.optional_time("oldest")?,
        })
    }

    /// Erases so many of the messages that came before this time, which must be long ago: their nonces go too. Returns how
    /// many; none when there are no more.
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat.
    pub async fn erase_messages(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Erased).await?;
            let erased = sqlx::query(
                "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE received_at < $1 \
                 ORDER BY id LIMIT $2)",
            )
            .bind(before.as_millis())
            .bind(i64::from(limit))
            .execute(write.connection())
            .await?
            .rows_affected();
            write.commit().await?;
            Ok(erased)
        })
    }
}
