//! The yearly change of the timestamp key, while Blackboard serves: claims are taken throughout.

use std::sync::Arc;
use std::time::Duration;

use claim_http::Nudged;
use claim_pki::Root;

use crate::blackboard::Blackboard;
use crate::error::chain;
use crate::event::Event;
use crate::evidence::{Evidence, ask_for_next};
use crate::folder::Folder;

/// How often it is looked whether the next key is to be asked for, and whether the root has certified it.
const EVERY: Duration = Duration::from_secs(60);

/// Asks for the next key before the year of the one that signs is over, and has it sign as soon as it is certified.
pub(super) async fn look_after_timestamp_key(
    blackboard: &Blackboard,
    folder: &Folder,
    root: &Root,
    mut nudged: Nudged,
) {
    let mut told = None;
    loop {
        if let Some(current) = blackboard.evidence.get()
            && current.is_next_due(blackboard.clock.now())
        {
            let signs_until = current.signs_until();
            match look(blackboard, folder, root, &current) {
                Ok(Some(next)) => {
                    let signs_until = next.signs_until();
                    blackboard.evidence.replace(next);
                    blackboard.tell(Event::TimestampKeyReplaced { signs_until });
                    told = None;
                }
                outcome => {
                    let fault = outcome.err();
                    if told.as_ref() != Some(&fault) {
                        told = Some(fault.clone());
                        let request = folder.evidence_request();
                        blackboard.tell(Event::TimestampKeyEnds { signs_until, request, fault });
                    }
                }
            }
        }
        nudged.or_after(EVERY).await;
    }
}

/// What signs from now on, where the root has certified another key than the one that does; else leaves the request.
fn look(
    blackboard: &Blackboard,
    folder: &Folder,
    root: &Root,
    current: &Evidence,
) -> Result<Option<Arc<Evidence>>, String> {
    let loaded = Evidence::load(folder, &blackboard.origin, root, &blackboard.clock);
    let loaded = loaded.map_err(|error| chain(&error))?;
    let serial = current.timestamp.certificate().serial();
    if let Some(loaded) = loaded.filter(|one| one.timestamp.certificate().serial() != serial) {
        return Ok(Some(loaded));
    }
    ask_for_next(folder, &blackboard.origin).map_err(|error| chain(&error))?;
    Ok(None)
}
