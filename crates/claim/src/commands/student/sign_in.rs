//! `claim student enroll --sso`.

use std::sync::Arc;

use anyhow::Result;
use claim_core::{PersonId, StaffId};
use claim_student::Event;

use super::{ask_sid, no_sid, observed_on, show_enrolled};
use crate::cli::DialogueArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::words;

pub(super) async fn enroll(
    arguments: DialogueArgs,
    staff: Option<StaffId>,
    context: &Context,
) -> Result<Exit> {
    let terminal = context.terminal;
    let observer = move |event| {
        let words = words::student::words(&event);
        match (&event, &words.plain, &words.json) {
            // Also when quiet: nobody else tells the person where to go.
            (Event::SignInWanted { .. }, Some(line), Some(document)) => {
                terminal.result(line, document);
            }
            _ => terminal.tell(&words),
        }
    };
    let student = observed_on(arguments.device, arguments.servers, context, Arc::new(observer))?;
    let id = match (staff, arguments.sid) {
        (Some(id), _) => PersonId::Staff(id),
        (None, Some(sid)) => PersonId::from(sid),
        (None, None) => match ask_sid(terminal).await? {
            Some(sid) => PersonId::from(sid),
            None => return Ok(no_sid(terminal)),
        },
    };
    match student.enroll_by_sign_in(id).await {
        Ok(enrolled) => {
            show_enrolled(&enrolled, terminal);
            Ok(Exit::Done)
        }
        Err(error) => Ok(terminal.explained(&error)),
    }
}
