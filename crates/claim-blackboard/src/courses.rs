//! What staff asks of courses, and who may. To everybody else they are not there.

use claim_core::blackboard::AuthenticRequest;
use claim_core::{
    AssignmentId, AssignmentRef, CourseId, Digest, PersonId, Problem, ProblemType, Sid,
};
use claim_course::api::{
    ChangesAnswer, CourseAnswer, Courses, HandIn, HandIns, Lodged, Members, OwnCourse,
};
use claim_course::{AssignmentPlan, Changes, Request, Role, Standing};
use claim_store::blackboard::{Changed, Changer, ClaimOutline, Signers, StaffRow};

use crate::blackboard::Blackboard;
use crate::error;
use crate::routes::Page;

/// `GET /v1/courses`: where this person is staff.
pub(crate) async fn list(blackboard: &Blackboard, person: &PersonId) -> Result<Courses, Problem> {
    let courses = blackboard.store.courses_of_staff(person).await;
    let courses = courses.map_err(|error| error::storage(&error))?;
    let own = |(course, role)| OwnCourse { course, role };
    let courses = courses.into_iter().map(own).collect();
    Ok(Courses { server_time: blackboard.clock.now(), courses })
}

/// `GET /v1/courses/{course}`.
pub(crate) async fn show(
    blackboard: &Blackboard,
    person: &PersonId,
    course: &CourseId,
) -> Result<CourseAnswer, Problem> {
    allowed(blackboard, person, course, Request::SeeCourse).await?;
    let (store, storage) = (&blackboard.store, |error| error::storage(&error));
    let server_time = blackboard.clock.now();
    Ok(CourseAnswer {
        server_time,
        course: store.course(course).await.map_err(storage)?.ok_or_else(no_course)?,
        assignments: store.plans(course).await.map_err(storage)?,
        extensions: store.extensions(course).await.map_err(storage)?,
        staff: store.staff(course).await.map_err(storage)?,
        waiting: store.waiting(course, server_time).await.map_err(storage)?,
    })
}

/// `GET /v1/courses/{course}/members`.
pub(crate) async fn members(
    blackboard: &Blackboard,
    person: &PersonId,
    course: &CourseId,
    page: Page,
) -> Result<Members, Problem> {
    allowed(blackboard, person, course, Request::SeeRoster).await?;
    let members = blackboard.store.members(course, page.after.as_ref(), page.limit).await;
    let members = members.map_err(|error| error::storage(&error))?;
    let is_full = members.len() == page.limit as usize;
    let next = members.last().filter(|_| is_full).map(|member| member.sid.clone());
    Ok(Members { members, next })
}

/// `GET /v1/courses/{course}/assignments/{assignment}/hand-ins`.
pub(crate) async fn hand_ins(
    blackboard: &Blackboard,
    person: &PersonId,
    course: &CourseId,
    assignment: &AssignmentId,
    page: Page,
) -> Result<HandIns, Problem> {
    allowed(blackboard, person, course, Request::SeeHandIns).await?;
    let reference = AssignmentRef { course: course.clone(), assignment: assignment.clone() };
    let rows = blackboard.store.hand_ins(&reference, page.after.as_ref(), page.limit).await;
    let rows = rows.map_err(|error| error::storage(&error))?;
    let (plan, rows) = rows.ok_or_else(|| no_assignment(assignment))?;
    let is_full = rows.len() == page.limit as usize;
    let next = rows.last().filter(|_| is_full).map(|row| row.sid.clone());
    let claims: Vec<_> = rows.iter().flat_map(|row| &row.claims).collect();
    let signers = blackboard.store.signers(&claims).await;
    let signers = signers.map_err(|error| error::storage(&error))?;
    let hand_ins = rows.into_iter().map(|row| hand_in(&plan, row, &signers)).collect();
    Ok(HandIns { server_time: blackboard.clock.now(), hand_ins, next })
}

/// A student's row as staff is told it.
pub(crate) fn hand_in(plan: &AssignmentPlan, row: StaffRow, signers: &Signers) -> HandIn {
    let lodged = |claim: &ClaimOutline| Lodged {
        claim: claim.id,
        sids: claim.holder.clone(),
        by: claim.person.to_string(),
        signers: signers.of(claim.id),
        lodged_at: claim.lodged_at,
        late_ms: claim.late_ms,
        due: claim.due,
        signed_late_ms: Some(claim.signed_late_ms()).filter(|late| *late != claim.late_ms),
        penalty: plan.late.percent(claim.late_ms),
        state: claim.state,
        received_at: claim.received_at,
    };
    HandIn {
        claims: row.claims.iter().map(lodged).collect(),
        sid: row.sid,
        name: row.name,
        on_roster: row.on_roster,
        group: row.group,
        due: row.terms.due,
        counting: row.counting.map(|counting| counting.claim),
        chosen: row.reason,
    }
}

/// `POST /v1/courses/{course}/changes`.
pub(crate) async fn change(
    blackboard: &Blackboard,
    request: &AuthenticRequest,
    course: &CourseId,
    changes: &Changes,
    known_by: Digest,
) -> Result<ChangesAnswer, Problem> {
    let (now, person) = (blackboard.clock.now(), request.person());
    let Changes { revision, changes } = changes;
    let (revision, by) = (Some(*revision), Changer::Person(person, &request.certificate().serial));
    let changed =
        blackboard.store.change_course(course, revision, changes, Some(known_by), by, now).await;
    match changed.map_err(|error| blackboard.not_recorded(&error))? {
        Changed::Yes { revision } => Ok(ChangesAnswer { revision }),
        Changed::NoCourse => Err(no_course()),
        Changed::NotAllowed { standing, request, .. } => Err(refused(standing, request)),
        Changed::Stale { revision } => {
            let detail = "somebody else has changed the course since it was looked at";
            Err(Problem::new(ProblemType::CourseChanged, detail).with("revision", revision))
        }
        Changed::Refused { number, why } => {
            Err(Problem::new(ProblemType::ChangeRefused, why).with("number", number))
        }
    }
}

/// Whether this may be asked by this person.
pub(crate) async fn allowed(
    blackboard: &Blackboard,
    person: &PersonId,
    course: &CourseId,
    request: Request,
) -> Result<(), Problem> {
    let standing = blackboard.store.standing(course, person).await;
    let standing = standing.map_err(|error| error::storage(&error))?;
    match standing.may(request) {
        true => Ok(()),
        false => Err(refused(standing, request)),
    }
}

/// To whoever is not staff the course is not there.
fn refused(standing: Standing, request: Request) -> Problem {
    match standing {
        Standing::Staff(role) => not_allowed(role, request),
        _ => no_course(),
    }
}

/// Staff is told what its role does not cover.
pub(crate) fn not_allowed(role: Role, request: Request) -> Problem {
    let detail = format!("as {role} of the course you may not {}", request.words());
    Problem::new(ProblemType::NotAllowed, detail)
}

/// There is no such assignment in the course, as its staff is told.
pub(crate) fn no_assignment(assignment: &AssignmentId) -> Problem {
    Problem::new(ProblemType::NotFound, format!("the course has no assignment {assignment}"))
}

/// There is no such student in the course, as its staff is told.
pub(crate) fn no_student(sid: &Sid) -> Problem {
    Problem::new(ProblemType::NotFound, format!("{sid} is not a student of the course"))
}

/// There is no such course for this person.
pub(crate) fn no_course() -> Problem {
    Problem::new(ProblemType::NotFound, "you are staff of no such course")
}
