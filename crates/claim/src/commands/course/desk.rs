//! Where staff's errands are done: on Blackboard's machine, or from afar.

use claim_blackboard::{AdminError, Changed, Clock, Courses, NewCourse, Refused};
use claim_core::{AssignmentRef, CourseId, PersonId, Sid, Timestamp};
use claim_course::api::{CourseAnswer, HandIn, WaitingClaims};
use claim_course::{
    AssignmentPlan, Change, Changes, Course, Extension, Member, Request, StaffMember,
};
use claim_student::{AskError, OpenSession};

use super::Context;
use crate::exit::Exit;

/// How many students are read at once.
const PAGE: u32 = 500;

/// Where courses are looked at and changed.
pub(crate) enum Desk {
    /// On Blackboard's machine, by whoever may read its records.
    Machine { courses: Courses, clock: Clock },
    /// From afar, by somebody whose certificate Blackboard knows.
    Session(Box<OpenSession>),
}

/// A course as it is set up.
pub(super) struct Setup {
    pub(super) course: Course,
    pub(super) assignments: Vec<AssignmentPlan>,
    pub(super) extensions: Vec<Extension>,
    pub(super) staff: Vec<StaffMember>,
    /// The claims that wait for files, by assignment.
    pub(super) waiting: Vec<WaitingClaims>,
}

/// Why the desk did not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskError {
    /// The records cannot be used.
    #[error(transparent)]
    Records(#[from] AdminError),
    /// Blackboard did not do as it was asked.
    #[error(transparent)]
    Asked(#[from] AskError),
    /// No such course.
    #[error("there is no course {course}")]
    NoCourse { course: CourseId },
    /// A course of that name is there.
    #[error("there is a course {course} already")]
    CourseThere { course: CourseId },
    /// Courses are added on Blackboard's machine.
    #[error("there is no course {course} in which you are staff")]
    NotFromAfar { course: CourseId },
    /// No such assignment.
    #[error("there is no assignment {assignment}")]
    NoAssignment { assignment: AssignmentRef },
    /// Somebody else changed the course.
    #[error("somebody else changed {course} in this moment; nothing was done")]
    Stale { course: CourseId },
    /// The role does not cover it.
    #[error("you may not {} in {course}", request.words())]
    NotAllowed { course: CourseId, request: Request },
    /// It cannot be done.
    #[error("{why}; nothing was done")]
    Refused { why: Refused },
}

impl DeskError {
    /// What can be done about it.
    fn advice(&self) -> &'static str {
        match self {
            Self::Records(_) | Self::Asked(_) => {
                "Name the folder with --dir, or the database with --database."
            }
            Self::NoCourse { .. } => {
                "Look at the list: claim blackboard course list. To add one: claim blackboard course add."
            }
            Self::CourseThere { .. } => "To change it: claim blackboard course set.",
            Self::NotFromAfar { .. } => {
                "Ask the people who run Blackboard to add it, with you as its owner."
            }
            Self::NoAssignment { .. } => "Look at the list: `assignment list`.",
            Self::Stale { .. } => "Look at the course again, and repeat it.",
            Self::NotAllowed { .. } => "Ask an owner of the course.",
            Self::Refused { .. } => "Change what was asked for, and repeat it.",
        }
    }

    /// Tells somebody at the terminal.
    pub(crate) fn tell(&self, context: &Context) -> Exit {
        match self {
            Self::Asked(error) => context.terminal.explained(error),
            other => {
                context.terminal.failure(&other.to_string(), None, other.advice());
                Exit::Refused
            }
        }
    }
}

impl Desk {
    /// The desk on Blackboard's machine.
    pub(crate) async fn open(database: Option<&str>, context: &Context) -> Result<Self, DeskError> {
        let courses = claim_blackboard::courses(&context.server_dir(), database).await?;
        Ok(Self::Machine { courses, clock: Clock::system() })
    }

    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Machine { clock, .. } => clock.now(),
            Self::Session(session) => session.server_now(),
        }
    }

    pub(crate) async fn add(
        &mut self,
        new: &NewCourse,
        owner: Option<&PersonId>,
    ) -> Result<(), DeskError> {
        let course = new.course.clone();
        let Self::Machine { courses, clock } = self else {
            return Err(DeskError::NotFromAfar { course });
        };
        match courses.add(new, owner, clock.now()).await? {
            true => Ok(()),
            false => Err(DeskError::CourseThere { course }),
        }
    }

    /// The courses, each with the role of whoever asks.
    pub(super) async fn all(&mut self) -> Result<Vec<Course>, DeskError> {
        Ok(match self {
            Self::Machine { courses, .. } => courses.all().await?,
            Self::Session(session) => {
                let own = session.courses().await?.courses;
                own.into_iter().map(|own| own.course).collect()
            }
        })
    }

    pub(super) async fn course(&mut self, course: &CourseId) -> Result<Option<Course>, DeskError> {
        match self {
            Self::Machine { courses, .. } => Ok(courses.one(course).await?),
            Self::Session(session) => {
                let own = session.courses().await?.courses;
                Ok(own.into_iter().map(|own| own.course).find(|own| own.course == *course))
            }
        }
    }

    pub(super) async fn setup(&mut self, course: &CourseId) -> Result<Setup, DeskError> {
        let no_course = || DeskError::NoCourse { course: course.clone() };
        Ok(match self {
            Self::Machine { courses, clock } => Setup {
                course: courses.one(course).await?.ok_or_else(no_course)?,
                assignments: courses.plans(course).await?,
                extensions: courses.extensions(course).await?,
                staff: courses.staff(course).await?,
                waiting: courses.waiting(course, clock.now()).await?,
            },
            Self::Session(session) => {
                let CourseAnswer { course, assignments, extensions, staff, waiting, .. } =
                    session.course(course).await?;
                Setup { course, assignments, extensions, staff, waiting }
            }
        })
    }

    /// All students of a course, page by page.
    pub(super) async fn members(
        &mut self,
        course: &CourseId,
        mut see: impl FnMut(Member),
    ) -> Result<(), DeskError> {
        let mut after: Option<Sid> = None;
        loop {
            let page = match self {
                Self::Machine { courses, .. } => {
                    courses.members(course, after.as_ref(), PAGE).await?
                }
                Self::Session(session) => session.members(course, after.as_ref()).await?.members,
            };
            match page.last() {
                Some(last) => after = Some(last.sid.clone()),
                None => return Ok(()),
            }
            page.into_iter().for_each(&mut see);
        }
    }

    /// Everybody who should hand in, or has, page by page.
    pub(super) async fn hand_ins(
        &mut self,
        assignment: &AssignmentRef,
        mut see: impl FnMut(HandIn),
    ) -> Result<(), DeskError> {
        let mut after: Option<Sid> = None;
        loop {
            let page = match self {
                Self::Machine { courses, .. } => {
                    let page = courses.hand_ins(assignment, after.as_ref(), PAGE).await?;
                    let assignment = assignment.clone();
                    page.ok_or(DeskError::NoAssignment { assignment })?
                }
                Self::Session(session) => {
                    session.hand_ins(assignment, after.as_ref()).await?.hand_ins
                }
            };
            match page.last() {
                Some(last) => after = Some(last.sid.clone()),
                None => return Ok(()),
            }
            page.into_iter().for_each(&mut see);
        }
    }

    pub(super) async fn change(
        &mut self,
        course: &CourseId,
        revision: u64,
        changes: &[Change],
    ) -> Result<(), DeskError> {
        let (courses, at) = match self {
            Self::Machine { courses, clock } => (courses, clock.now()),
            Self::Session(session) => {
                let changes = Changes { revision, changes: changes.to_vec() };
                session.change_course(course, &changes).await?;
                return Ok(());
            }
        };
        let changed = courses.change(course, Some(revision), changes, at).await?;
        let course = course.clone();
        match changed {
            Changed::Yes { .. } => Ok(()),
            Changed::NoCourse => Err(DeskError::NoCourse { course }),
            Changed::Stale { .. } => Err(DeskError::Stale { course }),
            Changed::NotAllowed { request, .. } => Err(DeskError::NotAllowed { course, request }),
            Changed::Refused { why, .. } => Err(DeskError::Refused { why }),
        }
    }
}
