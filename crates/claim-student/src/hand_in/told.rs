//! What Blackboard last told of a person's assignments: kept for the time when it cannot be reached.

use std::path::PathBuf;

use claim_core::hand_in::Assignments;
use claim_core::{Origin, PersonId, json};
use claim_files::{FileError, Mode, replace};
use serde::{Deserialize, Serialize};

use crate::wallet::{Wallet, WalletError};

/// What was told, and by which Blackboard.
#[derive(Serialize, Deserialize)]
struct Told {
    blackboard: Origin,
    told: Assignments,
}

impl Wallet {
    /// What this Blackboard told this person last; `None` when it never did, or the file is not as it was written.
    pub(super) fn last_told(&self, id: &PersonId, blackboard: &Origin) -> Option<Assignments> {
        let bytes = std::fs::read(self.told_path(id)).ok()?;
        let told: Told = json::from_slice(&bytes).ok()?;
        (told.blackboard == *blackboard).then_some(told.told)
    }

    pub(super) fn keep_told(
        &self,
        id: &PersonId,
        blackboard: &Origin,
        told: &Assignments,
    ) -> Result<(), WalletError> {
        let path = self.told_path(id);
        let told = Told { blackboard: blackboard.clone(), told: told.clone() };
        let bytes = serde_json::to_vec(&told).map_err(|error| FileError::System {
            action: "write",
            path: path.clone(),
            source: error.into(),
        })?;
        Ok(replace(&path, &bytes, Mode::Private)?)
    }

    fn told_path(&self, id: &PersonId) -> PathBuf {
        self.key_path(id).with_extension("assignments")
    }
}
