//! What a copy of the records refers to, read without changing the copy.

use std::collections::HashSet;
use std::path::Path;

use claim_core::claim::ClaimId;
use claim_core::hand_in::PieceRef;
use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::{AnyConnection, ConnectOptions, Connection};

use crate::database::install_drivers;
use crate::location::sqlite_copy_url;
use crate::row::Columns;
use crate::{ObjectName, StoreError};

/// How many pieces are read at once.
const PAGE: i64 = 10_000;

/// The database in a backup. It may have any schema, older ones too, and stays as it is.
#[derive(Debug)]
pub struct CopiedRecords {
    connection: AnyConnection,
    /// Claims that were left out, as their erasure had begun.
    erased: HashSet<ClaimId>,
}

impl CopiedRecords {
    /// Opens a database that nobody writes to.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        install_drivers();
        let text = path.to_str().ok_or_else(|| StoreError::Path { path: path.to_owned() })?;
        let url = sqlite_copy_url(text).map_err(|_| StoreError::Path { path: path.to_owned() })?;
        let connection = AnyConnectOptions::from_url(&url)?.connect().await?;
        Ok(Self { connection, erased: HashSet::new() })
    }

    /// The same, of which these claims were left out.
    pub(super) fn without(self, erased: HashSet<ClaimId>) -> Self {
        Self { erased, ..self }
    }

    /// Whether an object is a piece of a claim that was left out; by its path below the folder of objects.
    pub fn left_out(&self, path: &str) -> bool {
        ObjectName::claim_of(path).is_some_and(|claim| self.erased.contains(&claim))
    }

    /// How many entries the log's tree had; their files may not all have been written.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn log_size(&mut self) -> Result<u64, StoreError> {
        self.head("size").await
    }

    /// How many entries the last tree had whose files were all written.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn published_log_size(&mut self) -> Result<u64, StoreError> {
        self.head("published_size").await
    }

    async fn head(&mut self, column: &'static str) -> Result<u64, StoreError> {
        if !self.has("log_head").await? {
            return Ok(0);
        }
        let row = sqlx::query("SELECT size, published_size FROM log_head WHERE id = 1")
            .fetch_optional(&mut self.connection)
            .await?;
        row.map_or(Ok(0), |row| Columns::new("log_head", &row).count(column))
    }

    /// Closes it.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }

    /// The objects of all pieces that are recorded as durable, and that the function does not find.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn missing_pieces(
        &mut self,
        is_there: impl Fn(&ObjectName) -> bool,
    ) -> Result<Vec<ObjectName>, StoreError> {
        let mut missing = Vec::new();
        if !self.has("pieces").await? {
            return Ok(missing);
        }
        let mut after = (String::new(), 0, 0);
        loop {
            let rows = self.pieces(&after).await?;
            for row in &rows {
                let columns = Columns::new("pieces", row);
                after = (columns.text("claim")?, columns.int("file")?, columns.int("piece")?);
                let claim: ClaimId = columns.parsed("claim")?;
                let piece =
                    PieceRef { file: columns.count("file")?, index: columns.count("piece")? };
                let name = ObjectName::piece(claim, piece);
                if !is_there(&name) {
                    missing.push(name);
                }
            }
            if rows.is_empty() {
                return Ok(missing);
            }
        }
    }

    async fn pieces(&mut self, after: &(String, i64, i64)) -> Result<Vec<AnyRow>, StoreError> {
        let page = sqlx::query(
            "SELECT claim, file, piece FROM pieces WHERE (claim, file, piece) > ($1, $2, $3) \
             ORDER BY claim, file, piece LIMIT $4",
        );
        let page = page.bind(after.0.clone()).bind(after.1).bind(after.2).bind(PAGE);
        Ok(page.fetch_all(&mut self.connection).await?)
    }

    async fn has(&mut self, table: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1")
            .bind(table.to_owned())
            .fetch_optional(&mut self.connection)
            .await?;
        Ok(row.is_some())
    }
}
