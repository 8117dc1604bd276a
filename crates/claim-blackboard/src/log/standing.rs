//! Where the log stands with its witnesses: nothing is appended before one of them was asked what it has seen.
//!
//! Records that were restored from an older copy look like any others. Whoever appends to them signs a second tree, which
//! stays evident for ever; a witness that has cosigned the first knows better.

use tokio::sync::watch;

use super::Log;

/// What is known since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The log may have no head yet.
    Beginning,
    /// No witness has been asked.
    Unasked,
    /// A witness was asked, and knows nothing of the log that the records do not have.
    Level,
    /// The records are an older copy. That stays so until the next start.
    Behind(Behind),
}

/// By how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    /// How many entries a witness has cosigned.
    pub(crate) known: u64,
    /// How many the records have; as many, where they are others.
    pub(crate) recorded: u64,
}

/// Shared by the sequencer, those who ask witnesses, and the handlers.
pub(crate) struct LogStanding(watch::Sender<Standing>);

impl Default for LogStanding {
    fn default() -> Self {
        Self(watch::Sender::new(Standing::Beginning))
    }
}

impl LogStanding {
    /// The log has a head.
    pub(super) fn has_begun(&self) {
        self.turn(|standing| *standing == Standing::Beginning, Standing::Unasked);
    }

    /// Waits until the log has a head.
    pub(super) async fn begun(&self) {
        // The sender is `self`, so there is no error.
        let _ = self.0.subscribe().wait_for(|standing| *standing != Standing::Beginning).await;
    }

    /// Whether entries may be appended.
    pub(super) fn may_append(&self) -> bool {
        *self.0.borrow() == Standing::Level
    }

    /// By how much the records are behind, if they are.
    pub(crate) fn behind(&self) -> Option<Behind> {
        match *self.0.borrow() {
            Standing::Behind(behind) => Some(behind),
            Standing::Beginning | Standing::Unasked | Standing::Level => None,
        }
    }

    /// Whether that is news.
    fn found_behind(&self, behind: Behind) -> bool {
        self.turn(|standing| !matches!(standing, Standing::Behind(_)), Standing::Behind(behind))
    }

    fn turn(&self, from: impl FnOnce(&Standing) -> bool, to: Standing) -> bool {
        self.0.send_if_modified(|standing| {
            let turns = from(standing);
            if turns {
                *standing = to;
            }
            turns
        })
    }
}

impl Log {
    /// A witness knows no more than the records: the log may grow.
    pub(super) fn is_level(&self) {
        if self.standing.turn(|standing| *standing == Standing::Unasked, Standing::Level) {
            self.staged();
        }
    }

    /// A witness knows more than the records: nothing is appended any more. Returns whether that is news.
    pub(super) fn is_behind(&self, behind: Behind) -> bool {
        self.standing.found_behind(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_appends_unasked_and_behind_is_for_good() {
        let standing = LogStanding::default();
        let level = |standing: &LogStanding| {
            standing.turn(|standing| *standing == Standing::Unasked, Standing::Level)
        };
        assert!(!level(&standing) && !standing.may_append(), "there is nothing to compare yet");
        standing.has_begun();
        assert!(!standing.may_append());
        assert!(level(&standing) && standing.may_append());
        let behind = Behind { known: 9, recorded: 7 };
        assert!(standing.found_behind(behind));
        assert!(!standing.found_behind(Behind { known: 12, recorded: 7 }), "it is told once");
        standing.has_begun();
        assert!(!level(&standing) && !standing.may_append());
        assert_eq!(standing.behind(), Some(behind));
    }
}
