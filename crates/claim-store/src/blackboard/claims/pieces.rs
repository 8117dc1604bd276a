//! Receiving: pieces are marked once they are durable; with the last one the claim is received.

use claim_core::Timestamp;
use claim_core::claim::{ClaimId, LogEntry};
use claim_core::hand_in::{ClaimState, PieceRef};
use sqlx::AnyConnection;

use super::{state, state_name};
use crate::blackboard::assignments::stored;
use crate::blackboard::log::{self, EntryIds};
use crate::database::Database;
use crate::row::Columns;
use crate::writer::Job;
use crate::{Point, StoreError};

/// A piece that is durable in the object storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPiece {
    /// The claim it belongs to.
    pub claim: ClaimId,
    /// Which piece.
    pub piece: PieceRef,
    /// When it became durable.
    pub at: Timestamp,
}

/// What marking a piece led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// It counts; other pieces are missing.
    Waiting {
        /// Whether it was missing, too.
        now: bool,
    },
    /// It counts, and the claim is received: by this piece, or it was before.
    Received {
        /// Whether this piece was the last.
        now: bool,
    },
    /// The claim takes no pieces any more.
    Ended {
        /// What has become of it.
        state: ClaimState,
    },
    /// There is no such claim.
    NoClaim,
}

impl Job for NewPiece {
    type Outcome = Marked;

    const QUEUE: usize = 4096;

    const BATCH: usize = 256;

    async fn commit(database: &Database, jobs: &[&Self]) -> Result<Vec<Marked>, StoreError> {
        let mut write = database.begin(Point::Piece).await?;
        let mut ids = EntryIds::take(write.connection(), jobs.len()).await?;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            outcomes.push(mark(write.connection(), &mut ids, job).await?);
        }
        if outcomes.contains(&Marked::Received { now: true }) {
            write.becomes(Point::Completion);
        }
        write.commit().await?;
        Ok(outcomes)
    }
}

async fn mark(
    connection: &mut AnyConnection,
    ids: &mut EntryIds,
    new: &NewPiece,
) -> Result<Marked, StoreError> {
    let NewPiece { claim, piece, at } = *new;
    let Some(progress) = progress(connection, claim).await? else { return Ok(Marked::NoClaim) };
    match progress.state {
        ClaimState::Waiting if at <= progress.upload_until => {}
        // It lapsed a moment ago, and nobody has written it down yet.
        ClaimState::Waiting => return Ok(Marked::Ended { state: ClaimState::Lapsed }),
        ClaimState::Received => return Ok(Marked::Received { now: false }),
        state => return Ok(Marked::Ended { state }),
    }
    let inserted = sqlx::query(
        "INSERT INTO pieces (claim, file, piece) VALUES ($1, $2, $3) \
         ON CONFLICT (claim, file, piece) DO NOTHING",
    )
    .bind(claim.to_string())
    .bind(stored(piece.file))
    .bind(stored(piece.index))
    .execute(&mut *connection)
    .await?;
    let durable = progress.durable.saturating_add(inserted.rows_affected());
    let state = if durable < progress.pieces { ClaimState::Waiting } else { ClaimState::Received };
    let received_at = (state == ClaimState::Received).then(|| at.as_millis());
    sqlx::query("UPDATE claims SET durable = $1, state = $2, received_at = $3 WHERE id = $4")
        .bind(stored(durable))
        .bind(state_name(state))
        .bind(received_at)
        .bind(claim.to_string())
        .execute(&mut *connection)
        .await?;
    if state == ClaimState::Waiting {
        return Ok(Marked::Waiting { now: inserted.rows_affected() > 0 });
    }
    log::stage(connection, ids.next(), &LogEntry::Received { claim }).await?;
    Ok(Marked::Received { now: true })
}

/// How far a claim has come; without the signed claim, which can have megabytes.
struct Progress {
    state: ClaimState,
    upload_until: Timestamp,
    pieces: u64,
    durable: u64,
}

async fn progress(
    connection: &mut AnyConnection,
    claim: ClaimId,
) -> Result<Option<Progress>, StoreError> {
    let row = sqlx::query(
        "SELECT state, upload_until, pieces, durable FROM claims WHERE id = $1 \
         AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id)",
    )
    .bind(claim.to_string())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let columns = Columns::new("claims", &row);
        Ok(Progress {
            state: state(&columns)?,
            upload_until: columns.time("upload_until")?,
            pieces: columns.count("pieces")?,
            durable: columns.count("durable")?,
        })
    })
    .transpose()
}
