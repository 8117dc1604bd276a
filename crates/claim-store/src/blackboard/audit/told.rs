//! Entries as those see them who do not run Blackboard: whom they concern, and staff.

use claim_core::{CourseId, PersonId, Timestamp};
use sqlx::AssertSqlSafe;

use crate::StoreError;
use crate::audit::{AuditEntry, COLUMNS, number, read};
use crate::blackboard::BlackboardStore;
use crate::readers::Read;

impl BlackboardStore {
    /// Up to `limit` entries after this number that are for this person, in order: those about themselves; those for
    /// everybody in a course where they are a student now; and those for everybody everywhere. What is about an assignment
    /// is told as soon as that is seen.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn audit_for(
        &self,
        person: &PersonId,
        now: Timestamp,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entries WHERE number > $2 AND (number IN \
              (SELECT number FROM audit_concerns WHERE person = $1 AND number > $2) \
             OR number IN (SELECT number FROM audit_concerns WHERE person = '' AND number > $2 AND (course = '' \
              OR course IN (SELECT courses.course FROM courses LEFT JOIN members ON members.course = courses.course \
               AND members.sid = $1 AND members.dropped_at IS NULL \
               WHERE (courses.open = $5 OR members.sid IS NOT NULL) AND NOT EXISTS \
               (SELECT 1 FROM staff WHERE staff.course = courses.course AND staff.person = $1))))) \
             AND NOT EXISTS (SELECT 1 FROM assignments WHERE visible_from > $3 \
              AND assignments.course || '/' || assignments.assignment = subject) \
             ORDER BY number LIMIT $4"
        );
        // Where everybody may hand in, every student may, and nobody else.
        let open = if matches!(person, PersonId::Student(_)) { 1_i64 } else { -1 };
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(person.as_str())
            .bind(number(after)?)
            .bind(now.as_millis())
            .bind(i64::from(limit))
            .bind(open)
            .read_all(&self.database)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Up to `limit` entries after this number about a course, or about all of them, in order.
    ///
    /// Whoever calls this has seen to it that it is for somebody who may see them.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn audit_of_course(
        &self,
        course: &CourseId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entries WHERE number > $2 AND (subject = $1 OR EXISTS \
             (SELECT 1 FROM audit_concerns WHERE audit_concerns.number = audit_entries.number AND course IN ($1, ''))) ORDER BY number LIMIT $3"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(course.as_str())
            .bind(number(after)?)
            .bind(i64::from(limit))
            .read_all(&self.database)
            .await?;
        rows.iter().map(read).collect()
    }
}
