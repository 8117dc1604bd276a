//! Entries that wait for the database, and refusals by the minute.
//!
//! A refusal of somebody whom CUHK knows (a certificate that was revoked, a code that another key has used) is an entry of
//! its own. All others are counted by kind, and the count of each kind is one entry when the minute is over: a flood of
//! refusals costs a row a minute and kind. A server that is killed loses the counts of its last minute.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use claim_core::{ProblemType, Timestamp};
use claim_store::cuhk::CuhkStore;
use claim_store::cuhk::audit::{Authentication, By, Deed, Entry};
use tokio::sync::Notify;

/// Refusals of people whom CUHK knows that are entries of their own, in a minute; the rest is counted.
const MOST_ALONE: u32 = 60;

/// Entries that wait at most; when the database takes none for so long, refusals are only counted.
const MOST_WAITING: usize = 1000;

const MINUTE: i64 = 60_000;

/// What is to go into the log.
#[derive(Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<Entry>,
    /// The minute that is counted, since 1970.
    minute: i64,
    alone: u32,
    counts: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// Has this go into the log.
    pub(crate) fn note(&self, entry: Entry) {
        self.state().waiting.push(entry);
        self.wake.notify_one();
    }

    /// Something was refused; `by` is who asked, where they were known for whom they are.
    pub(crate) fn refused(
        &self,
        problem_type: ProblemType,
        detail: &str,
        by: Option<By>,
        peer: IpAddr,
        now: Timestamp,
    ) {
        if problem_type.status() >= 500 {
            return;
        }
        let mut state = self.state();
        state.turn(now);
        let by = by.filter(|_| tells_of_somebody(problem_type));
        match by {
            Some(by) if state.alone < MOST_ALONE && state.waiting.len() < MOST_WAITING => {
                state.alone += 1;
                let entry = Entry::new(Deed::Refused)
                    .about(by.who.as_str())
                    .with("problem", problem_type.slug())
                    .with("detail", detail)
                    .with("address", peer.to_string());
                state.waiting.push(entry.by(by));
                self.wake.notify_one();
            }
            _ => *state.counts.entry(problem_type.slug()).or_default() += 1,
        }
    }

    /// Waits until there is something to write.
    pub(crate) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Writes what waits, and the counts of minutes that are over; with `all` those of this one too. What the database does
    /// not take goes on waiting.
    pub(crate) async fn write(&self, store: &CuhkStore, now: Timestamp, all: bool) {
        let waiting = {
            let mut state = self.state();
            state.turn(now);
            if all {
                state.close();
            }
            std::mem::take(&mut state.waiting)
        };
        if waiting.is_empty() {
            return;
        }
        if let Err(error) = store.audit().record(&waiting).await {
            tracing::warn!(%error, entries = waiting.len(), "the audit log waits");
            let mut state = self.state();
            let later = std::mem::replace(&mut state.waiting, waiting);
            state.waiting.extend(later);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turn(&mut self, now: Timestamp) {
        let minute = now.as_millis().div_euclid(MINUTE);
        if minute != self.minute {
            self.close();
            self.minute = minute;
        }
    }

    /// Makes entries of the counts, unless too many wait: then the next minute's are added to them.
    fn close(&mut self) {
        self.alone = 0;
        if self.waiting.len() >= MOST_WAITING {
            return;
        }
        let minute = Timestamp::from_millis(self.minute.saturating_mul(MINUTE));
        for (problem, count) in std::mem::take(&mut self.counts) {
            let entry = Entry::new(Deed::Refused).by(By::known("", Authentication::Nobody));
            let entry = entry.with("problem", problem).with("count", count);
            self.waiting.push(entry.with("minute", minute.to_string()));
        }
    }
}

/// Whether this is refused only to those who are known: by a code or a certificate of CUHK's that is genuine, or since the
/// university has signed them in. All else may come from somebody who only says so.
fn tells_of_somebody(problem_type: ProblemType) -> bool {
    matches!(
        problem_type,
        ProblemType::CertificateProfile
            | ProblemType::CertificateRenewed
            | ProblemType::CertificateRevoked
            | ProblemType::CodeExpired
            | ProblemType::CodeUsed
            | ProblemType::NotFound
            | ProblemType::NotOnRoster
            | ProblemType::RequestSubject
            | ProblemType::SignInOtherPerson
            | ProblemType::TooManyCertificates
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_store::DatabaseUrl;
    use claim_store::cuhk::audit::EntryFilter;

    use super::*;

    #[tokio::test]
    async fn a_flood_is_a_row_a_minute_and_whom_cuhk_knows_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = CuhkStore::open(&DatabaseUrl::sqlite(folder.path().join("cuhk.db"))).await;
        let (store, ledger) = (store.unwrap(), Ledger::default());
        let (peer, now) = ([192, 0, 2, 1].into(), Timestamp::from_seconds(1_790_000_000));
        let by = || Some(By::certificate("1155123456", "5f0c"));
        for _ in 0..10_000 {
            ledger.refused(ProblemType::CodeRefused, "no", None, peer, now);
            // A stranger may say any name.
            ledger.refused(ProblemType::CodeRefused, "no", by(), peer, now);
            ledger.refused(ProblemType::CertificateRevoked, "gone", by(), peer, now);
            ledger.refused(ProblemType::StorageFull, "full", by(), peer, now);
        }
        ledger.write(&store, now, false).await;
        let entries =
            || async { store.audit().entries(1, &EntryFilter::default(), 1000).await.unwrap() };
        let alone = entries().await;
        assert_eq!(alone.len(), MOST_ALONE as usize);
        assert_eq!(
            (alone[0].subject.as_str(), alone[0].credential.as_str()),
            ("1155123456", "5f0c")
        );
        assert!(alone[0].details.contains("certificate-revoked"), "{}", alone[0].details);
        ledger.write(&store, now.plus_seconds(60), false).await;
        let counted: Vec<_> =
            entries().await.into_iter().skip(alone.len()).map(|entry| entry.details).collect();
        let minute = Timestamp::from_seconds(1_790_000_000 / 60 * 60);
        let expected = |problem: &str, count: u32| {
            format!(r#"{{"count":{count},"minute":"{minute}","problem":"{problem}"}}"#)
        };
        let rest = 10_000 - MOST_ALONE;
        assert_eq!(
            counted,
            [expected("certificate-revoked", rest), expected("code-refused", 20_000)]
        );
    }
}
