//! An assignment as one student has it: for staff who looks, and who hands in on behalf of that student.

use claim_core::{AssignmentRef, PersonId, Problem, ProblemType, Sid};
use claim_course::Request;
use claim_course::api::StudentView;
use claim_store::blackboard::Place;

use crate::blackboard::Blackboard;
use crate::courses::{allowed, no_assignment, no_student};
use crate::{error, offers};

/// `GET /v1/courses/{course}/assignments/{assignment}/students/{sid}`.
pub(crate) async fn show(
    blackboard: &Blackboard,
    person: &PersonId,
    reference: &AssignmentRef,
    sid: &Sid,
) -> Result<StudentView, Problem> {
    allowed(blackboard, person, &reference.course, Request::SeeHandIns).await?;
    let offer = blackboard.store.offer_to(sid, reference).await;
    let offer = offer.map_err(|error| error::storage(&error))?;
    let offer = offer.ok_or_else(|| no_assignment(&reference.assignment))?;
    let visible_from = offer.plan.visible_from;
    let (holder, group, terms) = match &offer.place {
        Place::Stranger => return Err(no_student(sid)),
        Place::NoGroup => {
            let detail = format!("groups hand in to this assignment, and {sid} is in none");
            return Err(Problem::new(ProblemType::NoGroup, detail).with("ask", offer.ask));
        }
        Place::Holder { holder, group, terms } => (holder.clone(), group.clone(), *terms),
    };
    let claims: Vec<_> = offer.claims.iter().collect();
    let signers = blackboard.store.signers(&claims).await;
    let signers = signers.map_err(|error| error::storage(&error))?;
    let assignment = offers::assignment(offer, holder, group, terms, &signers);
    Ok(StudentView { server_time: blackboard.clock.now(), visible_from, assignment })
}
