//! Claims as their students see them: status, files, receipt.

use std::time::Duration;

use anyhow::Result;
use claim_core::claim::ClaimId;
use claim_core::hand_in::{ClaimState, ClaimStatus};
use claim_core::student::Session;
use claim_core::{ProblemType, json};
use tokio::time::{Instant, sleep};

use super::Claims;
use crate::deed::receipt;
use crate::process::PATIENCE;
use crate::record::Claimed;
use crate::wire::{Ask, shown};
use crate::world::{Person, Scene};

/// The pause before it is asked again.
const AGAIN: Duration = Duration::from_millis(50);

pub(super) async fn check(scene: &Scene, which: Claims<'_>) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let ids: Vec<ClaimId> = match which {
        Claims::These(ids) => ids.to_vec(),
        Claims::All => scene.record().claims.keys().copied().collect(),
    };
    for id in ids {
        let claimed = scene.record().claims.get(&id).cloned();
        if let Some(claimed) = claimed.filter(|claimed| claimed.lodged.is_some()) {
            let person = scene.person(claimed.person)?;
            wrong.extend(check_one(scene, &person, id, &claimed).await?);
        }
    }
    Ok(wrong)
}

async fn check_one(
    scene: &Scene,
    person: &Person,
    id: ClaimId,
    claimed: &Claimed,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let session = person.session(&scene.blackboard).await?;
    let answer = scene.blackboard.ask(&session, &Ask::get(format!("/v1/claims/{id}"))).await?;
    if !answer.status.is_success() {
        return Ok(vec![format!("claim {id} was lodged: {}", shown(&answer))]);
    }
    let status: ClaimStatus = json::from_slice(&answer.body)?;
    for (place, content) in claimed.contents.iter().enumerate() {
        let shown_as_there = match status.state {
            ClaimState::Received | ClaimState::Withdrawn => true,
            _ => claimed.pieces.contains(&place),
        };
        if shown_as_there && !is_there(scene, &session, id, place, content).await? {
            wrong.push(format!("file {place} of claim {id} ({:?}) is lost", status.state));
        }
    }
    if claimed.receipt
        && let Err(error) = receipt_again(scene, person, id).await
    {
        wrong.push(format!("claim {id} had a complete receipt: {error:#}"));
    }
    Ok(wrong)
}

/// A Blackboard that has just started says for a moment that it has no keys yet, which is true and no loss.
async fn receipt_again(scene: &Scene, person: &Person, id: ClaimId) -> Result<Vec<u8>> {
    let begun = Instant::now();
    loop {
        match receipt(scene, person, id, 0).await {
            Err(error)
                if format!("{error:#}").contains(ProblemType::EvidencePending.slug())
                    && begun.elapsed() < PATIENCE =>
            {
                sleep(AGAIN).await;
            }
            outcome => return outcome,
        }
    }
}

async fn is_there(
    scene: &Scene,
    session: &Session,
    id: ClaimId,
    place: usize,
    content: &[u8],
) -> Result<bool> {
    let ask = Ask::get(format!("/v1/claims/{id}/files/{place}/0"));
    let answer = scene.blackboard.ask(session, &ask).await?;
    Ok(answer.status.is_success() && answer.body == content)
}
