//! Who may send the files of a claim.

use claim_core::{PersonId, Problem};
use claim_course::Request;
use claim_store::blackboard::ClaimOutline;

use super::{known_outline, may_hand_in, standing};
use crate::blackboard::Blackboard;

/// The claim without its signatures, if this person may send its files: whoever it is for, and the member of staff who
/// lodged it for them, while the role lasts. As for the others, see [`super::own_claim`].
pub(crate) async fn sendable_outline(
    blackboard: &Blackboard,
    person: &PersonId,
    id: &str,
) -> Result<ClaimOutline, Problem> {
    let row = known_outline(blackboard, id).await?;
    let (course, is_theirs) = (&row.reference.course, row.person == *person);
    if is_theirs && standing(blackboard, person, course).await?.may(Request::HandInFor) {
        return Ok(row);
    }
    may_hand_in(blackboard, person, &row.holder, course).await?;
    Ok(row)
}
