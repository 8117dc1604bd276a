//! `claim blackboard list`.

use anyhow::Result;
use claim_blackboard::LodgedClaim;
use claim_core::hand_in::ClaimState;
use claim_core::{AssignmentRef, PersonId};
use serde_json::json;

use super::courses::open;
use super::{Context, no_records};
use crate::exit::Exit;

pub(super) async fn list(
    assignment: &AssignmentRef,
    database: Option<&str>,
    context: &Context,
) -> Result<Exit> {
    let listed = async { open(database, context).await?.claims(assignment).await };
    let hand_ins = match listed.await {
        Ok(hand_ins) => hand_ins,
        Err(error) => return Ok(no_records(context, &error)),
    };
    if hand_ins.is_empty() {
        context.terminal.say(&format!("Nobody has handed in for {assignment} yet."));
    }
    for LodgedClaim { claim, counts } in hand_ins {
        let late = match claim.late_ms {
            0 => String::new(),
            late => format!(", {:.3} s late", late as f64 / 1000.0),
        };
        let by = match &claim.person {
            PersonId::Staff(by) => format!(", handed in by {by}"),
            PersonId::Student(_) => String::new(),
        };
        let line = format!(
            "{}  lodged {}{late}  {}{by}{}  {}",
            claim.holder,
            claim.lodged_at,
            state(claim.state),
            if counts { ", counts" } else { "" },
            claim.id
        );
        let document = json!({
            "claim": claim.id, "sids": claim.holder, "lodged_at": claim.lodged_at, "late_ms": claim.late_ms,
            "by": claim.person, "state": claim.state, "counts": counts, "received_at": claim.received_at,
        });
        context.terminal.result(&line, &document);
    }
    Ok(Exit::Done)
}

fn state(state: ClaimState) -> &'static str {
    match state {
        ClaimState::Waiting => "files missing",
        ClaimState::Received => "received",
        ClaimState::Superseded => "superseded",
        ClaimState::Lapsed => "lapsed",
        ClaimState::Withdrawn => "withdrawn",
    }
}
