//! Appending, within the transaction of the deed.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use claim_log::{Frontier, Hash, TreeSize, leaf_hash};
use claim_pki::Timestamp;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::leaf::{LeafData, personal};
use super::{AuditEntry, AuditLog, AuditRecords, By, Concern, DeedName, Entry};
use crate::batch::{BATCH, values};
use crate::database::Write;
use crate::row::Columns;
use crate::{Point, StoreError};

/// The octets of a salt.
const SALT: usize = 16;

/// What the columns of an entry are called, in the order in which they are bound.
pub(crate) const COLUMNS: &str = "number, at, deed, authentication, credential, serial, digest, salt, \
     actor, subject, details, personal, leaf, root";

/// Writes entries in the name of somebody.
#[derive(Clone)]
pub(crate) struct Recorder {
    log: &'static AuditLog,
    /// Who does what no entry says of somebody else.
    by: By,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Recorder {
    /// By the server itself, and by the system's clock.
    pub(crate) fn of(log: &'static AuditLog) -> Self {
        Self::new(log, By::known("", log.server), system_time)
    }

    pub(crate) fn new(
        log: &'static AuditLog,
        by: By,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self { log, by, now: Arc::new(now) }
    }

    /// The same, acting for somebody, by another clock.
    pub(crate) fn acting(
        &self,
        by: By,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self::new(self.log, by, now)
    }

    /// Which log it is.
    pub(crate) fn log(&self) -> &'static AuditLog {
        self.log
    }

    /// Appends these entries to the log; they count when the transaction does. The last thing to be done in it, since
    /// others wait from here on.
    pub(crate) async fn record(
        &self,
        write: &mut Write<'_>,
        entries: &[Entry],
    ) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let head =
            sqlx::query("UPDATE audit_head SET size = size WHERE id = 1 RETURNING size, frontier")
                .fetch_one(write.connection())
                .await?;
        let mut frontier = frontier(&head, "size", "frontier")?;
        let begun = match frontier.size().is_zero() {
            true => Some(begun(self.log, write.connection()).await?),
            false => None,
        };
        let now = (self.now)();
        let mut rows = Vec::with_capacity(entries.len());
        for entry in begun.iter().chain(entries) {
            rows.push(self.next(&mut frontier, entry, now)?);
        }
        for some in rows.chunks(BATCH) {
            insert(write.connection(), some).await?;
        }
        if self.log.has_concerns {
            let all = rows.iter().zip(begun.iter().chain(entries));
            let concerns: Vec<_> = all
                .flat_map(|(row, entry)| entry.concerns.iter().map(|one| (row.number, one)))
                .collect();
            for some in concerns.chunks(BATCH) {
                insert_concerns(write.connection(), some).await?;
            }
        }
        sqlx::query("UPDATE audit_head SET size = $1, frontier = $2 WHERE id = 1")
            .bind(number(frontier.size().value())?)
            .bind(octets(&frontier))
            .execute(write.connection())
            .await?;
        Ok(())
    }

    /// Gives an entry its number and its leaf.
    fn next(
        &self,
        frontier: &mut Frontier,
        entry: &Entry,
        at: Timestamp,
    ) -> Result<AuditEntry, StoreError> {
        let by = entry.by.as_ref().unwrap_or(&self.by);
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|error| sqlx::Error::Io(error.into()))?;
        let (actor, subject) = (plain(&by.who), plain(&entry.subject));
        let details = match entry.details.is_empty() {
            true => String::new(),
            false => plain(&Value::Object(entry.details.clone()).to_string()),
        };
        let mut row = AuditEntry {
            number: frontier.size().value() + 1,
            at,
            deed: entry.deed.as_str().to_owned(),
            authentication: by.authentication.name().to_owned(),
            credential: plain(&by.credential),
            serial: plain(&entry.serial),
            digest: entry.digest.clone(),
            personal: personal(&salt, &actor, &subject, &details),
            salt: salt.to_vec(),
            actor,
            subject,
            details,
            leaf: Hash::EMPTY_TREE,
            root: Hash::EMPTY_TREE,
        };
        row.leaf = leaf_hash(&LeafData::of(&row).to_bytes(self.log.context));
        let full = |_| StoreError::Foreign { table: "audit_head", column: "size" };
        frontier.append(row.leaf).map_err(full)?;
        row.root = frontier.root();
        Ok(row)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("by", &self.by).finish_non_exhaustive()
    }
}

impl AuditRecords<'_> {
    /// Puts entries on record of what was not done in this database: a key made, a backup, a refusal.
    ///
    /// When this returns, they are durable.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn record(&self, entries: &[Entry]) -> Result<(), StoreError> {
        crate::retry::retry!(async {
            let mut write = self.database.begin(Point::Audit).await?;
            self.recorder.record(&mut write, entries).await?;
            write.commit().await
        })
    }
}

/// The first entry of a log: what was there before it, of which it cannot tell more.
async fn begun(log: &AuditLog, connection: &mut AnyConnection) -> Result<Entry, StoreError> {
    let mut entry = Entry::new(DeedName::LOG_BEGUN).by(By::known("", log.server));
    for table in log.counted {
        let sql = format!("SELECT COUNT(*) AS rows_there FROM {table}");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        entry = entry.with(table, Columns::new(table, &row).count("rows_there")?);
    }
    Ok(entry)
}

async fn insert(connection: &mut AnyConnection, rows: &[AuditEntry]) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO audit_entries ({COLUMNS}) VALUES {}", values(rows.len(), 14));
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for row in rows {
        insert = insert
            .bind(number(row.number)?)
            .bind(row.at.as_millis())
            .bind(row.deed.as_str())
            .bind(row.authentication.as_str())
            .bind(row.credential.as_str())
            .bind(row.serial.as_str())
            .bind(row.digest.as_slice())
            .bind(row.salt.as_slice())
            .bind(row.actor.as_str())
            .bind(row.subject.as_str())
            .bind(row.details.as_str())
            .bind(row.personal.as_slice())
            .bind(row.leaf.as_bytes().as_slice())
            .bind(row.root.as_bytes().as_slice());
    }
    insert.execute(connection).await?;
    Ok(())
}

async fn insert_concerns(
    connection: &mut AnyConnection,
    concerns: &[(u64, &Concern)],
) -> Result<(), StoreError> {
    let rows = values(concerns.len(), 3);
    let sql = format!("INSERT INTO audit_concerns (course, person, number) VALUES {rows}");
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for (entry, Concern { course, person }) in concerns {
        insert = insert.bind(course.as_str()).bind(person.as_str()).bind(number(*entry)?);
    }
    insert.execute(connection).await?;
    Ok(())
}

/// The edge of a tree from its columns.
pub(super) fn frontier(
    row: &AnyRow,
    size: &'static str,
    hashes: &'static str,
) -> Result<Frontier, StoreError> {
    let columns = Columns::new("audit_head", row);
    let foreign = |_| columns.foreign(hashes);
    let size = TreeSize::try_from(columns.count(size)?).map_err(|_| columns.foreign(size))?;
    let octets = columns.bytes(hashes)?;
    let (roots, rest) = octets.as_chunks::<{ Hash::LENGTH }>();
    let roots = roots.iter().copied().map(Hash::from_bytes).collect();
    match Frontier::from_roots(size, roots) {
        Some(frontier) if rest.is_empty() => Ok(frontier),
        _ => Err(foreign(())),
    }
}

/// The edge of a tree as a column.
pub(super) fn octets(frontier: &Frontier) -> Vec<u8> {
    frontier.roots().iter().flat_map(|hash| *hash.as_bytes()).collect()
}

pub(crate) fn number(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number)
        .map_err(|_| StoreError::Foreign { table: "audit_entries", column: "number" })
}

/// PostgreSQL's text has no NUL.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Before 1970 it is 1970.
fn system_time() -> Timestamp {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}
