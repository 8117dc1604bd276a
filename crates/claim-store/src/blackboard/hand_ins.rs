//! What everybody has handed in for one assignment: for staff.

use std::collections::BTreeMap;

use claim_core::{AssignmentRef, Sid};
use claim_course::{AssignmentPlan, Counting, GroupName, Terms};
use sqlx::any::AnyRow;

use super::BlackboardStore;
use super::claims::{ClaimOutline, outline, select_outlines};
use super::courses::{self, choices};
use super::offers::counting;
use crate::StoreError;
use crate::readers::Read;
use crate::row::Columns;

/// What one student has handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRow {
    /// Who.
    pub sid: Sid,
    /// The name in the roster, or empty.
    pub name: String,
    /// Whether the student is on the roster now.
    pub on_roster: bool,
    /// The group, where the assignment has groups.
    pub group: Option<GroupName>,
    /// The times that hold.
    pub terms: Terms,
    /// All claims that name the student, those of each holder together and the newest of them first.
    pub claims: Vec<ClaimOutline>,
    /// The claim that counts.
    pub counting: Option<Counting>,
    /// Why staff chose that one, where they did.
    pub reason: Option<String>,
}

impl BlackboardStore {
    /// Everybody on the roster and everybody whom a claim for this assignment names, by SID, after this one; `None` where
    /// there is no such assignment.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn hand_ins(
        &self,
        reference: &AssignmentRef,
        after: Option<&Sid>,
        limit: u32,
    ) -> Result<Option<(AssignmentPlan, Vec<StaffRow>)>, StoreError> {
        let mut reader = self.database.reader().await?;
        let Some(known) = courses::known(reader.connection(), reference).await? else {
            reader.done();
            return Ok(None);
        };
        reader.done();
        let after = after.map_or("", Sid::as_str);
        let students = self.students(reference, after, limit).await?;
        let Some(last) = students.last() else { return Ok(Some((known.plan, Vec::new()))) };
        let last = Columns::new("members", last).text("sid")?;
        let mut groups = self.groups_of_page(&known.plan, after, &last).await?;
        let mut claims = self.claims_of_page(reference, after, &last).await?;
        let chosen = choices::for_assignment(&self.database, reference).await?;
        let mut rows = Vec::with_capacity(students.len());
        for student in &students {
            let columns = Columns::new("members", student);
            let sid: Sid = columns.parsed("sid")?;
            let (group, claims) = (groups.remove(&sid), claims.remove(&sid).unwrap_or_default());
            let counting = counting(&claims, |holder| {
                chosen.iter().find(|choice| choice.holder == *holder).map(|choice| choice.claim)
            });
            let chosen = chosen.iter().find(|choice| {
                counting.is_some_and(|counting| counting.chosen && counting.claim == choice.claim)
            });
            let alone = known.plan.groups.is_none().then_some(&sid);
            rows.push(StaffRow {
                name: columns.text("name")?,
                on_roster: columns.optional_text("known")?.is_some()
                    && columns.optional_time("dropped_at")?.is_none(),
                terms: known.terms(alone, group.as_ref()),
                reason: chosen.map(|choice| choice.reason.clone()),
                sid,
                group,
                claims,
                counting,
            });
        }
        Ok(Some((known.plan, rows)))
    }

    async fn students(
        &self,
        reference: &AssignmentRef,
        after: &str,
        limit: u32,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let students = sqlx::query(
            "SELECT everybody.sid AS sid, COALESCE(members.name, '') AS name, members.sid AS known, dropped_at \
             FROM (SELECT sid FROM members WHERE course = $1 AND sid > $3 \
             UNION SELECT sid FROM claim_members WHERE course = $1 AND assignment = $2 AND sid > $3) AS everybody \
             LEFT JOIN members ON members.course = $1 AND members.sid = everybody.sid \
             ORDER BY everybody.sid LIMIT $4",
        )
        .bind(reference.course.as_str())
        .bind(reference.assignment.as_str())
        .bind(after)
        .bind(i64::from(limit));
        students.read_all(&self.database).await
    }

    async fn groups_of_page(
        &self,
        plan: &AssignmentPlan,
        after: &str,
        last: &str,
    ) -> Result<BTreeMap<Sid, GroupName>, StoreError> {
        let Some(set) = &plan.groups else { return Ok(BTreeMap::new()) };
        let rows = sqlx::query(
            "SELECT sid, group_name FROM group_members \
             WHERE course = $1 AND group_set = $2 AND sid > $3 AND sid <= $4",
        )
        .bind(plan.course.as_str())
        .bind(set.as_str())
        .bind(after)
        .bind(last)
        .read_all(&self.database)
        .await?;
        let read = |row| {
            let columns = Columns::new("group_members", row);
            Ok((columns.parsed("sid")?, columns.parsed("group_name")?))
        };
        rows.iter().map(read).collect()
    }

    async fn claims_of_page(
        &self,
        reference: &AssignmentRef,
        after: &str,
        last: &str,
    ) -> Result<BTreeMap<Sid, Vec<ClaimOutline>>, StoreError> {
        // Each claim once, however many students it names: a row costs more than what is done with it here.
        let rows = sqlx::query(select_outlines!(from "claims \
             WHERE id IN (SELECT claim FROM claim_members \
             WHERE course = $1 AND assignment = $2 AND sid > $3 AND sid <= $4) \
             AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = id) \
             ORDER BY holder, place DESC, attempt DESC"))
        .bind(reference.course.as_str())
        .bind(reference.assignment.as_str())
        .bind(after)
        .bind(last)
        .read_all(&self.database)
        .await?;
        let mut claims: BTreeMap<Sid, Vec<ClaimOutline>> = BTreeMap::new();
        for row in &rows {
            let claim = outline(row)?;
            let page = |sid: &&Sid| sid.as_str() > after && sid.as_str() <= last;
            for sid in claim.holder.sids().iter().filter(page) {
                claims.entry(sid.clone()).or_default().push(claim.clone());
            }
        }
        Ok(claims)
    }
}
