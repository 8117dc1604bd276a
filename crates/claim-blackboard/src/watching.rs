//! Courses as staff watches them: what happened to claims, in the order of the log, and what happens while it is waited.

use std::sync::atomic::Ordering;
use std::time::Duration;

use claim_core::{AssignmentId, CourseId, PersonId, Problem};
use claim_course::{HandInEvent, Happened, MAX_EVENTS, Request, Watched};
use claim_http::AtWork;
use claim_store::blackboard::{EntryKind, LogEvent};
use tokio::time::{Instant, timeout_at};

use crate::blackboard::Blackboard;
use crate::courses::allowed;
use crate::error;

/// What is to be watched.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    /// From which place in the log on; `None`: from now on.
    pub(crate) after: Option<u64>,
    /// How long to wait where nothing has happened.
    pub(crate) wait: Duration,
    /// Which assignment alone.
    pub(crate) assignment: Option<AssignmentId>,
}

/// `GET /v1/courses/{course}/events`.
pub(crate) async fn events(
    blackboard: &Blackboard,
    person: &PersonId,
    course: &CourseId,
    asked: Asked,
    at_work: Option<&AtWork>,
) -> Result<Watched, Problem> {
    allowed(blackboard, person, course, Request::SeeHandIns).await?;
    let deadline = Instant::now() + asked.wait;
    // Every replica looks each second how large the log is: whoever waits here costs the database nothing.
    let mut size = blackboard.log.watch_published();
    let Some(mut next) = asked.after else {
        // Just after a start this process has not looked yet.
        let head = blackboard.store.log_head().await.map_err(|error| error::storage(&error))?;
        let (server_time, next) = (blackboard.clock.now(), head.map_or(0, |head| head.size));
        return Ok(Watched { server_time, events: Vec::new(), next });
    };
    loop {
        let end = *size.borrow_and_update();
        if next < end {
            let (recent, store) = (&blackboard.log.recent, &blackboard.store);
            let found = recent.of_course(store, course, next..end, MAX_EVENTS).await;
            let (found, reached) = found.map_err(|error| error::storage(&error))?;
            next = reached;
            let is_meant = |event: &&LogEvent| {
                let of = &event.claim.reference.assignment;
                asked.assignment.as_ref().is_none_or(|only| only == of)
            };
            let events: Vec<_> = found.iter().filter(is_meant).map(told).collect();
            if !events.is_empty() {
                return Ok(Watched { server_time: blackboard.clock.now(), events, next: reached });
            }
            if reached < end {
                continue;
            }
        }
        let pause = at_work.map(AtWork::pause);
        // Who is sent off since Blackboard stops goes on from there.
        let ends = blackboard.stopping.load(Ordering::Relaxed)
            || timeout_at(deadline, size.changed()).await.is_err();
        drop(pause);
        if ends {
            return Ok(Watched { server_time: blackboard.clock.now(), events: Vec::new(), next });
        }
    }
}

fn told(event: &LogEvent) -> HandInEvent {
    let LogEvent { leaf, kind, claim } = event;
    HandInEvent {
        leaf: *leaf,
        event: match kind {
            EntryKind::Lodged => Happened::Lodged,
            EntryKind::Received => Happened::Received,
            EntryKind::Withdrawn => Happened::Withdrawn,
        },
        assignment: claim.reference.assignment.clone(),
        claim: claim.id,
        sids: claim.holder.clone(),
        by: claim.person.to_string(),
        lodged_at: claim.lodged_at,
        late_ms: claim.late_ms,
        state: claim.state,
        received_at: claim.received_at,
    }
}
