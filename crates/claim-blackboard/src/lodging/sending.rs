//! Who may send the files of a claim.

use claim_core::claim::ClaimId;
use claim_core::{PersonId, Problem};
use claim_course::Request;
use claim_store::blackboard::ClaimOutline;

use super::{erased, may_hand_in, no_claim, standing};
use crate::blackboard::Blackboard;
use crate::error;

/// The claim without its signatures, if this person may send its files: whoever it is for, and the member of staff who
/// lodged it for them, while the role lasts. As for the others, see
/// [`super::own_claim`].
pub(crate) async fn sendable_outline(
    blackboard: &Blackboard,
    person: &PersonId,
    id: &str,
) -> Result<ClaimOutline, Problem> {
    let id: ClaimId = id.parse().map_err(|_| no_claim())?;
    let row = blackboard.store.outline(id).await.map_err(|error| error::storage(&error))?;
    let row = erased::unless(blackboard, id, row).await?.ok_or_else(no_claim)?;
    let (course, is_theirs) = (&row.reference.course, row.person == *person);
    if is_theirs && standing(blackboard, person, course).await?.may(Request::HandInFor) {
        return Ok(row);
    }
    may_hand_in(blackboard, person, &row.holder, course).await?;
    Ok(row)
}
