//! Taking out entries that stand in an archive.

use claim_log::Frontier;

use super::append::{number, octets};
use super::{AuditLog, AuditRecords, Entry};
use crate::database::Write;
use crate::retry::retry;
use crate::{Point, StoreError};

/// Entries that go out of the records because an archive has them.
#[derive(Clone, Debug)]
pub struct Pruning {
    /// The tree of the entries that went out before.
    pub before: Frontier,
    /// The tree of those that are out with this.
    pub after: Frontier,
    /// That this was done.
    pub entry: Entry,
}

impl AuditRecords<'_> {
    /// Takes out entries; `false`, and nothing was done, when others went out meanwhile.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn prune(&self, pruning: &Pruning) -> Result<bool, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Pruning).await?;
            if !take_out_entries(self.log(), &mut write, pruning).await? {
                return Ok(false);
            }
            self.recorder.record(&mut write, std::slice::from_ref(&pruning.entry)).await?;
            write.commit().await?;
            Ok(true)
        })
    }
}

/// Takes out the entries, unless others went out meanwhile. That it was done is not recorded yet.
pub(crate) async fn take_out_entries(
    log: &AuditLog,
    write: &mut Write<'_>,
    pruning: &Pruning,
) -> Result<bool, StoreError> {
    let Pruning { before, after, entry: _ } = pruning;
    let swapped = sqlx::query(
        "UPDATE audit_head SET pruned = $1, pruned_frontier = $2 WHERE id = 1 AND pruned = $3",
    )
    .bind(number(after.size().value())?)
    .bind(octets(after))
    .bind(number(before.size().value())?)
    .execute(write.connection())
    .await?;
    if swapped.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM audit_entries WHERE number <= $1")
        .bind(number(after.size().value())?)
        .execute(write.connection())
        .await?;
    if log.has_concerns {
        sqlx::query("DELETE FROM audit_concerns WHERE number <= $1")
            .bind(number(after.size().value())?)
            .execute(write.connection())
            .await?;
    }
    Ok(true)
}
