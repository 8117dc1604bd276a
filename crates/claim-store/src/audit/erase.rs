//! Erasing who, whom and what of entries: their hash stays, so the log verifies as before.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::StoreError;
use crate::batch::parameters;

/// Erases the personal part of every entry that was done by one of these, or is about one of them; returns of how many.
///
/// At most [`BATCH`](crate::batch::BATCH) of them. With whom an entry is about goes who did it: both are under one hash.
pub(crate) async fn erase_personal(
    connection: &mut AnyConnection,
    who: &[&str],
) -> Result<u64, StoreError> {
    if who.is_empty() {
        return Ok(0);
    }
    let these = parameters(2, who.len());
    let sql = format!(
        "UPDATE audit_entries SET salt = $1, actor = '', subject = '', details = '' \
         WHERE (subject IN ({these}) OR actor IN ({these})) AND salt <> $1"
    );
    let mut update = sqlx::query(AssertSqlSafe(sql)).bind(Vec::<u8>::new());
    for one in who {
        update = update.bind(*one);
    }
    Ok(update.execute(connection).await?.rows_affected())
}
