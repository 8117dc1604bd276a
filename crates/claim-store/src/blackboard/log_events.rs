//! What happened to claims, in the order of the log.

use claim_core::CourseId;
use sqlx::any::AnyRow;

use super::assignments::stored;
use super::claims::{ClaimOutline, outline, select_outlines};
use super::{BlackboardStore, EntryKind};
use crate::StoreError;
use crate::readers::Read;
use crate::row::Columns;

/// An entry of the log, and the claim that it is about as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Its leaf.
    pub leaf: u64,
    /// What it says.
    pub kind: EntryKind,
    /// The claim.
    pub claim: ClaimOutline,
}

impl BlackboardStore {
    /// Up to `limit` entries with leaves from `from` on and before `until`, of all courses, in order, but for those of claims
    /// that were erased.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn log_events(
        &self,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<LogEvent>, StoreError> {
        let rows = sqlx::query(
            select_outlines!("leaf, kind" from "log_entries JOIN claims ON claims.id = log_entries.claim \
             WHERE leaf >= $1 AND leaf < $2 \
             AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id) ORDER BY leaf LIMIT $3"),
        )
        .bind(stored(from))
        .bind(stored(until))
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }

    /// The same of one course.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn log_events_of(
        &self,
        course: &CourseId,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<LogEvent>, StoreError> {
        let rows = sqlx::query(
            select_outlines!("leaf, kind" from "log_entries JOIN claims ON claims.id = log_entries.claim \
             WHERE leaf >= $1 AND leaf < $2 AND course = $4 \
             AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id) ORDER BY leaf LIMIT $3"),
        )
        .bind(stored(from))
        .bind(stored(until))
        .bind(i64::from(limit))
        .bind(course.as_str())
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<LogEvent, StoreError> {
    let columns = Columns::new("log_entries", row);
    let kind = match columns.text("kind")?.as_str() {
        "lodged" => EntryKind::Lodged,
        "received" => EntryKind::Received,
        "withdrawn" => EntryKind::Withdrawn,
        _ => return Err(columns.foreign("kind")),
    };
    Ok(LogEvent { leaf: columns.count("leaf")?, kind, claim: outline(row)? })
}
