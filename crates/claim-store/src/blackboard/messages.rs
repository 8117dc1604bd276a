//! The messages of step 6: kept once, whatever is repeated.

use claim_pki::{PersonId, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::BlackboardStore;
use crate::database::Database;
use crate::readers::Read;
use crate::row::Columns;
use crate::writer::Job;
use crate::{Point, StoreError};

/// A message whose signature and digest were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The session's id.
    pub session: [u8; 32],
    /// The request's nonce; with the session it makes the message unique.
    pub nonce: [u8; 16],
    /// The session's person.
    pub person: PersonId,
    /// When its last byte was read.
    pub received_at: Timestamp,
    /// SHA-256 of the content as it was sent.
    pub content_digest: [u8; 32],
    /// The content.
    pub text: String,
}

/// A message on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Ascending in the order in which messages were committed, at whichever replica; with gaps.
    pub id: i64,
    /// Who sent it.
    pub person: PersonId,
    /// When it was first received.
    pub received_at: Timestamp,
    /// What it says.
    pub text: String,
}

/// What keeping a message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is new, and on record now.
    First(StoredMessage),
    /// It was on record, with the same content.
    Repeat(StoredMessage),
    /// Its session and nonce were used before, for other content; nothing was changed.
    Conflict,
}

impl BlackboardStore {
    /// Keeps a message; when this returns, it is durable.
    ///
    /// Messages that come at the same time share a transaction. A caller that stops waiting takes nothing back:
    /// the message may be kept all the same, and then comes as [`Kept::Repeat`] when it is sent again.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait, [`StoreError::Closed`] after [`BlackboardStore::close`];
    /// whatever befalls the database. The message may be sent again in every case.
    pub async fn keep_message(&self, message: NewMessage) -> Result<Kept, StoreError> {
        self.messages.commit(message).await
    }

    /// Up to `limit` messages with an id greater than `after`, in ascending order.
    ///
    /// No message with a smaller id than one that was read can still appear.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn messages(&self, after: i64, limit: u32) -> Result<Vec<StoredMessage>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, person, received_at, content FROM messages WHERE id > $1 \
             ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }

    /// How many messages are on record.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn message_count(&self) -> Result<u64, StoreError> {
        let row =
            sqlx::query("SELECT COUNT(*) AS count FROM messages").read_one(&self.database).await?;
        let columns = Columns::new("messages", &row);
        u64::try_from(columns.int("count")?).map_err(|_| columns.foreign("count"))
    }
}

impl Job for NewMessage {
    type Outcome = Kept;

    /// With the largest messages, 64 MiB.
    const QUEUE: usize = 1024;

    const BATCH: usize = 128;

    async fn commit(database: &Database, jobs: &[&Self]) -> Result<Vec<Kept>, StoreError> {
        keep(database, jobs).await
    }
}

async fn keep(database: &Database, messages: &[&NewMessage]) -> Result<Vec<Kept>, StoreError> {
    let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    let mut write = database.begin(Point::Message).await?;
    // First of all, so that transactions of several replicas queue here and cannot lock crosswise.
    let row = sqlx::query("UPDATE message_ids SET last = last + $1 RETURNING last")
        .bind(count)
        .fetch_one(write.connection())
        .await?;
    let last = Columns::new("message_ids", &row).int("last")?;
    let ids = (last.saturating_sub(count)..last).map(|before| before.saturating_add(1));
    let mut kept = Vec::with_capacity(messages.len());
    for (id, message) in ids.zip(messages) {
        kept.push(keep_one(write.connection(), id, message).await?);
    }
    write.commit().await?;
    Ok(kept)
}

async fn keep_one(
    connection: &mut AnyConnection,
    id: i64,
    message: &NewMessage,
) -> Result<Kept, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO messages (id, session, nonce, person, received_at, content_digest, content) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (session, nonce) DO NOTHING",
    )
    .bind(id)
    .bind(message.session.to_vec())
    .bind(message.nonce.to_vec())
    .bind(message.person.as_str())
    .bind(message.received_at.as_millis())
    .bind(message.content_digest.to_vec())
    .bind(message.text.as_bytes())
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Kept::First(StoredMessage {
            id,
            person: message.person.clone(),
            received_at: message.received_at,
            text: message.text.clone(),
        }));
    }
    let row = sqlx::query(
        "SELECT id, person, received_at, content_digest, content FROM messages \
         WHERE session = $1 AND nonce = $2",
    )
    .bind(message.session.to_vec())
    .bind(message.nonce.to_vec())
    .fetch_one(connection)
    .await?;
    let same = Columns::new("messages", &row).digest("content_digest")? == message.content_digest;
    if same { Ok(Kept::Repeat(read(&row)?)) } else { Ok(Kept::Conflict) }
}

fn read(row: &AnyRow) -> Result<StoredMessage, StoreError> {
    let columns = Columns::new("messages", row);
    Ok(StoredMessage {
        id: columns.int("id")?,
        person: columns.parsed("person")?,
        received_at: columns.time("received_at")?,
        text: String::from_utf8(columns.bytes("content")?)
            .map_err(|_| columns.foreign("content"))?,
    })
}
