//! Erasing what is older than it is kept, once a day.

use std::time::Duration;

use claim_http::Nudged;
use claim_store::Scrubbed;

use crate::blackboard::Blackboard;
use crate::config::Config;
use crate::error::chain;
use crate::event::Event;
use crate::retention::{Erased, Kept, RetentionError, apart};

/// How often it is looked for what has become old.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How soon it is tried again where it did not come to its end.
const AGAIN: Duration = Duration::from_secs(60 * 60);

/// How long it waits for a backup to be done; the next try comes soon enough.
const PATIENCE: Duration = Duration::from_secs(60);

/// At the start, and then every day: erases by the rule, where there is one, and in any case what an erasure that was cut off
/// has left, so that nothing stays half erased.
pub(super) async fn keep_erasing(blackboard: &Blackboard, config: &Config, mut nudged: Nudged) {
    loop {
        let next = match erase(blackboard, config).await {
            Ok(Erased { claims: 0, messages: 0, .. }) => EVERY,
            Ok(erased) => {
                blackboard.tell(Event::Erased(erased));
                // Copies linger in the log beside the database.
                if erased.scrubbed == Some(Scrubbed::LogInUse) { AGAIN } else { EVERY }
            }
            Err(error) => {
                blackboard.tell(Event::NotErased { reason: chain(&error) });
                AGAIN
            }
        };
        nudged.or_after(next).await;
    }
}

async fn erase(blackboard: &Blackboard, config: &Config) -> Result<Erased, RetentionError> {
    let rule = config.retention.as_ref();
    if rule.is_none() && blackboard.store.erasures_under_way().await?.is_empty() {
        return Ok(Erased::default());
    }
    let _apart = apart(&config.dir, PATIENCE).await?;
    let kept = Kept { store: &blackboard.store, objects: &blackboard.log.objects };
    kept.erase(rule, blackboard.clock.now(), |_| {}).await
}
