//! Claims that are being erased do not go into a backup.

use std::collections::HashSet;
use std::path::Path;

use claim_core::claim::ClaimId;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection, Executor};

use crate::StoreError;
use crate::blackboard::erasures;
use crate::location::sqlite_url;
use crate::row::Columns;

/// Ends, in a copy of a database, the erasures that had begun, and returns of which claims. Any other database stays as it is.
pub(super) async fn leave_out(copy: &Path) -> Result<HashSet<ClaimId>, StoreError> {
    let path = || StoreError::Path { path: copy.to_owned() };
    let url = sqlite_url(copy.to_str().ok_or_else(path)?).map_err(|_| path())?;
    let mut connection = AnyConnectOptions::from_url(&url)?.connect().await?;
    let claims = under_way(&mut connection).await?;
    if !claims.is_empty() {
        // Nobody else has it open, and whoever is killed here has no backup.
        connection.execute("PRAGMA secure_delete = ON; PRAGMA journal_mode = MEMORY").await?;
        let mut transaction = connection.begin().await?;
        for claim in &claims {
            erasures::finish(&mut transaction, *claim).await?;
        }
        transaction.execute("UPDATE erasures SET done = 1").await?;
        transaction.commit().await?;
        connection.execute("VACUUM").await?;
    }
    connection.close().await?;
    Ok(claims)
}

async fn under_way(connection: &mut AnyConnection) -> Result<HashSet<ClaimId>, StoreError> {
    let table = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'erasures'";
    if sqlx::query(table).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(HashSet::new());
    }
    let rows =
        sqlx::query("SELECT claim FROM erasures WHERE done = 0").fetch_all(connection).await?;
    rows.iter().map(|row| Columns::new("erasures", row).parsed("claim")).collect()
}
