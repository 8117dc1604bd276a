//! `GET /v1/assignments`: what a student may hand in to, and what was handed in.

use claim_core::claim::Holder;
use claim_core::hand_in::{Assignment, Assignments, ClaimSummary, WithoutGroup};
use claim_core::{PersonId, Problem};
use claim_course::{GroupName, Terms};
use claim_store::blackboard::{ClaimOutline, Offer, Place, Signers};

use crate::blackboard::Blackboard;
use crate::error;

/// What this person may hand in to. Staff hands in for others, and is told of nothing here.
pub(crate) async fn list(
    blackboard: &Blackboard,
    person: &PersonId,
) -> Result<Assignments, Problem> {
    let server_time = blackboard.clock.now();
    let (mut assignments, mut without_group) = (Vec::new(), Vec::new());
    if let PersonId::Student(sid) = person {
        let offers = blackboard.store.offers(sid, server_time).await;
        let offers = offers.map_err(|error| error::storage(&error))?;
        let claims: Vec<_> = offers.iter().flat_map(|offer| &offer.claims).collect();
        let signers = blackboard.store.signers(&claims).await;
        let signers = signers.map_err(|error| error::storage(&error))?;
        for offer in offers {
            match &offer.place {
                Place::Stranger => {}
                Place::NoGroup => without_group.push(ask_for_a_group(offer)),
                Place::Holder { holder, group, terms } => {
                    let (holder, group) = (holder.clone(), group.clone());
                    let terms = *terms;
                    assignments.push(assignment(offer, holder, group, terms, &signers));
                }
            }
        }
    }
    Ok(Assignments { server_time, assignments, without_group })
}

/// An assignment as this holder has it.
pub(crate) fn assignment(
    offer: Offer,
    holder: Holder,
    group: Option<GroupName>,
    terms: Terms,
    signers: &Signers,
) -> Assignment {
    let claims = summaries(&offer, signers);
    let Offer { plan, zone, known, .. } = offer;
    Assignment {
        course: plan.course,
        assignment: plan.assignment,
        title: plan.title,
        due: terms.due,
        extended_from: plan.due.filter(|_| terms.extension.is_some()),
        until: terms.until,
        late: plan.late,
        zone: zone.name().to_owned(),
        upload_seconds: plan.upload_seconds,
        limits: plan.limits,
        sids: holder,
        group: group.map(|group| group.to_string()),
        last_claim: known.last_claim,
        claims,
    }
}

fn ask_for_a_group(offer: Offer) -> WithoutGroup {
    let Offer { plan, zone, ask, .. } = offer;
    WithoutGroup {
        course: plan.course,
        assignment: plan.assignment,
        title: plan.title,
        due: plan.due,
        zone: zone.name().to_owned(),
        ask,
    }
}

fn summaries(offer: &Offer, signers: &Signers) -> Vec<ClaimSummary> {
    let mut claims: Vec<&ClaimOutline> = offer.claims.iter().collect();
    // Those of one holder stand in the order of their chain; between holders only the time tells.
    if claims.iter().any(|claim| claim.holder != claims[0].holder) {
        claims.sort_by_key(|claim| std::cmp::Reverse(claim.judged_at));
    }
    let summary = |claim: &ClaimOutline| {
        let counting = offer.counting.filter(|counting| counting.claim == claim.id);
        ClaimSummary {
            claim: claim.id,
            lodged_at: claim.lodged_at,
            late_ms: claim.late_ms,
            due: claim.due,
            signed_late_ms: Some(claim.signed_late_ms()).filter(|late| *late != claim.late_ms),
            signers: signers.of(claim.id),
            state: claim.state,
            counts: counting.is_some(),
            chosen: counting.and(offer.reason.clone()),
            by: match &claim.person {
                PersonId::Staff(staff) => Some(staff.clone()),
                PersonId::Student(_) => None,
            },
        }
    };
    claims.into_iter().map(summary).collect()
}
