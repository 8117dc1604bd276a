//! The log's entries and its head.
//!
//! Entries are staged in the transaction that they record. Whoever appends reads staged ones, plans the tiles, and
//! swaps the head, comparing it with the one planned on: of several who try, one succeeds.

use claim_core::claim::{ClaimId, LogEntry};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::BlackboardStore;
use super::assignments::stored;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// An entry on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Ascending in the order in which entries were committed; with gaps.
    pub id: i64,
    /// The entry: the leaf's data.
    pub entry: Vec<u8>,
}

/// The head of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHeadRow {
    /// How many leaves the tree has.
    pub size: u64,
    /// Its root.
    pub root: [u8; 32],
    /// The size of the last tree whose tiles are all written.
    pub published_size: u64,
    /// That tree's signed checkpoint: a note.
    pub checkpoint: Vec<u8>,
}

/// What an entry tells of its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// That it was lodged.
    Lodged,
    /// That it was received.
    Received,
    /// That it was withdrawn.
    Withdrawn,
}

/// So many entries get their leaves by one statement: few, so that statements of the same form come again.
const AT_ONCE: usize = 64;

impl EntryKind {
    /// What this entry tells.
    pub fn of(entry: &LogEntry) -> Self {
        match entry {
            LogEntry::Lodged { .. } => Self::Lodged,
            LogEntry::Received { .. } => Self::Received,
            LogEntry::Withdrawn { .. } => Self::Withdrawn,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lodged => "lodged",
            Self::Received => "received",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Numbers for entries of one transaction.
///
/// Their row is locked until the transaction ends, so entries are numbered in the order of commits, and nobody who has
/// read up to one can have missed one before it.
pub(super) struct EntryIds(std::ops::RangeInclusive<i64>);

impl EntryIds {
    pub(super) async fn take(
        connection: &mut AnyConnection,
        count: usize,
    ) -> Result<Self, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let row = sqlx::query("UPDATE log_entry_ids SET last = last + $1 RETURNING last")
            .bind(count)
            .fetch_one(connection)
            .await?;
        let last = Columns::new("log_entry_ids", &row).int("last")?;
        Ok(Self(last.saturating_sub(count).saturating_add(1)..=last))
    }

    /// The next number. Every transaction takes as many as its jobs can need.
    pub(super) fn next(&mut self) -> Option<i64> {
        self.0.next()
    }
}

/// Stages an entry, unless this very one is there: it may be in the log from before, where the records were restored from an
/// older copy. Another one for the same is an error of the caller's.
pub(super) async fn stage(
    connection: &mut AnyConnection,
    id: Option<i64>,
    entry: &LogEntry,
) -> Result<(), StoreError> {
    let foreign = StoreError::Foreign { table: "log_entries", column: "id" };
    let (claim, kind) = (entry.claim().to_string(), EntryKind::of(entry).name());
    let inserted = sqlx::query(
        "INSERT INTO log_entries (id, claim, kind, entry) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (claim, kind) DO NOTHING",
    )
    .bind(id.ok_or(foreign)?)
    .bind(claim.as_str())
    .bind(kind)
    .bind(entry.to_bytes())
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(());
    }
    let row = sqlx::query("SELECT entry FROM log_entries WHERE claim = $1 AND kind = $2")
        .bind(claim)
        .bind(kind)
        .fetch_one(connection)
        .await?;
    let there = Columns::new("log_entries", &row).bytes("entry")?;
    if there == entry.to_bytes() { Ok(()) } else { Err(foreign_entry()) }
}

fn foreign_entry() -> StoreError {
    StoreError::Foreign { table: "log_entries", column: "entry" }
}

/// Whether the log has, or is about to have, the entry that this claim was lodged.
pub(super) async fn has_lodged(
    connection: &mut AnyConnection,
    claim: ClaimId,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT id FROM log_entries WHERE claim = $1 AND kind = 'lodged'")
        .bind(claim.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

impl BlackboardStore {
    /// The head, once there is one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn log_head(&self) -> Result<Option<LogHeadRow>, StoreError> {
        let row =
            sqlx::query("SELECT size, root, published_size, checkpoint FROM log_head WHERE id = 1")
                .read_optional(&self.database)
                .await?;
        row.map(|row| {
            let columns = Columns::new("log_head", &row);
            Ok(LogHeadRow {
                size: columns.count("size")?,
                root: columns.digest("root")?,
                published_size: columns.count("published_size")?,
                checkpoint: columns.bytes("checkpoint")?,
            })
        })
        .transpose()
    }

    /// Begins the log with this head, unless it has begun.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn begin_log(&self, head: &LogHeadRow) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::LogBegin).await?;
            sqlx::query(
                "INSERT INTO log_head (id, size, root, published_size, checkpoint) \
                 VALUES (1, $1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
            )
            .bind(stored(head.size))
            .bind(head.root.to_vec())
            .bind(stored(head.published_size))
            .bind(head.checkpoint.as_slice())
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// Entries that no tree has yet, in their order.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn staged_entries(&self, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, entry FROM log_entries WHERE leaf IS NULL ORDER BY id LIMIT $1",
        )
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Entries of the tree from this leaf on, in the order of the leaves.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn logged_entries(&self, from: u64, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, entry FROM log_entries WHERE leaf >= $1 ORDER BY leaf LIMIT $2",
        )
        .bind(stored(from))
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Gives the entries, which are staged, the leaves from `before.0` on, and swaps the head (size and root) from
    /// `before` to `after`. Returns false, and changes nothing, when the head is another by now, or its checkpoint is not
    /// published yet.
    ///
    /// # Errors
    /// Whatever befalls the database; then read the head again before anything else.
    pub async fn append_to_log(
        &self,
        before: (u64, [u8; 32]),
        after: (u64, [u8; 32]),
        entries: &[EntryRow],
    ) -> Result<bool, StoreError> {
        let mut write = self.database.begin(Point::Batch).await?;
        let swapped = sqlx::query(
            "UPDATE log_head SET size = $1, root = $2 \
             WHERE id = 1 AND size = $3 AND published_size = $3 AND root = $4",
        )
        .bind(stored(after.0))
        .bind(after.1.to_vec())
        .bind(stored(before.0))
        .bind(before.1.to_vec())
        .execute(write.connection())
        .await?
        .rows_affected();
        if swapped != 1 {
            return Ok(false);
        }
        let leaves: Vec<(u64, &EntryRow)> = (before.0..).zip(entries).collect();
        for some in leaves.chunks(AT_ONCE) {
            if give_leaves(write.connection(), some).await? != some.len() as u64 {
                return Ok(false);
            }
        }
        write.commit().await?;
        Ok(true)
    }

    /// Publishes the checkpoint of a tree whose tiles are all written; an older one than is published changes nothing.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn publish_checkpoint(&self, size: u64, checkpoint: &[u8]) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Checkpoint).await?;
            sqlx::query(
                "UPDATE log_head SET published_size = $1, checkpoint = $2 \
                 WHERE id = 1 AND published_size < $1 AND size >= $1",
            )
            .bind(stored(size))
            .bind(checkpoint)
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// The leaf of this entry of the claim, once a tree has it.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn leaf(&self, claim: ClaimId, kind: EntryKind) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query(
            "SELECT leaf FROM log_entries WHERE claim = $1 AND kind = $2 AND leaf IS NOT NULL",
        )
        .bind(claim.to_string())
        .bind(kind.name())
        .read_optional(&self.database)
        .await?;
        row.map(|row| Columns::new("log_entries", &row).count("leaf")).transpose()
    }
}

/// Gives entries their leaves; returns how many of them were still staged.
async fn give_leaves(
    connection: &mut AnyConnection,
    leaves: &[(u64, &EntryRow)],
) -> Result<u64, StoreError> {
    // Without a type of its own PostgreSQL would take a parameter here for text.
    let row =
        |n: usize| format!("(CAST(${} AS BIGINT), CAST(${} AS BIGINT))", 2 * n + 1, 2 * n + 2);
    let rows: Vec<String> = (0..leaves.len()).map(row).collect();
    let update = format!(
        "WITH given (id, leaf) AS (VALUES {}) UPDATE log_entries SET leaf = given.leaf FROM given \
         WHERE log_entries.id = given.id AND log_entries.leaf IS NULL",
        rows.join(", ")
    );
    // Only numbers of parameters were put into the text.
    let mut update = sqlx::query(AssertSqlSafe(update));
    for (leaf, entry) in leaves {
        update = update.bind(entry.id).bind(stored(*leaf));
    }
    Ok(update.execute(connection).await?.rows_affected())
}

fn read(row: &AnyRow) -> Result<EntryRow, StoreError> {
    let columns = Columns::new("log_entries", row);
    Ok(EntryRow { id: columns.int("id")?, entry: columns.bytes("entry")? })
}
