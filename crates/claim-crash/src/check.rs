//! What must hold after every break: everything acknowledged is there and verifies, and nothing is half done.
//!
//! The databases are read by queries of the harness's own, the rest as anybody reads it: over HTTPS, with the code of
//! `claim verify` and `claim log audit`.

mod audit;
mod blackboard;
mod claims;
mod cuhk;
mod log;

use anyhow::Result;
use claim_core::claim::ClaimId;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection, Row as _, SqlSafeStr};

use crate::world::Scene;

/// Which claims to fetch and verify in full. The records are always looked at as a whole.
#[derive(Clone, Copy, Debug)]
pub enum Claims<'a> {
    /// These.
    These(&'a [ClaimId]),
    /// Every one.
    All,
}

/// Says what is wrong: nothing, as it should be.
///
/// # Errors
/// When it cannot be checked.
pub async fn check(scene: &Scene, claims: Claims<'_>) -> Result<Vec<String>> {
    let mut wrong = cuhk::check(scene).await?;
    // The log first: what is in it must be on record, and the records grow.
    let entries = log::check(scene, &mut wrong).await?;
    wrong.extend(blackboard::check(scene, &entries).await?);
    wrong.extend(claims::check(scene, claims).await?);
    Ok(wrong)
}

/// A row of a database.
pub(crate) struct Row(AnyRow);

impl Row {
    pub(crate) fn int(&self, column: &str) -> Option<i64> {
        self.0.try_get(column).ok()
    }

    pub(crate) fn text(&self, column: &str) -> Option<String> {
        self.0.try_get(column).ok()
    }

    pub(crate) fn bytes(&self, column: &str) -> Option<Vec<u8>> {
        self.0.try_get::<Option<Vec<u8>>, _>(column).ok().flatten()
    }
}

/// What a database holds, read beside the server that uses it.
pub(crate) async fn rows(database: &str, sql: &'static str) -> Result<Vec<Row>> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(database).await?;
    let rows = sqlx::query(sql.into_sql_str()).fetch_all(&mut connection).await;
    connection.close().await?;
    Ok(rows?.into_iter().map(Row).collect())
}
