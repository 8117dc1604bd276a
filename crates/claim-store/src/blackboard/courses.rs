//! Courses: what they are made of, who is what in them, and the one way in which they change.

mod change;
mod changing;
pub(super) mod choices;
mod extensions;
mod groups;
mod judging;
mod members;
mod places;
mod staff;
mod waiting;

use claim_core::{AssignmentRef, CourseId, PersonId, Sid};
use claim_course::time::Zone;
use claim_course::{AssignmentPlan, Course, Extension, Member, StaffMember, Standing};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

pub(super) use change::insert as insert_course;
pub use change::{Changed, Changer, NewCourse, Refused};
pub use choices::ChoiceRow;
pub(super) use extensions::holding_in_course;
pub(super) use groups::holder as group_holder;
pub use places::Place;
pub(super) use places::{Known, known, place_of, terms, whom_to_ask};

use super::BlackboardStore;
use super::assignments;
use crate::StoreError;
use crate::readers::Read;
use crate::row::Columns;

impl BlackboardStore {
    /// All courses, by short name.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn courses(&self) -> Result<Vec<Course>, StoreError> {
        let rows =
            sqlx::query("SELECT course, title, zone, open, revision FROM courses ORDER BY course")
                .read_all(&self.database)
                .await?;
        rows.iter().map(read).collect()
    }

    /// A course, if it is on record.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn course(&self, course: &CourseId) -> Result<Option<Course>, StoreError> {
        let row = sqlx::query(SELECT).bind(course.as_str()).read_optional(&self.database).await?;
        row.as_ref().map(read).transpose()
    }

    /// What somebody is in a course; a stranger too where there is no such course.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn standing(
        &self,
        course: &CourseId,
        person: &PersonId,
    ) -> Result<Standing, StoreError> {
        let row = sqlx::query(
            "SELECT courses.open AS open, staff.role AS role, members.sid AS sid FROM courses \
             LEFT JOIN staff ON staff.course = courses.course AND staff.person = $2 \
             LEFT JOIN members ON members.course = courses.course AND members.sid = $2 \
             AND members.dropped_at IS NULL WHERE courses.course = $1",
        )
        .bind(course.as_str())
        .bind(person.as_str())
        .read_optional(&self.database)
        .await?;
        let Some(row) = row else { return Ok(Standing::Stranger) };
        let columns = Columns::new("courses", &row);
        let is_member = columns.optional_text("sid")?.is_some() || columns.int("open")? != 0;
        Ok(match (columns.optional_parsed("role")?, person) {
            (Some(role), _) => Standing::Staff(role),
            (None, PersonId::Student(_)) if is_member => Standing::Student,
            (None, _) => Standing::Stranger,
        })
    }

    /// The assignments of a course, by name.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn plans(&self, course: &CourseId) -> Result<Vec<AssignmentPlan>, StoreError> {
        assignments::of_course(&self.database, course).await
    }

    /// The extensions of a course in the order in which they were granted, also those that were taken back.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn extensions(&self, course: &CourseId) -> Result<Vec<Extension>, StoreError> {
        extensions::of_course(&self.database, course).await
    }

    /// The staff of a course, by id.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn staff(&self, course: &CourseId) -> Result<Vec<StaffMember>, StoreError> {
        staff::of_course(&self.database, course).await
    }

    /// The courses in which somebody is staff.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn courses_of_staff(
        &self,
        person: &PersonId,
    ) -> Result<Vec<(Course, claim_course::Role)>, StoreError> {
        staff::courses_of(&self.database, person).await
    }

    /// Students of a course, also those who left it, by SID, after this one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn members(
        &self,
        course: &CourseId,
        after: Option<&Sid>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError> {
        members::page(&self.database, course, after, limit).await
    }

    /// The choices of staff for an assignment.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn choices(&self, assignment: &AssignmentRef) -> Result<Vec<ChoiceRow>, StoreError> {
        choices::for_assignment(&self.database, assignment).await
    }
}

const SELECT: &str = "SELECT course, title, zone, open, revision FROM courses WHERE course = $1";

/// A course as the transaction sees it.
pub(super) async fn find(
    connection: &mut AnyConnection,
    course: &CourseId,
) -> Result<Option<Course>, StoreError> {
    let row = sqlx::query(SELECT).bind(course.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<Course, StoreError> {
    let columns = Columns::new("courses", row);
    Ok(Course {
        course: columns.parsed("course")?,
        title: columns.text("title")?,
        zone: Zone::or_utc(&columns.text("zone")?),
        open: columns.int("open")? != 0,
        revision: columns.count("revision")?,
    })
}
