//! Erasing claims and messages that are old enough: what is left of a claim is its id, which is in the public log anyway,
//! and when it was erased.
//!
//! A holder's claims for one assignment go together, so that an earlier one never seems to count for want of a later one.
//! The order is what makes it safe to be cut off: claims are noted as erased, and not shown any more; then their files go;
//! then their records; then what lingers of those. Whoever comes again finds the notes, and goes on.

mod messages;

use claim_core::claim::ClaimId;
use claim_core::{AssignmentRef, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::BlackboardStore;
use super::log::EntryIds;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, Scrubbed, StoreError};

pub use messages::OldMessages;

/// What may be erased of one assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasable {
    /// What the claims were handed in for.
    pub reference: AssignmentRef,
    /// How many claims they are.
    pub claims: u64,
    /// When the first of them was lodged.
    pub oldest: Timestamp,
    /// When the last of them was lodged.
    pub newest: Timestamp,
    /// How many bytes the signed claims, tokens and lists have together; their files are not among them.
    pub bytes: u64,
}

/// That a claim was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// When that began.
    pub erased_at: Timestamp,
    /// Whether nothing of it is left.
    pub done: bool,
}

/// Of a holder's row `h`: nothing was lodged or received since the time ($1), nothing waits for files, the assignment was
/// over by then, the log has all entries, and there is something that is not being erased yet.
macro_rules! is_old {
    () => {
        "NOT EXISTS (SELECT 1 FROM claims AS d WHERE d.course = h.course AND d.assignment = h.assignment \
         AND d.holder = h.holder AND (d.lodged_at >= $1 OR d.received_at >= $1 OR d.state = 'waiting' \
         OR EXISTS (SELECT 1 FROM log_entries AS e WHERE e.claim = d.id AND e.leaf IS NULL))) \
         AND NOT EXISTS (SELECT 1 FROM assignments AS a WHERE a.course = h.course \
         AND a.assignment = h.assignment AND (a.due >= $1 OR a.until >= $1)) \
         AND NOT EXISTS (SELECT 1 FROM extensions AS x WHERE x.course = h.course \
         AND x.assignment = h.assignment AND x.revoked_at IS NULL AND (x.due >= $1 OR x.until >= $1)) \
         AND EXISTS (SELECT 1 FROM claims AS f WHERE f.course = h.course AND f.assignment = h.assignment \
         AND f.holder = h.holder AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = f.id))"
    };
}

impl BlackboardStore {
    /// What may be erased, by assignment: of holders of whom nothing came since this time.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn erasable(&self, before: Timestamp) -> Result<Vec<Erasable>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT c.course, c.assignment, COUNT(*) AS claims, MIN(c.lodged_at) AS oldest, \
             MAX(c.lodged_at) AS newest, CAST(SUM(LENGTH(c.cms) + LENGTH(c.token) + LENGTH(c.revocation) \
             + COALESCE(LENGTH(c.withdrawal), 0) + COALESCE(LENGTH(c.outage), 0)) AS BIGINT) AS bytes \
             FROM claims AS c JOIN holders AS h ON h.course = c.course AND h.assignment = c.assignment \
             AND h.holder = c.holder WHERE ",
            is_old!(),
            " GROUP BY c.course, c.assignment ORDER BY c.course, c.assignment"
        ))
        .bind(before.as_millis())
        .read_all(&self.database)
        .await?;
        rows.iter().map(erasable).collect()
    }

    /// The claims for one assignment that may be erased.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn erasable_claims(
        &self,
        reference: &AssignmentRef,
        before: Timestamp,
    ) -> Result<Vec<ClaimId>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT c.id FROM claims AS c JOIN holders AS h ON h.course = c.course \
             AND h.assignment = c.assignment AND h.holder = c.holder \
             WHERE c.course = $2 AND c.assignment = $3 AND ",
            is_old!()
        ))
        .bind(before.as_millis())
        .bind(reference.course.as_str())
        .bind(reference.assignment.as_str())
        .read_all(&self.database)
        .await?;
        rows.iter().map(|row| Columns::new("claims", row).parsed("id")).collect()
    }

    /// Notes that the claims of so many holders for an assignment are being erased, if they still may be: from now on they
    /// are not shown any more. Returns which; none when there are no more.
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat.
    pub async fn begin_erasures(
        &self,
        reference: &AssignmentRef,
        before: Timestamp,
        at: Timestamp,
        holders: u32,
    ) -> Result<Vec<ClaimId>, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::ErasureBegun).await?;
            // Whoever lodges, or marks pieces, comes before this or after it.
            EntryIds::take(write.connection(), 0).await?;
            let holders = old_holders(write.connection(), reference, before, holders).await?;
            let mut begun = Vec::new();
            for holder in &holders {
                begun.extend(note(write.connection(), reference, holder, at).await?);
            }
            if !begun.is_empty() {
                write.commit().await?;
            }
            Ok(begun)
        })
    }

    /// The claims whose erasure has begun, and of which something may be left.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn erasures_under_way(&self) -> Result<Vec<ClaimId>, StoreError> {
        let rows = sqlx::query("SELECT claim FROM erasures WHERE done = 0 ORDER BY claim")
            .read_all(&self.database)
            .await?;
        rows.iter().map(|row| Columns::new("erasures", row).parsed("claim")).collect()
    }

    /// Erases the records of claims whose erasure has begun and whose files are gone. Their entries in the log stay: they
    /// have ids and digests alone.
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat.
    pub async fn finish_erasures(&self, claims: &[ClaimId]) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Erased).await?;
            // As at the beginning: a holder's row does not go while a claim of theirs comes.
            EntryIds::take(write.connection(), 0).await?;
            for claim in claims {
                finish(write.connection(), *claim).await?;
            }
            write.commit().await
        })
    }

    /// Notes that nothing is left of these claims, whose records are gone and [scrubbed](Self::scrub).
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat.
    pub async fn settle_erasures(&self, claims: &[ClaimId]) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Erased).await?;
            for claim in claims {
                sqlx::query(
                    "UPDATE erasures SET done = 1 WHERE claim = $1 \
                     AND NOT EXISTS (SELECT 1 FROM claims WHERE claims.id = $1)",
                )
                .bind(claim.to_string())
                .execute(write.connection())
                .await?;
            }
            write.commit().await
        })
    }

    /// When a claim was erased, if it was.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn erasure(&self, claim: ClaimId) -> Result<Option<Erasure>, StoreError> {
        let row =
            sqlx::query(SELECT_ONE).bind(claim.to_string()).read_optional(&self.database).await?;
        row.as_ref().map(read).transpose()
    }

    /// Assignments for which somebody tried to hand in, and nothing was taken: the rows of these people say nothing.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn empty_holders(&self) -> Result<Vec<AssignmentRef>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT course, assignment FROM holders WHERE attempts = 0 \
             AND last_claim IS NULL ORDER BY course, assignment",
        )
        .read_all(&self.database)
        .await?;
        rows.iter().map(|row| reference(&Columns::new("holders", row))).collect()
    }

    /// Erases these rows of one assignment. Where there is none it is as if it said that nothing was lodged.
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat.
    pub async fn erase_empty_holders(&self, reference: &AssignmentRef) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Erased).await?;
            // A lodging that is under way has made its row, and fills it.
            EntryIds::take(write.connection(), 0).await?;
            sqlx::query(
                "DELETE FROM holders WHERE course = $1 AND assignment = $2 AND attempts = 0 \
                 AND last_claim IS NULL",
            )
            .bind(reference.course.as_str())
            .bind(reference.assignment.as_str())
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// Takes what was erased out of the database's files too. So long nobody else can write; twice the file's size must be
    /// free.
    ///
    /// # Errors
    /// Whatever befalls the database; what was erased stays so.
    pub async fn scrub(&self) -> Result<Scrubbed, StoreError> {
        self.database.scrub().await
    }
}

/// The erasure of a claim, as the transaction sees it.
pub(super) async fn find(
    connection: &mut AnyConnection,
    claim: ClaimId,
) -> Result<Option<Erasure>, StoreError> {
    let row = sqlx::query(SELECT_ONE).bind(claim.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

const SELECT_ONE: &str = "SELECT erased_at, done FROM erasures WHERE claim = $1";

async fn old_holders(
    connection: &mut AnyConnection,
    reference: &AssignmentRef,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT h.holder FROM holders AS h WHERE h.course = $2 AND h.assignment = $3 AND ",
        is_old!(),
        " ORDER BY h.holder LIMIT $4"
    ))
    .bind(before.as_millis())
    .bind(reference.course.as_str())
    .bind(reference.assignment.as_str())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Columns::new("holders", row).text("holder")).collect()
}

async fn note(
    connection: &mut AnyConnection,
    reference: &AssignmentRef,
    holder: &str,
    at: Timestamp,
) -> Result<Vec<ClaimId>, StoreError> {
    let rows = sqlx::query(
        "INSERT INTO erasures (claim, erased_at, done) \
         SELECT id, CAST($4 AS BIGINT), 0 FROM claims WHERE course = $1 AND assignment = $2 AND holder = $3 \
         AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id) RETURNING claim",
    )
    .bind(reference.course.as_str())
    .bind(reference.assignment.as_str())
    .bind(holder)
    .bind(at.as_millis())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Columns::new("erasures", row).parsed("claim")).collect()
}

/// Erases the records of a claim whose erasure has begun; of any other nothing.
pub(crate) async fn finish(
    connection: &mut AnyConnection,
    claim: ClaimId,
) -> Result<(), StoreError> {
    let id = claim.to_string();
    // The holder's row goes with the last of the claims: it names people.
    for sql in [
        "DELETE FROM claim_members WHERE claim = $1 \
         AND EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = $1)",
        "DELETE FROM choices WHERE claim = $1 \
         AND EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = $1)",
        "DELETE FROM pieces WHERE claim = $1 \
         AND EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = $1)",
        "DELETE FROM holders WHERE EXISTS (SELECT 1 FROM claims WHERE claims.id = $1 \
         AND claims.course = holders.course AND claims.assignment = holders.assignment \
         AND claims.holder = holders.holder) \
         AND NOT EXISTS (SELECT 1 FROM claims WHERE claims.id <> $1 AND claims.course = holders.course \
         AND claims.assignment = holders.assignment AND claims.holder = holders.holder) \
         AND EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = $1)",
        "DELETE FROM claims WHERE id = $1 \
         AND EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = $1)",
    ] {
        sqlx::query(sql).bind(id.clone()).execute(&mut *connection).await?;
    }
    Ok(())
}

fn read(row: &AnyRow) -> Result<Erasure, StoreError> {
    let columns = Columns::new("erasures", row);
    Ok(Erasure { erased_at: columns.time("erased_at")?, done: columns.int("done")? != 0 })
}

fn erasable(row: &AnyRow) -> Result<Erasable, StoreError> {
    let columns = Columns::new("claims", row);
    Ok(Erasable {
        reference: reference(&columns)?,
        claims: columns.count("claims")?,
        oldest: columns.time("oldest")?,
        newest: columns.time("newest")?,
        bytes: columns.count("bytes")?,
    })
}

fn reference(columns: &Columns<'_>) -> Result<AssignmentRef, StoreError> {
    Ok(AssignmentRef {
        course: columns.parsed("course")?,
        assignment: columns.parsed("assignment")?,
    })
}
