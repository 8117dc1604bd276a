//! What staff asks of courses, in the same sessions as students.

use claim_core::messages::JSON;
use claim_core::{AssignmentRef, CourseId, Sid};
use claim_course::Changes;
use claim_course::api::{ChangesAnswer, CourseAnswer, Courses, HandIns, Members, StudentView};

use crate::exchange::{Ask, AskError};
use crate::session::OpenSession;

/// The largest answer with a page of a list, in bytes.
const MAX_PAGE: usize = 64 * 1024 * 1024;

impl OpenSession {
    /// The courses in which this person is staff.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn courses(&mut self) -> Result<Courses, AskError> {
        self.ask_json(&Ask::get("/v1/courses").at_most(MAX_PAGE)).await
    }

    /// A course as it is set up.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn course(&mut self, course: &CourseId) -> Result<CourseAnswer, AskError> {
        self.ask_json(&Ask::get(format!("/v1/courses/{course}")).at_most(MAX_PAGE)).await
    }

    /// Students of a course by SID, those after this one.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn members(
        &mut self,
        course: &CourseId,
        after: Option<&Sid>,
    ) -> Result<Members, AskError> {
        let target = format!("/v1/courses/{course}/members{}", query(after));
        self.ask_json(&Ask::get(target).at_most(MAX_PAGE)).await
    }

    /// Who has handed in what for an assignment, by SID, those after this one.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn hand_ins(
        &mut self,
        assignment: &AssignmentRef,
        after: Option<&Sid>,
    ) -> Result<HandIns, AskError> {
        let AssignmentRef { course, assignment } = assignment;
        let query = query(after);
        let target = format!("/v1/courses/{course}/assignments/{assignment}/hand-ins{query}");
        self.ask_json(&Ask::get(target).at_most(MAX_PAGE)).await
    }

    /// An assignment as this student has it, also before it is visible.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn student_view(
        &mut self,
        assignment: &AssignmentRef,
        sid: &Sid,
    ) -> Result<StudentView, AskError> {
        let AssignmentRef { course, assignment } = assignment;
        let target = format!("/v1/courses/{course}/assignments/{assignment}/students/{sid}");
        self.ask_json(&Ask::get(target).at_most(MAX_PAGE)).await
    }

    /// Changes a course. It is safe to repeat: Blackboard knows a request that it has carried out.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn change_course(
        &mut self,
        course: &CourseId,
        changes: &Changes,
    ) -> Result<ChangesAnswer, AskError> {
        // Changes always serialise: their maps have texts as keys.
        let content = serde_json::to_vec(changes).unwrap_or_default();
        self.ask_json(&Ask::post(format!("/v1/courses/{course}/changes"), JSON, content)).await
    }
}

fn query(after: Option<&Sid>) -> String {
    after.map_or_else(String::new, |sid| format!("?after={sid}"))
}
