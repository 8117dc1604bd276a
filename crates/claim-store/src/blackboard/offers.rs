//! What a student may hand in to, and what was handed in for it.

mod one;

use std::collections::BTreeMap;

use claim_core::claim::Holder;
use claim_core::{AssignmentRef, Sid, Timestamp};
use claim_course::time::Zone;
use claim_course::{AssignmentPlan, Contender, Counting, Extension, GroupName};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::BlackboardStore;
use super::assignments::{self, HolderRow, holder_key, read_holder};
use super::claims::{ClaimOutline, select_outlines};
use super::courses::{self, ChoiceRow, Place, choices};
use crate::StoreError;
use crate::readers::Read;
use crate::row::Columns;

/// An assignment as one student has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The assignment as staff has set it up.
    pub plan: AssignmentPlan,
    /// The zone of its course.
    pub zone: Zone,
    /// As whom the student hands in: never a stranger.
    pub place: Place,
    /// Whom to ask where a group is missing.
    pub ask: Vec<String>,
    /// What the holder has lodged.
    pub known: HolderRow,
    /// All claims that name the student, those of each holder together and the newest of them first.
    pub claims: Vec<ClaimOutline>,
    /// The claim that counts for the student.
    pub counting: Option<Counting>,
    /// Why staff chose that one, where they did.
    pub reason: Option<String>,
}

impl BlackboardStore {
    /// What a student may hand in to at this moment, by course and name.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn offers(&self, sid: &Sid, now: Timestamp) -> Result<Vec<Offer>, StoreError> {
        let rows = sqlx::query(
            "SELECT assignments.course AS course, assignments.assignment AS assignment, assignments.title AS title, \
             visible_from, due, until, late, upload_seconds, max_files, max_bytes, max_attempts, \
             assignments.group_set AS group_set, zone, group_name, last_claim, COALESCE(attempts, 0) AS attempts \
             FROM assignments JOIN courses ON courses.course = assignments.course \
             LEFT JOIN members ON members.course = courses.course AND members.sid = $1 AND members.dropped_at IS NULL \
             LEFT JOIN group_members ON group_members.course = courses.course \
             AND group_members.group_set = assignments.group_set AND group_members.sid = $1 \
             LEFT JOIN holders ON holders.course = courses.course \
             AND holders.assignment = assignments.assignment AND holder = $1 \
             WHERE (courses.open = 1 OR members.sid IS NOT NULL) AND (visible_from IS NULL OR visible_from <= $2) \
             AND NOT EXISTS (SELECT 1 FROM staff WHERE staff.course = courses.course AND staff.person = $1) \
             ORDER BY assignments.course, assignments.assignment",
        )
        .bind(sid.as_str())
        .bind(now.as_millis())
        .read_all(&self.database)
        .await?;
        let mut claims = self.claims_of_student(sid).await?;
        let chosen = choices::of_student(&self.database, sid).await?;
        let mut reader = self.database.reader().await?;
        let connection = reader.connection();
        let mut offers: Vec<Offer> = Vec::with_capacity(rows.len());
        let mut extensions = Vec::new();
        for row in &rows {
            let plan = assignments::read(row)?;
            if offers.last().is_none_or(|last| last.plan.course != plan.course) {
                extensions = courses::holding_in_course(connection, &plan.course).await?;
            }
            let (place, known) = placed(connection, row, &plan, &extensions, sid).await?;
            let ask = match place {
                Place::NoGroup => courses::whom_to_ask(connection, &plan.course).await?,
                _ => Vec::new(),
            };
            let claims = claims.remove(&plan.reference()).unwrap_or_default();
            let chosen: Vec<_> =
                chosen.iter().filter(|choice| choice.reference == plan.reference()).collect();
            let (counting, reason) = counting_and_why(&claims, &chosen);
            let zone = Zone::or_utc(&Columns::new("courses", row).text("zone")?);
            offers.push(Offer { plan, zone, place, ask, known, claims, counting, reason });
        }
        reader.done();
        Ok(offers)
    }

    /// All claims that name a student, by assignment; those of each holder together, the newest of them first.
    async fn claims_of_student(
        &self,
        sid: &Sid,
    ) -> Result<BTreeMap<AssignmentRef, Vec<ClaimOutline>>, StoreError> {
        let rows =
            sqlx::query(select_outlines!(from "claim_members JOIN claims ON claims.id = claim \
             WHERE sid = $1 AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = id) \
             ORDER BY holder, place DESC, attempt DESC"))
            .bind(sid.as_str())
            .read_all(&self.database)
            .await?;
        let mut claims: BTreeMap<AssignmentRef, Vec<ClaimOutline>> = BTreeMap::new();
        for row in &rows {
            let outline = super::claims::outline(row)?;
            claims.entry(outline.reference.clone()).or_default().push(outline);
        }
        Ok(claims)
    }
}

/// What counts for a student, and why where staff chose it; the choices are those of this assignment.
fn counting_and_why(
    claims: &[ClaimOutline],
    chosen: &[&ChoiceRow],
) -> (Option<Counting>, Option<String>) {
    let counting = counting(claims, |holder| {
        chosen.iter().find(|choice| choice.holder == *holder).map(|choice| choice.claim)
    });
    let chosen = chosen.iter().find(|choice| {
        counting.is_some_and(|counting| counting.chosen && counting.claim == choice.claim)
    });
    (counting, chosen.map(|choice| choice.reason.clone()))
}

/// What counts for a student, of claims that come as [`Offer::claims`] has them.
pub(super) fn counting(
    claims: &[ClaimOutline],
    chosen: impl Fn(&Holder) -> Option<claim_core::claim::ClaimId>,
) -> Option<Counting> {
    let of_holders = claims.chunk_by(|one, next| one.holder == next.holder).filter_map(|claims| {
        let holder = &claims.first()?.holder;
        Counting::of_holder(claims.iter().map(Contender::from), chosen(holder))
    });
    Counting::of_person(of_holders)
}

/// As whom the student of a row hands in, and what was lodged so.
async fn placed(
    connection: &mut AnyConnection,
    row: &AnyRow,
    plan: &AssignmentPlan,
    extensions: &[Extension],
    sid: &Sid,
) -> Result<(Place, HolderRow), StoreError> {
    let Some(set) = &plan.groups else {
        let terms = courses::terms(plan, extensions, Some(sid), None);
        let place = Place::Holder { holder: Holder::one(sid.clone()), group: None, terms };
        return Ok((place, read_holder(row)?));
    };
    let group: Option<GroupName> =
        Columns::new("group_members", row).optional_parsed("group_name")?;
    let Some(group) = group else { return Ok((Place::NoGroup, HolderRow::default())) };
    let Some(holder) = courses::group_holder(connection, &plan.course, set, &group).await? else {
        return Ok((Place::NoGroup, HolderRow::default()));
    };
    let known = last_of(connection, &plan.reference(), &holder).await?;
    let terms = courses::terms(plan, extensions, None, Some(&group));
    Ok((Place::Holder { holder, group: Some(group), terms }, known))
}

/// What a holder has lodged last.
async fn last_of(
    connection: &mut AnyConnection,
    reference: &AssignmentRef,
    holder: &Holder,
) -> Result<HolderRow, StoreError> {
    let row = sqlx::query(
        "SELECT last_claim, attempts FROM holders WHERE course = $1 AND assignment = $2 AND holder = $3",
    )
    .bind(reference.course.as_str())
    .bind(reference.assignment.as_str())
    .bind(holder_key(holder))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map_or(Ok(HolderRow::default()), read_holder)
}
