//! Whether those who signed a claim may still sign, by the revocation lists that go into its receipt.

use claim_core::claim::VerifiedClaim;
use claim_core::receipt::RevocationLists;
use claim_core::{PersonId, Problem, Timestamp};
use claim_pki::RevocationList;

use crate::blackboard::Blackboard;
use crate::error;

/// Refuses signers whose certificates are revoked; returns the lists that tell, as they go into the receipt.
pub(super) fn judge(
    blackboard: &Blackboard,
    claim: &VerifiedClaim,
    now: Timestamp,
) -> Result<Vec<u8>, Problem> {
    let mut lists: Vec<RevocationList> = Vec::new();
    for signer in claim.signers() {
        let known = blackboard.revocations.judge(signer.person(), now);
        lists.push(known.map_err(|refused| about(signer.person().id(), refused))?.list.clone());
    }
    let lists = RevocationLists::for_claim(claim.message(), &lists);
    Ok(lists.map_err(|error| error::internal(&error))?.to_bytes())
}

/// Of several signers, which one is meant.
fn about(signer: &PersonId, refused: Problem) -> Problem {
    let detail = format!("about the signature of {signer}: {}", refused.detail);
    Problem { detail, ..refused }
}
