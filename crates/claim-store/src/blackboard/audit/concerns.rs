//! Whom an entry concerns.

use claim_core::{CourseId, PersonId, Sid};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::Deed;
use crate::StoreError;
use crate::audit::{AuditEntry, AuditRecords, By, COLUMNS, Concern, Entry, number, read};
use crate::blackboard::BlackboardStore;
use crate::readers::Read;

/// The entry of a change in a course: who changed what, old and new, and whom it concerns.
#[derive(Clone, Debug)]
pub struct CourseEntry {
    entry: Entry,
    course: CourseId,
}

impl CourseEntry {
    /// This deed in this course, which concerns nobody yet but staff: they see all of a course.
    pub fn new(deed: Deed, course: &CourseId) -> Self {
        let entry = Entry::new(deed).about(course.as_str()).with("course", course.as_str());
        Self { entry, course: course.clone() }
    }

    /// It was done by somebody whom no one else stands for: a member of staff, by certificate.
    #[must_use]
    pub fn by(self, by: By) -> Self {
        Self { entry: self.entry.by(by), ..self }
    }

    /// What it is about, instead of the course: an assignment, a person's id, the name of a group.
    #[must_use]
    pub fn about(self, subject: impl Into<String>) -> Self {
        Self { entry: self.entry.about(subject), ..self }
    }

    /// Something more: of which assignment, why. Never a secret.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<Value>) -> Self {
        Self { entry: self.entry.with(name, value), ..self }
    }

    /// What something was and what it is, unless it is the same; `null` is nothing.
    #[must_use]
    pub fn changed(self, name: &str, was: impl Into<Value>, is: impl Into<Value>) -> Self {
        let (was, is) = (was.into(), is.into());
        if was == is { self } else { self.with(name, json!([was, is])) }
    }

    /// It concerns this student.
    #[must_use]
    pub fn concerns(self, sid: &Sid) -> Self {
        self.concern(sid.as_str())
    }

    /// It concerns these students, all in a group perhaps.
    #[must_use]
    pub fn concerns_all_of<'s>(self, sids: impl IntoIterator<Item = &'s Sid>) -> Self {
        sids.into_iter().fold(self, Self::concerns)
    }

    /// It concerns this member of staff, or student.
    #[must_use]
    pub fn concerns_person(self, person: &PersonId) -> Self {
        self.concern(person.as_str())
    }

    /// It concerns everybody in the course, as a due time does.
    #[must_use]
    pub fn concerns_everybody(self) -> Self {
        self.concern("")
    }

    fn concern(mut self, person: &str) -> Self {
        let concern = Concern { course: self.course.to_string(), person: person.to_owned() };
        if !self.entry.concerns.contains(&concern) {
            self.entry.concerns.push(concern);
        }
        self
    }
}

impl From<CourseEntry> for Entry {
    fn from(entry: CourseEntry) -> Self {
        entry.entry
    }
}

impl BlackboardStore {
    /// The audit log.
    pub fn audit(&self) -> AuditRecords<'_> {
        AuditRecords::of(&self.database, &self.recorder)
    }

    /// Up to `limit` entries after this number that concern this person in this course, in order: theirs, those of
    /// everybody in the course, and those of everybody in every course.
    ///
    /// Whoever calls this has seen to it that the person may see the course.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn audit_concerning(
        &self,
        course: &CourseId,
        person: &PersonId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entries WHERE number IN (SELECT number FROM audit_concerns \
             WHERE person IN ($1, '') AND course IN ($2, '') AND number > $3) ORDER BY number LIMIT $4"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(person.as_str())
            .bind(course.as_str())
            .bind(number(after)?)
            .bind(i64::from(limit))
            .read_all(&self.database)
            .await?;
        rows.iter().map(read).collect()
    }

    /// The same in all courses with which the person has ever had to do, and what else has the person as its subject.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn audit_about(
        &self,
        person: &PersonId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entries WHERE number > $2 AND (subject = $1 \
             OR number IN (SELECT number FROM audit_concerns WHERE person = $1) \
             OR number IN (SELECT number FROM audit_concerns WHERE person = '' AND (course = '' \
              OR course IN (SELECT course FROM audit_concerns WHERE person = $1)))) \
             ORDER BY number LIMIT $3"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(person.as_str())
            .bind(number(after)?)
            .bind(i64::from(limit))
            .read_all(&self.database)
            .await?;
        rows.iter().map(read).collect()
    }
}
