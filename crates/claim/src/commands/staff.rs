//! `claim staff`: the errands of staff, in a session with Blackboard.

mod download;

use anyhow::Result;
use claim_student::OpenSession;

use super::Context;
use super::course::{self, Desk, Errand};
use super::student::{hand_in_for, program, the_one_person, try_as};
use crate::cli::staff::{StaffArgs, StaffCommand, WhoArgs};
use crate::exit::Exit;

pub(crate) async fn run(arguments: StaffArgs, context: &Context) -> Result<Exit> {
    let StaffArgs { command, who } = arguments;
    let errand = match command {
        StaffCommand::Course(command) => Errand::Course(command),
        StaffCommand::Assignment(command) => Errand::Assignment(command),
        StaffCommand::Roster(command) => Errand::Members(command),
        StaffCommand::Group(command) => Errand::Group(command),
        StaffCommand::Extend(command) => Errand::Extend(command),
        StaffCommand::Staff(command) => Errand::Staff(command),
        StaffCommand::Count(command) => Errand::Count(command),
        StaffCommand::Changes { course } => {
            return match open(who, context).await? {
                Ok(mut session) => super::changes::show(&mut session, Some(&course), context).await,
                Err(exit) => Ok(exit),
            };
        }
        StaffCommand::Watch(arguments) => {
            return match open(who, context).await? {
                Ok(session) => super::watch::run(arguments, session, context).await,
                Err(exit) => Ok(exit),
            };
        }
        StaffCommand::HandIn(arguments) => return hand_in_for(arguments, who, context).await,
        StaffCommand::Download(arguments) => return download::run(arguments, who, context).await,
        StaffCommand::List(arguments) => Errand::HandIns(arguments),
        StaffCommand::Try(arguments) => return try_as(arguments, who, context).await,
    };
    match open(who, context).await? {
        Ok(session) => course::run(errand, &mut Desk::Session(Box::new(session)), context).await,
        Err(exit) => Ok(exit),
    }
}

/// A session of whoever asks.
async fn open(who: WhoArgs, context: &Context) -> Result<Result<OpenSession, Exit>> {
    let id = who.id.clone();
    let student = program(who.servers(), context)?;
    let id = match the_one_person(&student, id, context.terminal) {
        Ok(id) => id,
        Err(exit) => return Ok(Err(exit)),
    };
    let session = student.open_session(&id).await;
    Ok(session.map_err(|error| context.terminal.explained(&error)))
}
