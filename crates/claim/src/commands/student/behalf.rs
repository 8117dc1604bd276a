//! `claim staff hand-in`: staff hands in on behalf of students.

use std::sync::Arc;

use anyhow::Result;
use claim_core::claim::Holder;
use claim_core::{CourseId, PersonId, StaffId};
use claim_course::{Request, Role, Standing};
use claim_student::{OpenSession, Wanted};

use super::consent::Consent;
use super::hand_in::chosen_place;
use super::job::{Job, failed};
use super::outage::Waits;
use super::whose::Whose;
use super::{observed, the_one_person};
use crate::cli::staff::{HandInForArgs, WhoArgs};
use crate::commands::Context;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::words;

/// Hands in, from the files to the receipt.
pub(crate) async fn hand_in_for(
    arguments: HandInForArgs,
    who: WhoArgs,
    context: &Context,
) -> Result<Exit> {
    let terminal = context.terminal;
    let HandInForArgs { assignment, paths, students, reason, receipt, anew, consent } = arguments;
    let consent = match Consent::new(consent.yes, terminal) {
        Ok(consent) => consent,
        Err(exit) => return Ok(exit),
    };
    let holder = match holder(students) {
        Ok(holder) => holder,
        Err(what) => {
            terminal.failure(&what, None, "Name each student once with --for.");
            return Ok(Exit::Usage);
        }
    };
    let place = match receipt.as_deref().map(|path| chosen_place(path, terminal)).transpose() {
        Ok(place) => place,
        Err(exit) => return Ok(exit),
    };
    let progress = Arc::new(Progress::new(terminal));
    let observer = {
        let progress = Arc::clone(&progress);
        move |event| progress.tell(&event, &words::student::words(&event))
    };
    let id = who.id.clone();
    let program = observed(who.servers(), context, Arc::new(observer))?;
    let by = match the_one_person(&program, id, terminal).and_then(|id| staff(id, terminal)) {
        Ok(by) => by,
        Err(exit) => return Ok(exit),
    };
    let collected = match program.collect(paths).await {
        Ok(collected) => collected,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    let mut session = match program.open_session(&PersonId::Staff(by.clone())).await {
        Ok(session) => session,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    if let Err(exit) = covered(&mut session, &assignment.course, &progress, terminal).await {
        return Ok(exit);
    }
    let job = Job {
        program: &program,
        consent,
        place,
        note: Some(reason),
        whose: Whose::Of { by, holder },
        waits: Waits::No,
        anew,
        terminal,
        progress: &progress,
    };
    job.run(&mut session, collected, &Wanted::Exactly(assignment)).await
}

fn holder(mut students: Vec<claim_core::Sid>) -> Result<Holder, String> {
    students.sort();
    Holder::new(students).map_err(|error| error.to_string())
}

/// Whoever hands in for others signs as staff: a claim says so with an id that no student has.
fn staff(id: PersonId, terminal: Terminal) -> Result<StaffId, Exit> {
    match id {
        PersonId::Staff(staff) => Ok(staff),
        PersonId::Student(sid) => {
            let what = format!("{sid} is the ID of a student, and cannot hand in for others");
            let why = "A claim on behalf of others names the member of staff who signs it, by an id like chan.tm.";
            let advice = "Say with --id which id of staff is yours; CUHK certifies one for you.";
            terminal.failure(&what, Some(why), advice);
            Err(Exit::Usage)
        }
    }
}

/// Whether the role covers it: found out before anything is signed. To whom the course is not there, Blackboard says so
/// when it is asked about the student.
async fn covered(
    session: &mut OpenSession,
    course: &CourseId,
    progress: &Progress,
    terminal: Terminal,
) -> Result<(), Exit> {
    let own = session.courses().await.map_err(|error| failed(&error, progress, terminal))?;
    let mut own = own.courses.into_iter();
    let role: Option<Role> = own.find(|own| own.course.course == *course).map(|own| own.role);
    match role {
        Some(role) if !Standing::Staff(role).may(Request::HandInFor) => {
            let what = format!("as {role} of {course} you may not {}", Request::HandInFor.words());
            progress.clear();
            terminal.failure(&what, None, "Ask a teacher of the course to do it.");
            Err(Exit::Refused)
        }
        _ => Ok(()),
    }
}
