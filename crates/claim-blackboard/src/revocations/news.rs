//! What a look at the lists brings that people want to know.

use super::{Came, Ending, RefreshError};
use crate::blackboard::Blackboard;
use crate::error::chain;
use crate::event::Event;

/// What was told, so that it is told once.
#[derive(Debug, Default)]
pub(crate) struct ListNews {
    ending: Ending,
    fault: Option<String>,
    came: Option<Came>,
    evidence_revoked: bool,
}

impl ListNews {
    /// Tells, and counts, what this look brought.
    pub(crate) fn tell(&mut self, blackboard: &Blackboard, outcome: Result<Came, RefreshError>) {
        let (came, fault) = match outcome {
            Ok(came) => (Some(came), None),
            Err(error) => (None, Some(chain(&error))),
        };
        match (&came, &fault) {
            (_, Some(fault)) if self.fault.as_ref() != Some(fault) => {
                // The last list does, until it ends.
                tracing::info!(error = %fault, "the revocation lists were not refreshed");
            }
            (Some(Came::FromMirror { mirror, fault }), _) if self.came != came => {
                tracing::info!(%mirror, error = %fault, "the revocation lists come from a copy");
            }
            _ => {}
        }
        let away = match &came {
            Some(Came::FromMirror { fault, .. }) => Some(fault.as_str()),
            _ => fault.as_deref(),
        };
        let (end, now) = (blackboard.revocations.end(), blackboard.clock.now());
        blackboard.counters.lists_end(end);
        if let Some(event) = self.ending.look(end, away, now) {
            blackboard.tell(event);
        }
        self.tell_evidence(blackboard);
        (self.came, self.fault) = (came, fault);
    }

    /// Tells once that the root has revoked a key by which this Blackboard makes evidence.
    fn tell_evidence(&mut self, blackboard: &Blackboard) {
        let Some(evidence) = blackboard.evidence.get() else { return };
        if self.evidence_revoked {
            return;
        }
        if let Some(serial) = blackboard.revocations.revoked_evidence(&evidence) {
            self.evidence_revoked = true;
            blackboard.tell(Event::EvidenceRevoked { serial });
        }
    }
}
