//! Courses as a whole.

use claim_core::Escaped;
use claim_course::{Change, Course};
use serde_json::json;

use super::desk::Setup;
use super::{Context, Desk, Done, assignments, change, course, extensions, files, staff, waiting};
use crate::cli::course::{CourseCommand, OpenTo};

pub(super) async fn run(command: CourseCommand, desk: &mut Desk, context: &Context) -> Done {
    match command {
        CourseCommand::List => {
            let courses = desk.all().await?;
            if courses.is_empty() {
                context.terminal.say("There are no courses yet.");
            }
            for course in &courses {
                tell(course, context);
            }
        }
        CourseCommand::Show { course: id } => {
            let Setup { course, assignments, extensions, staff, waiting } = desk.setup(&id).await?;
            tell(&course, context);
            assignments.iter().for_each(|plan| assignments::tell(plan, &course.zone, context));
            extensions.iter().for_each(|one| extensions::tell(one, &course.zone, context));
            staff.iter().for_each(|member| staff::tell(member, context));
            waiting.iter().for_each(|one| waiting::show(one, &course.zone, context));
        }
        CourseCommand::Apply { file, apply } => {
            return files::apply(&file, apply, desk, context).await;
        }
        CourseCommand::Export { course } => return files::export(&course, desk, context).await,
        CourseCommand::Set { course: id, settings } => {
            let seen = course(desk, &id).await?;
            let changed = Course {
                title: settings.title.unwrap_or_else(|| seen.title.clone()),
                zone: settings.zone.unwrap_or_else(|| seen.zone.clone()),
                open: settings.open_to.map_or(seen.open, |who| who == OpenTo::Everybody),
                ..seen.clone()
            };
            let Course { title, zone, open, .. } = changed.clone();
            change(desk, &seen, &[Change::Course { title, zone, open }]).await?;
            tell(&changed, context);
        }
    }
    Ok(())
}

/// A course in a line.
pub(super) fn tell(course: &Course, context: &Context) {
    let Course { course, title, zone, open, revision } = course;
    let who = if *open { "everybody with a certificate" } else { "those on its roster" };
    let line = format!("{course}  {}  {zone}, open to {who}", Escaped(title));
    let document = json!({
        "course": course, "title": title, "zone": zone, "open": open, "revision": revision,
    });
    context.terminal.result(&line, &document);
}
