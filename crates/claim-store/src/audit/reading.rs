//! Reading the log: page by page, by what is asked for.

use claim_log::{Frontier, Hash};
use claim_pki::Timestamp;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::append::{COLUMNS, frontier, number};
use super::{AuditEntry, AuditLog, DeedName, Recorder};
use crate::database::Database;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// Which entries are asked for; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// Done by this one, or about this one.
    pub person: Option<String>,
    /// About the certificate with this serial number, or done with it.
    pub serial: Option<String>,
    /// This deed.
    pub deed: Option<DeedName>,
    /// By somebody known in this way, by its name.
    pub authentication: Option<String>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// The head of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The edge of the whole tree.
    pub frontier: Frontier,
    /// The edge of the tree of those entries that stand in archives only.
    pub pruned: Frontier,
}

/// A checkpoint that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheckpoint {
    /// How many entries it covers.
    pub size: u64,
    /// When it was signed.
    pub at: Timestamp,
    /// The signed note.
    pub note: Vec<u8>,
}

/// The audit log among a server's records.
#[derive(Clone, Copy)]
pub struct AuditRecords<'s> {
    pub(super) database: &'s Database,
    pub(super) recorder: &'s Recorder,
}

impl<'s> AuditRecords<'s> {
    pub(crate) fn of(database: &'s Database, recorder: &'s Recorder) -> Self {
        Self { database, recorder }
    }

    /// Which log it is.
    pub fn log(&self) -> &'static AuditLog {
        self.recorder.log()
    }

    /// Up to `limit` entries after this number, in order.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn entries(
        &self,
        after: u64,
        filter: &EntryFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let (mut sql, mut texts) = (String::new(), Vec::new());
        let mut add = |condition: &str, text: &str| {
            texts.push(text.to_owned());
            sql.push_str(&condition.replace('?', &format!("${}", texts.len() + 4)));
        };
        if let Some(person) = &filter.person {
            add(" AND (subject = ? OR actor = ?)", person);
        }
        if let Some(serial) = &filter.serial {
            add(" AND (serial = ? OR credential = ?)", serial);
        }
        if let Some(deed) = filter.deed {
            add(" AND deed = ?", deed.as_str());
        }
        if let Some(authentication) = &filter.authentication {
            add(" AND authentication = ?", authentication);
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entries WHERE number > $1 AND at >= $2 AND at < $3{sql} \
             ORDER BY number LIMIT $4"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(number(after)?)
            .bind(filter.from.map_or(i64::MIN, Timestamp::as_millis))
            .bind(filter.until.map_or(i64::MAX, Timestamp::as_millis))
            .bind(i64::from(limit));
        for text in texts {
            query = query.bind(text);
        }
        let rows = query.read_all(self.database).await?;
        rows.iter().map(read).collect()
    }

    /// The last entry of this deed, if there is one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn last_entry(
        &self,
        deed: impl Into<DeedName>,
    ) -> Result<Option<AuditEntry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entries WHERE deed = $1 ORDER BY number DESC LIMIT 1"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(deed.into().as_str());
        query.read_optional(self.database).await?.as_ref().map(read).transpose()
    }

    /// The head of the log.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn head(&self) -> Result<AuditHead, StoreError> {
        let row = sqlx::query(
            "SELECT size, frontier, pruned, pruned_frontier FROM audit_head WHERE id = 1",
        )
        .read_one(self.database)
        .await?;
        Ok(AuditHead {
            frontier: frontier(&row, "size", "frontier")?,
            pruned: frontier(&row, "pruned", "pruned_frontier")?,
        })
    }

    /// Keeps a signed checkpoint; the first of each size stays.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn put_checkpoint(&self, checkpoint: &AuditCheckpoint) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::AuditCheckpoint).await?;
            sqlx::query(
                "INSERT INTO audit_checkpoints (size, at, note) VALUES ($1, $2, $3) \
                 ON CONFLICT (size) DO NOTHING",
            )
            .bind(number(checkpoint.size)?)
            .bind(checkpoint.at.as_millis())
            .bind(checkpoint.note.as_slice())
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// Puts the note of a checkpoint with one more signature in the place of the one on record; `false` when that is another.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn replace_checkpoint(
        &self,
        size: u64,
        was: &[u8],
        is: &[u8],
    ) -> Result<bool, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::AuditCheckpoint).await?;
            let replaced =
                sqlx::query("UPDATE audit_checkpoints SET note = $3 WHERE size = $1 AND note = $2")
                    .bind(number(size)?)
                    .bind(was)
                    .bind(is)
                    .execute(write.connection())
                    .await?;
            write.commit().await?;
            Ok(replaced.rows_affected() > 0)
        })
    }

    /// The checkpoint of this size, if one is on record.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn checkpoint(&self, size: u64) -> Result<Option<AuditCheckpoint>, StoreError> {
        let sql = "SELECT size, at, note FROM audit_checkpoints WHERE size = $1";
        let query = sqlx::query(sql).bind(number(size)?);
        query.read_optional(self.database).await?.as_ref().map(checkpoint).transpose()
    }

    /// The largest checkpoint on record, if there is one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn last_checkpoint(&self) -> Result<Option<AuditCheckpoint>, StoreError> {
        let sql = "SELECT size, at, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1";
        let row = sqlx::query(sql).read_optional(self.database).await?;
        row.as_ref().map(checkpoint).transpose()
    }

    /// Every checkpoint on record, the smallest first.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn checkpoints(&self) -> Result<Vec<AuditCheckpoint>, StoreError> {
        let rows = sqlx::query("SELECT size, at, note FROM audit_checkpoints ORDER BY size")
            .read_all(self.database)
            .await?;
        rows.iter().map(checkpoint).collect()
    }
}

fn checkpoint(row: &AnyRow) -> Result<AuditCheckpoint, StoreError> {
    let columns = Columns::new("audit_checkpoints", row);
    Ok(AuditCheckpoint {
        size: columns.count("size")?,
        at: columns.time("at")?,
        note: columns.bytes("note")?,
    })
}

pub(crate) fn read(row: &AnyRow) -> Result<AuditEntry, StoreError> {
    let columns = Columns::new("audit_entries", row);
    Ok(AuditEntry {
        number: columns.count("number")?,
        at: columns.time("at")?,
        deed: columns.text("deed")?,
        authentication: columns.text("authentication")?,
        credential: columns.text("credential")?,
        serial: columns.text("serial")?,
        digest: columns.bytes("digest")?,
        salt: columns.bytes("salt")?,
        actor: columns.text("actor")?,
        subject: columns.text("subject")?,
        details: columns.text("details")?,
        personal: columns.digest("personal")?,
        leaf: Hash::from_bytes(columns.digest("leaf")?),
        root: Hash::from_bytes(columns.digest("root")?),
    })
}
