//! Who changed what: `claim student changes` and `claim staff changes`.

use anyhow::Result;
use claim_core::CourseId;
use claim_student::OpenSession;

use super::Context;
use crate::exit::Exit;
use crate::words;

/// Shows all that there is: in this course, or what concerns whoever asks.
pub(super) async fn show(
    session: &mut OpenSession,
    course: Option<&CourseId>,
    context: &Context,
) -> Result<Exit> {
    let (mut after, mut count) = (0, 0);
    loop {
        let told = match course {
            Some(course) => session.course_changes(course, after).await,
            None => session.changes(after).await,
        };
        let told = match told {
            Ok(told) => told,
            Err(error) => return Ok(context.terminal.explained(&error)),
        };
        for change in &told.changes {
            let document = serde_json::to_value(change)?;
            context.terminal.result(&words::changes::line(change), &document);
        }
        count += told.changes.len();
        match told.next {
            Some(next) => after = next,
            None if count == 0 => {
                context.terminal.say("Nothing was changed that concerns you.");
                return Ok(Exit::Done);
            }
            None => return Ok(Exit::Done),
        }
    }
}
