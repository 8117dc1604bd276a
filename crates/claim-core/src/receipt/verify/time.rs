//! Point 6, the clocks: Blackboard's genTime against the witness's W.

use super::claim::Signed;
use super::finding::Finding;
use super::log::InLog;
use super::report::{Report, Tell};
use super::token::Stamped;
use crate::Timestamp;

/// A witness that saw the claim within this time confirms Blackboard's clock, in seconds.
const CONFIRMS: i64 = 120;
/// From here on it is reported that Blackboard's clock is ahead, in seconds.
const AHEAD: i64 = 3;
/// Beyond this, Blackboard's clock is too far ahead to be believed, in seconds.
const TOO_FAR_AHEAD: i64 = 120;
/// CUHK's token of an outage comes before Blackboard's, or at most so much later by their clocks, in seconds.
const OUTAGE_LATER: i64 = 120;

/// How far the time is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The witness saw it in time: that it was in time is proven, whatever Blackboard's clock says.
    ProvenInTime {
        /// By the witness's clock.
        witnessed: Timestamp,
    },
    /// In time by Blackboard's clock, which the witness confirms.
    ConfirmedInTime {
        /// By the witness's clock.
        witnessed: Timestamp,
        /// To how many seconds.
        seconds: i64,
    },
    /// There is no due time, or it was late: the witness confirms Blackboard's clock.
    Confirmed {
        /// By the witness's clock.
        witnessed: Timestamp,
        /// To how many seconds.
        seconds: i64,
    },
    /// Blackboard could not be reached, and the time is that of CUHK's own clock.
    Stamped {
        /// By CUHK's clock.
        stamped: Timestamp,
    },
    /// Nothing confirms Blackboard's clock.
    WordAlone,
}

/// When the claim was lodged.
pub(super) struct Moment {
    /// By which it is judged: Blackboard's clock, or after an outage CUHK's.
    pub(super) judged: Timestamp,
    pub(super) standing: Standing,
}

pub(super) fn check(
    claim: &Signed,
    token: &Stamped,
    logged: &InLog,
    found: &mut Vec<Finding>,
) -> Result<Moment, Finding> {
    let gen_time = token.token.gen_time();
    let witnessed = logged.witnessed().map(|witness| witness.at);
    if let Some(witnessed) = witnessed {
        let ahead = gen_time.millis_since(witnessed);
        if ahead > TOO_FAR_AHEAD * 1000 {
            return Err(Finding::ClockFar { gen_time, witnessed });
        }
        if ahead >= AHEAD * 1000 {
            found.push(Finding::ClockAhead { gen_time, witnessed });
        }
    }
    let due = claim.claim.manifest().due;
    let mut standing = standing(due, gen_time, witnessed);
    let stamped = token.outage.as_ref().map(|outage| outage.token.gen_time());
    if let Some(stamped) = stamped {
        if stamped.millis_since(gen_time) > OUTAGE_LATER * 1000 {
            return Err(Finding::OutageLater { stamped, gen_time });
        }
        found.push(Finding::InOutage { stamped, gen_time });
        // What the witness saw in time was in time, whoever else says when.
        if !matches!(standing, Standing::ProvenInTime { .. }) {
            standing = Standing::Stamped { stamped };
        }
    }
    if standing == Standing::WordAlone {
        found.push(Finding::WordAlone { gen_time, witnessed });
    }
    Ok(Moment { judged: stamped.unwrap_or(gen_time), standing })
}

/// What W says about genTime and the due time.
fn standing(due: Option<Timestamp>, gen_time: Timestamp, witnessed: Option<Timestamp>) -> Standing {
    let Some(witnessed) = witnessed else { return Standing::WordAlone };
    if due.is_some_and(|due| witnessed <= due) {
        return Standing::ProvenInTime { witnessed };
    }
    if witnessed.millis_since(gen_time) > CONFIRMS * 1000 {
        return Standing::WordAlone;
    }
    // W stands for the whole second: the claim was there somewhere between genTime and its end.
    let seconds = witnessed.plus_seconds(1).millis_since(gen_time).max(1000);
    let seconds = seconds.unsigned_abs().div_ceil(1000);
    let seconds = i64::try_from(seconds).unwrap_or(CONFIRMS + 1);
    match due {
        Some(due) if gen_time <= due => Standing::ConfirmedInTime { witnessed, seconds },
        _ => Standing::Confirmed { witnessed, seconds },
    }
}

impl Tell for Moment {
    fn tell(&self, report: &mut Report) {
        report.standing = Some(self.standing);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    /// genTime is 10.000 s; both others in milliseconds.
    fn of(due: Option<i64>, witnessed: Option<i64>) -> Standing {
        let at = |millis: i64| Timestamp::from_millis(1_700_000_000_000 + millis);
        standing(due.map(at), at(10_000), witnessed.map(at))
    }

    #[test]
    fn every_order_of_the_three_times() {
        let witnessed = |millis: i64| Timestamp::from_millis(1_700_000_000_000 + millis);
        let proven = |w| Standing::ProvenInTime { witnessed: witnessed(w) };
        let in_time = |w, seconds| Standing::ConfirmedInTime { witnessed: witnessed(w), seconds };
        let confirmed = |w, seconds| Standing::Confirmed { witnessed: witnessed(w), seconds };
        let rows = [
            // Without a witness.
            (Some(20_000), None, Standing::WordAlone),
            (None, None, Standing::WordAlone),
            // W ≤ due, whatever genTime says.
            (Some(20_000), Some(12_000), proven(12_000)),
            (Some(20_000), Some(20_000), proven(20_000)),
            (Some(9_000), Some(9_000), proven(9_000)),
            (Some(500_000), Some(400_000), proven(400_000)),
            // genTime ≤ due < W ≤ genTime + 120 s.
            (Some(10_000), Some(11_000), in_time(11_000, 2)),
            (Some(10_999), Some(11_000), in_time(11_000, 2)),
            (Some(20_000), Some(130_000), in_time(130_000, 121)),
            (Some(20_000), Some(131_000), Standing::WordAlone),
            // Late.
            (Some(9_999), Some(10_000), confirmed(10_000, 1)),
            (Some(9_999), Some(130_000), confirmed(130_000, 121)),
            (Some(9_999), Some(131_000), Standing::WordAlone),
            // No due time.
            (None, Some(8_000), confirmed(8_000, 1)),
            (None, Some(130_000), confirmed(130_000, 121)),
            (None, Some(131_000), Standing::WordAlone),
        ];
        for (due, witnessed, expected) in rows {
            assert_eq!(of(due, witnessed), expected, "{due:?} {witnessed:?}");
        }
    }
}
