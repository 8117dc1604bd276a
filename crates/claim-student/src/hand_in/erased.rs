//! Claims of which Blackboard has erased its copy, because they are older than the school keeps them.

use std::collections::BTreeSet;

use claim_core::claim::ClaimId;
use claim_core::hand_in::{Assignments, ClaimStatus};
use claim_core::{ProblemType, Timestamp};

use super::kept::{Extension, Kept};
use super::{MAX_DOCUMENT, target};
use crate::exchange::{Ask, AskError};
use crate::session::OpenSession;
use crate::wallet::WalletError;

/// After so many claims it is not asked any more; what is left is asked about the next time.
const MOST_ASKED: usize = 20;

/// Why it is not known what Blackboard has erased.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErasedError {
    /// Blackboard does not say.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The proofs in the folder cannot be read, or it cannot be kept with them.
    #[error(transparent)]
    Wallet(#[from] WalletError),
}

impl OpenSession {
    /// The proofs in the folder of whose claims Blackboard has erased its copies, the latest first. What it says is kept beside
    /// them.
    ///
    /// Asked about are those of this person and this Blackboard that it does not list (any more).
    ///
    /// # Errors
    /// [`ErasedError`].
    pub async fn erased(&mut self, listed: &Assignments) -> Result<Vec<Kept>, ErasedError> {
        let listed: BTreeSet<ClaimId> = listed
            .assignments
            .iter()
            .flat_map(|one| one.claims.iter().map(|claim| claim.claim))
            .collect();
        let (mut erased, mut asked) = (Vec::new(), 0);
        for mut kept in self.party.student.wallet().kept()? {
            let is_here = kept.manifest.blackboard == *self.session.origin()
                && kept.manifest.sids.includes(self.id());
            if !is_here || listed.contains(&kept.claim) {
                continue;
            }
            if kept.erased_at.is_none() && asked < MOST_ASKED {
                asked += 1;
                kept.erased_at = self.erased_at(kept.claim).await?;
                if let Some(at) = kept.erased_at {
                    let wallet = self.party.student.wallet();
                    wallet.keep_proof(kept.claim, Extension::Erased, at.to_string().as_bytes())?;
                }
            }
            if kept.erased_at.is_some() {
                erased.push(kept);
            }
        }
        Ok(erased)
    }

    /// When Blackboard erased its copy of this claim; `None` where it has it, or never had it.
    async fn erased_at(&mut self, claim: ClaimId) -> Result<Option<Timestamp>, AskError> {
        let ask = Ask::get(target(claim, "")).at_most(MAX_DOCUMENT);
        match self.ask_json::<ClaimStatus>(&ask).await {
            Ok(_) => Ok(None),
            Err(AskError::Refused(refused)) => {
                let problem = &refused.problem;
                let at = problem.extensions.get("erased_at").cloned();
                let at = at.and_then(|at| serde_json::from_value(at).ok());
                let erased = problem.problem_type == Some(ProblemType::Erased);
                Ok(at.filter(|_| erased))
            }
            Err(error) => Err(error),
        }
    }
}
