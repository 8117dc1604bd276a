//! `claim bench course`: a course as large as they come, and how long its lists take.

mod lists;
mod report;
mod seed;

use std::path::Path;

use anyhow::{Context as _, Result};
use claim_core::PersonId;

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
    let (mut signals, dir) = (StopSignals::listen()?, temporary_folder(context)?);
    let report = tokio::select! {
        report = measured(&arguments, dir.path(), context) => report?,
        // Blackboard and the folder end with what is dropped here.
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    context.terminal.say("Removing what was handed in …");
    dir.close()?;
    Ok(Exit::Done)
}

async fn measured(arguments: &CourseBenchArgs, dir: &Path, context: &Context) -> Result<Report> {
    let terminal = context.terminal;
    terminal.say("Starting CUHK and Blackboard, and certifying the students …");
    let site = Site::start(dir).await?;
    site.takes_claims().await?;
    let client = Client::new(&site)?;
    let students = Student::many(arguments.students, &site.issuer)?;
    let sids: Vec<_> = students.iter().map(|student| student.credential.id.clone()).collect();
    seed::add_course(dir).await?;
    let teacher = Student::named(TEACHER.parse()?, &site.issuer)?;
    let lists = lists::all(arguments);
    // A person makes so many requests a minute, and no more: each list has a reader of its own.
    let readers: Vec<PersonId> = (0..lists.len())
        .map(|number| format!("bench.assistant{number}").parse())
        .collect::<Result<_, _>>()?;
    seed::set_up(&client, &teacher, arguments, &sids, &readers).await?;
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
    for (list, reader) in lists.iter().zip(readers) {
        terminal.say(&format!("{list} …"));
        let reader = Student::named(reader, &site.issuer)?;
        let who = if list.is_students() { &one_of_them } else { &reader };
        let row = measure(&client, &site, who, list, arguments);
        rows.push(row.await.with_context(|| list.to_string())?);
    }
    let memory = memory(site.process())?;
    let storage = seed::size_of(dir)?;
    site.stop().await;
    let memory = [memory_empty, memory_before, memory.peak];
    Ok(Report::new(arguments, seeded, storage, memory, rows))
}
