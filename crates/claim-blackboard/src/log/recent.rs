//! The log's last entries with their claims, for all who watch courses: each batch is read once, however many wait for it.

use std::collections::VecDeque;
use std::ops::Range;

use claim_core::CourseId;
use claim_store::blackboard::{BlackboardStore, LogEvent};
use tokio::sync::Mutex;

use claim_store::StoreError;

/// How many entries are remembered: some minutes of a deadline.
const MAX_RECENT: usize = 4096;

/// How many are read at once; who is further behind reads for itself.
const MAX_BEHIND: u32 = 2048;

/// What was read, and of which leaves that is all.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Read>);

#[derive(Default)]
struct Read {
    leaves: Range<u64>,
    events: VecDeque<LogEvent>,
}

impl Recent {
    /// What happened in this course from a leaf on, before `end`, up to `limit`; and the leaf from which to go on.
    pub(crate) async fn of_course(
        &self,
        store: &BlackboardStore,
        course: &CourseId,
        leaves: Range<u64>,
        limit: u32,
    ) -> Result<(Vec<LogEvent>, u64), StoreError> {
        {
            let mut read = self.0.lock().await;
            read.catch_up(store, leaves.end).await?;
            if read.leaves.contains(&leaves.start) {
                let of_course = |event: &&LogEvent| {
                    leaves.contains(&event.leaf) && event.claim.reference.course == *course
                };
                let found = read.events.iter().filter(of_course).take(limit as usize);
                return Ok(part(found.cloned().collect(), limit, leaves.end));
            }
        }
        let found = store.log_events_of(course, leaves.start, leaves.end, limit).await?;
        Ok(part(found, limit, leaves.end))
    }
}

impl Read {
    async fn catch_up(&mut self, store: &BlackboardStore, end: u64) -> Result<(), StoreError> {
        if self.leaves.end >= end {
            return Ok(());
        }
        if end - self.leaves.end > u64::from(MAX_BEHIND) {
            let start = end - u64::from(MAX_BEHIND);
            *self = Self { leaves: start..start, events: VecDeque::new() };
        }
        self.events.extend(store.log_events(self.leaves.end, end, MAX_BEHIND).await?);
        self.leaves.end = end;
        while self.events.len() > MAX_RECENT {
            // All of the leaf's course is there only from the next one on.
            self.leaves.start = self.events.pop_front().map_or(end, |event| event.leaf + 1);
        }
        Ok(())
    }
}

/// Where there may be more, it begins behind the last one.
fn part(found: Vec<LogEvent>, limit: u32, end: u64) -> (Vec<LogEvent>, u64) {
    let last = found.last().filter(|_| found.len() == limit as usize);
    let next = last.map_or(end, |event| event.leaf + 1);
    (found, next)
}
