//! A claim as its holder is told of it.

use claim_core::Problem;
use claim_core::hand_in::{ClaimState, ClaimStatus, MissingPieces, PieceRef};
use claim_store::blackboard::{ClaimOutline, ClaimRow};

use crate::blackboard::Blackboard;
use crate::error;

/// The claim's document.
pub(crate) async fn status_of(
    blackboard: &Blackboard,
    row: &ClaimRow,
) -> Result<ClaimStatus, Problem> {
    let storage = |error| error::storage(&error);
    let now = blackboard.clock.now();
    // Only what was received can count.
    let counts = row.state == ClaimState::Received && {
        let counting = blackboard.store.counting(&row.reference, &row.holder).await;
        counting.map_err(storage)?.is_some_and(|counting| counting.claim == row.id)
    };
    let missing = match row.state {
        ClaimState::Waiting => missing(blackboard, row).await?,
        _ => Vec::new(),
    };
    let outline = ClaimOutline::from(row);
    let signers = blackboard.store.signers(&[&outline]).await.map_err(storage)?;
    // What both signed, and what the token says, no change of a due time alters.
    let late_ms = outline.signed_late_ms();
    let lapsed = row.state == ClaimState::Waiting && now > row.upload_until;
    Ok(ClaimStatus {
        claim: row.id,
        state: if lapsed { ClaimState::Lapsed } else { row.state },
        lodged_at: row.lodged_at,
        due: row.due,
        late_ms,
        judged_late_ms: Some(row.late_ms).filter(|judged| *judged != late_ms),
        signers: signers.of(row.id),
        timestamp: row.token.clone(),
        upload_until: row.upload_until,
        received_at: row.received_at,
        missing,
        counts,
        server_time: now,
        cms: None,
        outage: row.outage.as_ref().map(|stamp| stamp.token.clone()),
    })
}

async fn missing(blackboard: &Blackboard, row: &ClaimRow) -> Result<Vec<MissingPieces>, Problem> {
    let manifest = blackboard.manifests.of(row)?;
    let durable = if row.durable == 0 {
        Vec::new()
    } else {
        let durable = blackboard.store.durable_pieces(row.id).await;
        durable.map_err(|error| error::storage(&error))?
    };
    let all = (0_u64..).zip(manifest.files.entries()).flat_map(|(file, entry)| {
        (0..entry.piece_count()).map(move |index| PieceRef { file, index })
    });
    // Both are ascending.
    let mut durable = durable.into_iter().peekable();
    Ok(MissingPieces::runs(all.filter(|piece| durable.next_if_eq(piece).is_none())))
}
