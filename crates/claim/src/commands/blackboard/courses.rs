//! Courses, on Blackboard's machine.

use anyhow::Result;
use claim_blackboard::{AdminError, Courses, NewCourse};
use claim_core::{CourseId, PersonId};
use claim_course::time::Zone;

use super::Context;
use crate::cli::course::{CourseSettings, DatabaseHereArgs, OpenTo};
use crate::commands::course::{self, Desk, Errand};
use crate::exit::Exit;

/// The records of courses and claims.
pub(super) async fn open(database: Option<&str>, context: &Context) -> Result<Courses, AdminError> {
    claim_blackboard::courses(&context.server_dir(), database).await
}

/// Whatever staff could do from afar.
pub(super) async fn run(
    errand: Errand,
    database: &DatabaseHereArgs,
    context: &Context,
) -> Result<Exit> {
    match Desk::open(database.database.as_deref(), context).await {
        Ok(mut desk) => course::run(errand, &mut desk, context).await,
        Err(error) => Ok(error.tell(context)),
    }
}

/// `claim blackboard course add`.
pub(super) async fn add(
    course: CourseId,
    settings: CourseSettings,
    owner: Option<&PersonId>,
    database: &DatabaseHereArgs,
    context: &Context,
) -> Result<Exit> {
    let CourseSettings { title, zone, open_to } = settings;
    let new = NewCourse {
        title: title.unwrap_or_else(|| course.to_string()),
        zone: zone.unwrap_or_else(Zone::utc),
        open: open_to == Some(OpenTo::Everybody),
        course,
    };
    let added = async {
        let mut desk = Desk::open(database.database.as_deref(), context).await?;
        desk.add(&new, owner).await
    };
    match added.await {
        Ok(()) => {
            let who = if new.open { "everybody with a certificate" } else { "those on its roster" };
            context.terminal.say(&format!(
                "{} is there, its times in {}, open to {who}.",
                new.course, new.zone
            ));
            Ok(Exit::Done)
        }
        Err(error) => Ok(error.tell(context)),
    }
}
