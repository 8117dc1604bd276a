//! Claims that were erased because they were old.
//!
//! Nothing is left that says whose such a claim was, so everybody with a session is told the same: that it is erased. Its id
//! stands in the public log with everybody else's, and that the old ones are erased is no secret. A keyed digest of the holder
//! would make a difference between its holder and others; but whoever has the key can try every SID, so it would be one more
//! record of who handed in, and no erasure.

use claim_core::claim::ClaimId;
use claim_core::{Problem, ProblemType};
use claim_store::blackboard::Erasure;

use crate::blackboard::Blackboard;
use crate::error;

/// What was found of a claim. Where nothing was, it may have been erased.
///
/// # Errors
/// [`ProblemType::Erased`].
pub(super) async fn unless<T>(
    blackboard: &Blackboard,
    id: ClaimId,
    found: Option<T>,
) -> Result<Option<T>, Problem> {
    if found.is_some() {
        return Ok(found);
    }
    match blackboard.store.erasure(id).await.map_err(|error| error::storage(&error))? {
        Some(erasure) => Err(problem(&erasure)),
        None => Ok(None),
    }
}

/// What its holder, and everybody else, is told.
pub(super) fn problem(erasure: &Erasure) -> Problem {
    let at = erasure.erased_at;
    Problem::new(ProblemType::Erased, format!("it was erased at {at}"))
        .with("erased_at", at.to_string())
}
