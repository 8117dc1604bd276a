//! `claim bench course`: a course as large as they come, and how long its lists take.

mod lists;
mod report;
mod seed;

use anyhow::{Context as _, Result};

use self::lists::{measure, whole_course};
use self::report::Report;
use super::connection::Client;
use super::io::{memory, reset_peak};
use super::site::Site;
use super::students::Student;
use super::temporary_folder;
use crate::cli::CourseBenchArgs;
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// The course.
const COURSE: &str = "bench-course";

/// Whose course it is.
const TEACHER: &str = "bench.teacher";

/// How many students hand in together, where they do.
const GROUP: usize = 4;

/// Runs it.
pub(super) async fn run(arguments: CourseBenchArgs, context: &Context) -> Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let report = tokio::select! {
        report = measured(&arguments, context) => report?,
        // Blackboard and the folder end with what is dropped here.
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    Ok(Exit::Done)
}

async fn measured(arguments: &CourseBenchArgs, context: &Context) -> Result<Report> {
    let (terminal, dir) = (context.terminal, temporary_folder(context)?);
    terminal.say("Starting CUHK and Blackboard, and certifying the students …");
    let site = Site::start(dir.path()).await?;
    site.takes_claims().await?;
    let client = Client::new(&site)?;
    let students = Student::many(arguments.students, &site.issuer)?;
    let sids: Vec<_> = students.iter().map(|student| student.credential.id.clone()).collect();
    seed::add_course(dir.path()).await?;
    let teacher = Student::named(TEACHER.parse()?, &site.issuer)?;
    seed::set_up(&client, &teacher, arguments, &sids).await?;
    let memory_empty = memory(site.process())?.now;

    let each = arguments.assignments * arguments.claims;
    terminal.say(&format!("Handing in: {} students, {each} claims each …", students.len()));
    let one_of_them = Student::new(arguments.students / 2, &site.issuer)?;
    let seeded = seed::hand_in(&client, students, arguments).await?;

    terminal.say("Looking at all of it …");
    whole_course(&client, &teacher, arguments).await?;
    reset_peak(site.process())?;
    let memory_before = memory(site.process())?.now;
    let mut rows = Vec::new();
    for list in lists::all(arguments) {
        terminal.say(&format!("{list} …"));
        let who = if list.is_students() { &one_of_them } else { &teacher };
        let row = measure(&client, &site, who, &list, arguments);
        rows.push(row.await.with_context(|| list.to_string())?);
    }
    let memory = memory(site.process())?;
    let storage = seed::size_of(dir.path())?;
    site.stop().await;
    let memory = [memory_empty, memory_before, memory.peak];
    Ok(Report::new(arguments, seeded, storage, memory, rows))
}
