//! Courses: what staff does, the same on Blackboard's machine and from afar.

mod assignments;
mod counting;
mod courses;
mod desk;
mod extensions;
mod files;
mod gradebook;
mod groups;
mod hand_ins;
mod hand_ins_file;
mod members;
mod staff;
mod waiting;

use anyhow::Result;
use claim_core::CourseId;
use claim_course::{Change, Course};

pub(crate) use desk::{Desk, DeskError};

use super::Context;
use crate::cli::course::{
    AssignmentCommand, CountCommand, CourseCommand, ExtendCommand, GroupCommand, MembersCommand,
    StaffListCommand,
};
use crate::cli::hand_ins::HandInsArgs;
use crate::exit::Exit;

/// One thing that staff wants done.
pub(crate) enum Errand {
    Course(CourseCommand),
    Assignment(AssignmentCommand),
    Members(MembersCommand),
    Group(GroupCommand),
    Extend(ExtendCommand),
    Staff(StaffListCommand),
    Count(CountCommand),
    HandIns(HandInsArgs),
}

/// Why an errand was not done.
pub(crate) enum Undone {
    /// What was typed is wrong.
    Usage { what: String, advice: String },
    /// The desk did not do it.
    Desk(DeskError),
    /// Somebody was told why already.
    Told(Exit),
    /// The program itself could not go on.
    Other(anyhow::Error),
}

impl From<DeskError> for Undone {
    fn from(error: DeskError) -> Self {
        Self::Desk(error)
    }
}

impl From<anyhow::Error> for Undone {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<claim_course::time::TimeError> for Undone {
    fn from(error: claim_course::time::TimeError) -> Self {
        Self::Usage { advice: error.advice(), what: error.to_string() }
    }
}

pub(crate) type Done<T = ()> = Result<T, Undone>;

/// Does it, and tells what came of it.
pub(crate) async fn run(errand: Errand, desk: &mut Desk, context: &Context) -> Result<Exit> {
    let done = match errand {
        Errand::Course(command) => courses::run(command, desk, context).await,
        Errand::Assignment(command) => assignments::run(command, desk, context).await,
        Errand::Members(command) => members::run(command, desk, context).await,
        Errand::Group(command) => groups::run(command, desk, context).await,
        Errand::Extend(command) => extensions::run(command, desk, context).await,
        Errand::Staff(command) => staff::run(command, desk, context).await,
        Errand::Count(command) => counting::run(command, desk, context).await,
        Errand::HandIns(arguments) => hand_ins::run(&arguments, desk, context).await,
    };
    match done {
        Ok(()) => Ok(Exit::Done),
        Err(Undone::Usage { what, advice }) => {
            context.terminal.failure(&what, None, &advice);
            Ok(Exit::Usage)
        }
        Err(Undone::Desk(error)) => Ok(error.tell(context)),
        Err(Undone::Told(exit)) => Ok(exit),
        Err(Undone::Other(error)) => Err(error),
    }
}

/// The course, which must be there.
async fn course(desk: &mut Desk, course: &CourseId) -> Done<Course> {
    match desk.course(course).await? {
        Some(course) => Ok(course),
        None => Err(DeskError::NoCourse { course: course.clone() }.into()),
    }
}

/// Makes changes of a course as it was seen.
async fn change(desk: &mut Desk, seen: &Course, changes: &[Change]) -> Done {
    Ok(desk.change(&seen.course, seen.revision, changes).await?)
}
