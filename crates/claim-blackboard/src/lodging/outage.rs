//! Claims that were signed while Blackboard could not be reached (PROTOCOL.md §9 "Outages").

use claim_core::claim::VerifiedClaim;
use claim_core::outage::stamped;
use claim_core::{Problem, ProblemType, Timestamp};
use claim_store::blackboard::Stamp;

use crate::blackboard::Blackboard;
use crate::error;

/// So much CUHK's clock may be ahead of ours, in seconds: more, and no receipt would hold.
const AHEAD: i64 = 120;

/// CUHK's timestamp over the claim, verified; it is there exactly when the claim says so.
///
/// Whether there was an outage then is for the records to say, which know up to this moment when Blackboard served.
pub(super) async fn check(
    blackboard: &Blackboard,
    claim: &VerifiedClaim,
    cms: &[u8],
    stamp: Option<Vec<u8>>,
    now: Timestamp,
) -> Result<Option<Stamp>, Problem> {
    let refused = |detail: String| Err(Problem::new(ProblemType::OutageTimestamp, detail));
    let token = match (claim.manifest().outage, stamp) {
        (false, None) => return Ok(None),
        (true, None) => {
            return refused("the claim was signed in an outage: it goes to /v1/outages".to_owned());
        }
        (false, Some(_)) => return refused("the claim says that there was no outage".to_owned()),
        (true, Some(token)) => token,
    };
    let at = match stamped(cms, &token, blackboard.people.root()) {
        Ok(verified) => verified.gen_time(),
        Err(error) => return Err(error::repeating(ProblemType::OutageTimestamp, &error)),
    };
    if at.millis_since(now) > AHEAD * 1000 {
        return refused(format!("CUHK's timestamp says {at}, and here it is {now}"));
    }
    for signer in claim.signers() {
        if !signer.person().valid_at(at) {
            let person = signer.person().id();
            return refused(format!("the certificate of {person} was not valid at {at}"));
        }
    }
    // An outage that has just ended may not be on record yet.
    blackboard.mark_minute().await.map_err(|e| error::storage(&e))?;
    Ok(Some(Stamp { at, token }))
}
