//! What happens in a course, for its staff.

use std::time::Duration;

use claim_core::hand_in::MAX_WAIT_SECONDS;
use claim_core::{AssignmentId, CourseId};
use claim_course::Watched;

use crate::exchange::{Ask, AskError};
use crate::session::OpenSession;

impl OpenSession {
    /// What happened in a course, or to one of its assignments, from this place in the log on; where nothing did, waits for
    /// it as long as Blackboard lets one wait. `None`: nothing, and the place at which it is now.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn watch(
        &mut self,
        course: &CourseId,
        assignment: Option<&AssignmentId>,
        after: Option<u64>,
    ) -> Result<Watched, AskError> {
        let mut target = format!("/v1/courses/{course}/events?wait={MAX_WAIT_SECONDS}");
        if let Some(after) = after {
            target.push_str(&format!("&after={after}"));
        }
        if let Some(assignment) = assignment {
            target.push_str(&format!("&assignment={assignment}"));
        }
        self.ask_json(&Ask::get(target).with_time(Duration::from_secs(MAX_WAIT_SECONDS))).await
    }
}
