//! Point 7: in time, or late by how much.

use super::claim::Signed;
use super::finding::Finding;
use super::report::{Lateness, Report, Tell};
use super::time::{Moment, Standing};
use crate::Timestamp;

/// In time or not, by the due time that both Blackboard and the signers signed.
///
/// An extension that was granted later is in Blackboard's record, not in a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// There is no due time.
    None,
    /// Lodged by then.
    InTime {
        /// The last moment that is in time.
        due: Timestamp,
    },
    /// Lodged later.
    Late {
        /// The last moment that was in time.
        due: Timestamp,
        /// By how much.
        by: Lateness,
    },
}

pub(super) fn check(claim: &Signed, moment: &Moment, found: &mut Vec<Finding>) -> Due {
    let Some(due) = claim.claim.manifest().due else { return Due::None };
    let gen_time = moment.judged;
    if gen_time <= due {
        return Due::InTime { due };
    }
    if let Standing::ProvenInTime { witnessed } = moment.standing {
        found.push(Finding::InTimeByWitness { due, gen_time, witnessed });
        return Due::InTime { due };
    }
    found.push(Finding::Late { due, gen_time });
    Due::Late { due, by: Lateness { millis: gen_time.millis_since(due) } }
}

impl Tell for Due {
    fn tell(&self, report: &mut Report) {
        report.due = Some(*self);
    }
}
