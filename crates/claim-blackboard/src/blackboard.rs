//! What all requests share.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use claim_core::{Origin, Problem, ProblemType, Timestamp};
use claim_store::StoreError;
use claim_store::blackboard::{BlackboardStore, Kept, NewMessage, StoredMessage};

use crate::clocks::Clocks;
use crate::counters::Counters;
use crate::credential::Credential;
use crate::error;
use crate::event::{Event, Observer};
use crate::evidence::{CurrentEvidence, Evidence};
use crate::gate::Gate;
use crate::lodging::Manifests;
use crate::log::{Behind, Log};
use crate::people::People;
use crate::revocations::Revocations;
use crate::sealing::Sealing;
use crate::storage::Storage;
use claim_http::{Clock, Rates};

/// How many messages of unknown outcome are remembered; each is 48 bytes.
const MAX_UNSETTLED: usize = 10_000;

/// Seconds until certificates for evidence may have come.
const EVIDENCE_RETRY_AFTER: u64 = 1;

/// One serving Blackboard, as its handlers see it.
pub(crate) struct Blackboard {
    pub(crate) origin: Origin,
    pub(crate) clock: Clock,
    pub(crate) clocks: Clocks,
    /// How much time had passed when this process last marked that it serves.
    pub(crate) marked: Mutex<Option<Duration>>,
    pub(crate) observer: Observer,
    pub(crate) store: Arc<BlackboardStore>,
    pub(crate) storage: Storage,
    pub(crate) sealing: Sealing,
    pub(crate) people: Arc<People>,
    pub(crate) revocations: Revocations,
    pub(crate) log: Log,
    pub(crate) manifests: Manifests,
    /// What evidence is signed with, once the root has certified it.
    pub(crate) evidence: CurrentEvidence,
    pub(crate) own: Own,
    pub(crate) gate: Gate,
    pub(crate) rates: Rates,
    pub(crate) counters: Counters,
    pub(crate) body_timeout: Duration,
    pub(crate) announcer: Announcer,
    /// Why the storage was of no use when it was last looked at.
    pub(crate) storage_fault: Mutex<Option<String>>,
    /// Until when a TLS certificate from elsewhere is valid, where there is one.
    pub(crate) external_not_after: Mutex<Option<Timestamp>>,
    /// Whether it finishes what is under way and takes nothing more.
    pub(crate) stopping: AtomicBool,
}

/// Blackboard's own key with its certificates, exchanged at a renewal.
pub(crate) struct Own(RwLock<Arc<Credential>>);

impl Own {
    pub(crate) fn new(credential: Credential) -> Self {
        Self(RwLock::new(Arc::new(credential)))
    }

    /// What Blackboard proves itself with now.
    pub(crate) fn current(&self) -> Arc<Credential> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, credential: Credential) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credential);
    }
}

impl Blackboard {
    pub(crate) fn tell(&self, event: Event) {
        (self.observer)(event);
    }

    /// What evidence is signed with.
    ///
    /// # Errors
    /// While the root has not certified it: claims cannot be taken then.
    pub(crate) fn evidence(&self) -> Result<Arc<Evidence>, Problem> {
        self.evidence.get().ok_or_else(|| {
            let detail = "the university's root has not certified this Blackboard's timestamp and log keys yet";
            Problem::new(ProblemType::EvidencePending, detail).with("retry_after", EVIDENCE_RETRY_AFTER)
        })
    }

    /// Refuses what would have to be logged by a log that is stopped.
    ///
    /// # Errors
    /// While the records are known to be an older copy.
    pub(crate) fn log_is_whole(&self) -> Result<(), Problem> {
        match self.log.standing.behind() {
            None => Ok(()),
            Some(_) => Err(error::log_behind()),
        }
    }

    /// Writes the mark that Blackboard serves, and lets claims lapse whose files did not come.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub(crate) async fn write_mark(&self) -> Result<(), StoreError> {
        let serves = self.clock.passed();
        let marked = *self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = marked.map(|marked| serves.saturating_sub(marked));
        self.store.mark_minute(self.clock.now(), silent).await?;
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        *marked = (*marked).max(Some(serves));
        Ok(())
    }

    /// Every reason why no student can be served now, if there is one.
    pub(crate) fn ready(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("Blackboard is stopping".to_owned());
        }
        let now = self.clock.now();
        let mut faults = Vec::new();
        let not_after = self.own.current().certified.not_after();
        if now > not_after {
            faults.push(format!("the certificate from CUHK expired at {not_after}"));
        }
        let external = *self.external_not_after.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(not_after) = external.filter(|not_after| now > *not_after) {
            faults.push(format!("the TLS certificate from elsewhere expired at {not_after}"));
        }
        if self.sealing.ring().sealing(now).is_none() {
            faults.push("no key of the ring may seal now".to_owned());
        }
        let storage = self.storage_fault.lock().unwrap_or_else(PoisonError::into_inner);
        faults.extend(storage.as_ref().map(|fault| format!("the records take nothing: {fault}")));
        drop(storage);
        if let Some(since) = self.storage.claims_refused() {
            faults.push(format!(
                "since {since} the disk has no room for claims, or does not do its work"
            ));
        }
        if let Some(Behind { known, recorded }) = self.log.standing.behind() {
            faults.push(format!(
                "the log is stopped: a witness has cosigned {known} entries, the records have {recorded}"
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }
}

/// Keeps messages, and tells of each one once it is durable.
///
/// It works in tasks of its own: a client that goes away must not keep a message that was committed from
/// appearing in the terminal.
#[derive(Default)]
pub(crate) struct Announcer {
    /// Held by each task for reading; who gets it for writing knows that none is left.
    working: Arc<tokio::sync::RwLock<()>>,
    /// Messages whose commit failed in a way that left its outcome open. Where one of them was committed after all,
    /// the student's repetition finds it, and it has not been told of yet.
    unsettled: Mutex<HashSet<([u8; 32], [u8; 16])>>,
}

impl Announcer {
    /// Keeps one message; `Ok` means durable.
    pub(crate) async fn keep(
        blackboard: &Arc<Blackboard>,
        message: NewMessage,
    ) -> Result<Kept, StoreError> {
        let working = Arc::clone(&blackboard.announcer.working).read_owned().await;
        let blackboard = Arc::clone(blackboard);
        let task = tokio::spawn(async move {
            let key = (message.session, message.nonce);
            let kept = blackboard.store.keep_message(message).await;
            if let Some(stored) = blackboard.announcer.news(key, &kept) {
                blackboard.counters.messages.inc();
                blackboard.tell(Event::Message {
                    number: stored.id,
                    id: stored.person.clone(),
                    received_at: stored.received_at,
                    text: stored.text.clone(),
                });
            }
            drop(working);
            kept
        });
        // The task is only ever lost with the whole runtime, or to a panic of the observer.
        task.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits until all messages that were begun are told of.
    pub(crate) async fn finish(&self) {
        drop(self.working.write().await);
    }

    /// The message that is to be told of now, if any.
    fn news<'a>(
        &self,
        key: ([u8; 32], [u8; 16]),
        kept: &'a Result<Kept, StoreError>,
    ) -> Option<&'a StoredMessage> {
        let mut unsettled = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        match kept {
            Ok(Kept::First(stored)) => {
                unsettled.remove(&key);
                Some(stored)
            }
            Ok(Kept::Repeat(stored)) => unsettled.remove(&key).then_some(stored),
            Ok(Kept::Conflict) => None,
            Err(_) => {
                if unsettled.len() < MAX_UNSETTLED {
                    unsettled.insert(key);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn stored() -> StoredMessage {
        StoredMessage {
            id: 1,
            person: "1155123456".parse().unwrap(),
            received_at: Timestamp::from_seconds(0),
            text: "hello".to_owned(),
        }
    }

    #[test]
    fn a_message_is_told_of_once_also_when_its_commit_seemed_to_fail() {
        let (announcer, stored) = (Announcer::default(), stored());
        let (first, second) = (([1; 32], [1; 16]), ([1; 32], [2; 16]));
        let told = |key, kept| announcer.news(key, &kept).is_some();
        assert!(told(first, Ok(Kept::First(stored.clone()))));
        assert!(!told(first, Ok(Kept::Repeat(stored.clone()))));
        assert!(!told(second, Err(StoreError::Busy)));
        assert!(told(second, Ok(Kept::Repeat(stored.clone()))));
        assert!(!told(second, Ok(Kept::Repeat(stored.clone()))));
        assert!(!told(first, Ok(Kept::Conflict)));
    }
}
