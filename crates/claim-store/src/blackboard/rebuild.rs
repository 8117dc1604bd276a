//! Bringing the log's lost entries back into records that were restored from an older copy.

use claim_core::claim::{ClaimId, LogEntry};
use sqlx::AnyConnection;

use super::BlackboardStore;
use super::assignments::stored;
use super::log::{EntryIds, EntryKind};
use crate::row::Columns;
use crate::{Point, StoreError};

/// What bringing lost entries back led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// The records have the head now, and every entry under it.
    Done {
        /// Claims that were lodged by these entries, and of which there is no record: they came after the copy was made.
        lost: Vec<ClaimId>,
        /// Claims on record that these entries say were withdrawn; they are withdrawn on record now, too.
        withdrawn: Vec<ClaimId>,
    },
    /// The head is another by now; nothing was changed.
    HeadMoved,
    /// The records have another entry for the same: the claim was lodged or withdrawn anew after the restore. Nothing was
    /// changed.
    Contradicts {
        /// Which claim.
        claim: ClaimId,
    },
}

impl BlackboardStore {
    /// Puts these entries on record as the leaves from `before.0` on and swaps the head (size and root) from `before` to
    /// `after`, all at once. The checkpoint that is published stays: the files come first, as after any batch.
    ///
    /// Entries that are staged are recognised and get their leaves. The caller has verified that the entries lead from one
    /// head to the other.
    ///
    /// # Errors
    /// Whatever befalls the database; then read the head again before anything else.
    pub async fn rebuild_log(
        &self,
        before: (u64, [u8; 32]),
        after: (u64, [u8; 32]),
        entries: &[LogEntry],
    ) -> Result<Rebuilt, StoreError> {
        let mut write = self.database.begin(Point::LogRebuilt).await?;
        // First of all, as everywhere, so that replicas cannot lock crosswise.
        let mut ids = EntryIds::take(write.connection(), entries.len()).await?;
        let swapped = sqlx::query(
            "UPDATE log_head SET size = $1, root = $2 WHERE id = 1 AND size = $3 AND root = $4",
        )
        .bind(stored(after.0))
        .bind(after.1.to_vec())
        .bind(stored(before.0))
        .bind(before.1.to_vec())
        .execute(write.connection())
        .await?;
        if swapped.rows_affected() != 1 {
            return Ok(Rebuilt::HeadMoved);
        }
        let mut withdrawn = Vec::new();
        for (leaf, entry) in (before.0..).zip(entries) {
            if !put(write.connection(), ids.next(), leaf, entry).await? {
                return Ok(Rebuilt::Contradicts { claim: entry.claim() });
            }
            if let LogEntry::Withdrawn { claim, .. } = *entry
                && withdraw(write.connection(), claim).await?
            {
                withdrawn.push(claim);
            }
        }
        let lost = without_record(write.connection(), before.0).await?;
        write.commit().await?;
        Ok(Rebuilt::Done { lost, withdrawn })
    }
}

/// Puts one entry on record under its leaf; false when there is another one for the same, or it has a leaf already.
async fn put(
    connection: &mut AnyConnection,
    id: Option<i64>,
    leaf: u64,
    entry: &LogEntry,
) -> Result<bool, StoreError> {
    let (claim, kind) = (entry.claim().to_string(), EntryKind::of(entry).name());
    let put = sqlx::query(
        "INSERT INTO log_entries (id, claim, kind, entry, leaf) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (claim, kind) DO UPDATE SET leaf = excluded.leaf \
         WHERE log_entries.leaf IS NULL AND log_entries.entry = excluded.entry",
    )
    .bind(id.ok_or(StoreError::Foreign { table: "log_entries", column: "id" })?)
    .bind(claim)
    .bind(kind)
    .bind(entry.to_bytes())
    .bind(stored(leaf))
    .execute(connection)
    .await?;
    Ok(put.rows_affected() == 1)
}

/// Has the record of a claim say that it was withdrawn; the signed withdrawal itself is lost. False when there is no record
/// of it, or it says so.
async fn withdraw(connection: &mut AnyConnection, claim: ClaimId) -> Result<bool, StoreError> {
    let withdrawn =
        sqlx::query("UPDATE claims SET state = 'withdrawn' WHERE id = $1 AND state <> 'withdrawn'")
            .bind(claim.to_string())
            .execute(connection)
            .await?;
    Ok(withdrawn.rows_affected() == 1)
}

/// The claims that were lodged by entries from this leaf on, and are not on record.
async fn without_record(
    connection: &mut AnyConnection,
    from: u64,
) -> Result<Vec<ClaimId>, StoreError> {
    let rows = sqlx::query(
        "SELECT claim FROM log_entries WHERE leaf >= $1 AND kind = 'lodged' \
         AND NOT EXISTS (SELECT 1 FROM claims WHERE claims.id = log_entries.claim) \
         AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = log_entries.claim) ORDER BY leaf",
    )
    .bind(stored(from))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Columns::new("log_entries", row).parsed("claim")).collect()
}
