//! Who changed what in courses: what concerns oneself, and, for staff, all of a course.

use claim_core::CourseId;
use claim_course::ToldChanges;

use crate::exchange::{Ask, AskError};
use crate::session::OpenSession;

/// The largest answer with a part of the list, in bytes.
const MAX_PART: usize = 16 * 1024 * 1024;

impl OpenSession {
    /// Changes that concern this person, those after this number.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn changes(&mut self, after: u64) -> Result<ToldChanges, AskError> {
        self.ask_json(&Ask::get(format!("/v1/changes?after={after}")).at_most(MAX_PART)).await
    }

    /// Changes in a course, for its staff, those after this number.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn course_changes(
        &mut self,
        course: &CourseId,
        after: u64,
    ) -> Result<ToldChanges, AskError> {
        let target = format!("/v1/courses/{course}/changes?after={after}");
        self.ask_json(&Ask::get(target).at_most(MAX_PART)).await
    }
}
