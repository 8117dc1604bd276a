//! As whom somebody hands in, and until when.

use claim_core::claim::Holder;
use claim_core::{AssignmentRef, CourseId, PersonId, Sid};
use claim_course::time::Zone;
use claim_course::{
    AssignmentPlan, Course, Extension, ExtensionScope, GroupName, Request, Role, Standing, Terms,
};
use sqlx::AnyConnection;

use super::{extensions, find, groups, members};
use crate::StoreError;
use crate::blackboard::assignments;
use crate::row::Columns;

/// What a student is to an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing: to this person there is no such assignment.
    Stranger,
    /// It is handed in by groups, and the student is in none.
    NoGroup,
    /// Hands in, alone or with a group.
    Holder {
        /// As whom.
        holder: Holder,
        /// The group, where there are groups.
        group: Option<GroupName>,
        /// The times that hold.
        terms: Terms,
    },
}

/// An assignment with all that must be known to place somebody, read once for many.
pub(in crate::blackboard) struct Known {
    pub(in crate::blackboard) plan: AssignmentPlan,
    course: Course,
    extensions: Vec<Extension>,
    staff: Vec<(String, Role)>,
}

impl Known {
    /// The role of somebody who is staff.
    pub(in crate::blackboard) fn role(&self, person: &PersonId) -> Option<Role> {
        let known = self.staff.iter().find(|(id, _)| id == person.as_str());
        known.map(|(_, role)| *role)
    }
}

impl Known {
    /// The zone of its course.
    pub(in crate::blackboard) fn zone(&self) -> Zone {
        self.course.zone.clone()
    }

    /// The times that hold for a student who hands in alone, or for a group.
    pub(in crate::blackboard) fn terms(
        &self,
        sid: Option<&Sid>,
        group: Option<&GroupName>,
    ) -> Terms {
        terms(&self.plan, &self.extensions, sid, group)
    }
}

/// The times that hold for a student who hands in alone, or for a group.
pub(in crate::blackboard) fn terms(
    plan: &AssignmentPlan,
    extensions: &[Extension],
    sid: Option<&Sid>,
    group: Option<&GroupName>,
) -> Terms {
    let theirs = |extension: &&Extension| match &extension.scope {
        ExtensionScope::All => true,
        ExtensionScope::Student(one) => sid == Some(one),
        ExtensionScope::Group(one) => group == Some(one),
    };
    Terms::of(plan, extensions.iter().filter(theirs))
}

/// The assignment, as the transaction sees it.
pub(in crate::blackboard) async fn known(
    connection: &mut AnyConnection,
    reference: &AssignmentRef,
) -> Result<Option<Known>, StoreError> {
    let Some(plan) = assignments::find(connection, reference).await? else { return Ok(None) };
    let Some(course) = find(connection, &reference.course).await? else { return Ok(None) };
    let extensions = extensions::holding(connection, reference).await?;
    let rows = sqlx::query("SELECT person, role FROM staff WHERE course = $1 ORDER BY person")
        .bind(reference.course.as_str())
        .fetch_all(connection)
        .await?;
    let read = |row| {
        let columns = Columns::new("staff", row);
        Ok::<_, StoreError>((columns.text("person")?, columns.parsed("role")?))
    };
    let staff = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Some(Known { plan, course, extensions, staff }))
}

/// Whom to ask where something is missing: those who may change the course.
pub(in crate::blackboard) async fn whom_to_ask(
    connection: &mut AnyConnection,
    course: &CourseId,
) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT person FROM staff WHERE course = $1 AND role <> 'assistant' ORDER BY person LIMIT 5",
    )
    .bind(course.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Columns::new("staff", row).text("person")).collect()
}

/// As whom a student hands in to it.
pub(in crate::blackboard) async fn place_of(
    connection: &mut AnyConnection,
    known: &Known,
    sid: &Sid,
) -> Result<Place, StoreError> {
    let Known { plan, course, .. } = known;
    let standing = match known.role(&PersonId::Student(sid.clone())) {
        Some(role) => Standing::Staff(role),
        None if course.open || members::is_member(connection, &plan.course, sid).await? => {
            Standing::Student
        }
        None => Standing::Stranger,
    };
    if !standing.may(Request::HandIn) {
        return Ok(Place::Stranger);
    }
    let Some(set) = &plan.groups else {
        let (holder, terms) = (Holder::one(sid.clone()), known.terms(Some(sid), None));
        return Ok(Place::Holder { holder, group: None, terms });
    };
    let Some(group) = groups::of(connection, &plan.course, set, sid).await? else {
        return Ok(Place::NoGroup);
    };
    Ok(match groups::holder(connection, &plan.course, set, &group).await? {
        Some(holder) => {
            let terms = known.terms(None, Some(&group));
            Place::Holder { holder, group: Some(group), terms }
        }
        None => Place::NoGroup,
    })
}
