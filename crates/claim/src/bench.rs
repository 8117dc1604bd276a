//! `claim bench`: a server under real load, and the verifier, beside the cryptography that they cannot avoid; servers
//! under attack.

mod connection;
mod course;
mod cpu;
mod enroll;
mod hand_in;
mod hostile;
mod idle;
mod io;
mod load;
mod overload;
mod pin;
mod primitives;
mod report;
mod site;
mod students;
mod upload;
mod verify;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use claim_cuhk::Clock;

use self::connection::Client;
use self::io::Tracer;
use self::load::{Certificates, Connections, Phase, Work};
use self::primitives::Workbench;
use self::report::{CallsPerVisit, Report, Row, Setting};
use self::site::Site;
use self::students::Student;
use crate::cli::{BenchArgs, BenchCommand, LoadArgs};
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// The load runs this long before anything counts: until caches are filled and threads started.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long system calls are counted.
const TRACED: u64 = 3;

/// Students come all at once shortly before the due time, or when they are connected already.
const SESSIONS: [Phase; 2] = [
    Phase { work: Work::Session, connections: Connections::New, certificates: Certificates::New },
    Phase {
        work: Work::Session,
        connections: Connections::Kept,
        certificates: Certificates::Known,
    },
];

/// Students come shortly before the due time and hand in.
const HAND_INS: [Phase; 1] =
    [Phase { work: Work::HandIn, connections: Connections::New, certificates: Certificates::New }];

/// Runs a benchmark.
pub(crate) async fn run(arguments: BenchArgs, context: &Context) -> Result<Exit> {
    match arguments.command {
        BenchCommand::Sessions(load) => loaded(&load, &SESSIONS, false, context).await,
        BenchCommand::HandIn { load, calls } => loaded(&load, &HAND_INS, calls, context).await,
        BenchCommand::Verify { seconds, receipts } => {
            verify::run(seconds, receipts as usize, context).await
        }
        BenchCommand::Upload(arguments) => upload::run(arguments, context).await,
        BenchCommand::Enroll(arguments) => enroll::run(arguments, context).await,
        BenchCommand::Course(arguments) => course::run(arguments, context).await,
        BenchCommand::Idle { connections } => idle::run(connections as usize, context).await,
        BenchCommand::Overload(arguments) => overload::run(arguments, context).await,
        BenchCommand::Hostile(arguments) => hostile::run(arguments, context).await,
    }
}

/// Runs phases until they are over or somebody stops them.
async fn loaded(
    load: &LoadArgs,
    phases: &[Phase],
    counts_calls: bool,
    context: &Context,
) -> Result<Exit> {
    let concurrency = load.concurrency.min(load.students);
    let setting = Setting::new(load.seconds, load.students, concurrency);
    let mut signals = StopSignals::listen()?;
    let report = tokio::select! {
        report = measured(setting, phases, counts_calls, context) => report?,
        // Blackboard and the folder end with what is dropped here.
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    Ok(if report.is_clean() { Exit::Done } else { Exit::Refused })
}

/// The phases against a Blackboard in its own process, with the primitives before and after.
async fn measured(
    setting: Setting,
    phases: &[Phase],
    counts_calls: bool,
    context: &Context,
) -> Result<Report> {
    let terminal = context.terminal;
    let dir = temporary_folder(context)?;
    terminal.say("Starting CUHK and Blackboard, and certifying the students …");
    let site = Site::start(dir.path()).await?;
    site.takes_claims().await?;
    let client = Client::new(&site)?;
    let negotiated = client.negotiate().await?;
    let workbench = Arc::new(Workbench::new(&site, negotiated.key_exchange)?);
    let mut students = Student::many(setting.students, &site.issuer)?;

    terminal.say("Measuring the primitives …");
    let mut primitives = measure(&workbench).await?;
    let mut rows = Vec::new();
    for phase in phases {
        let seconds = WARM_UP.as_secs() + setting.seconds;
        terminal.say(&format!("The {phase}, for {seconds} s …"));
        let (back, measured) = load::run(*phase, &setting, &site, &client, students).await?;
        let (back, calls) = if counts_calls {
            terminal.say("Once more, with the system calls counted …");
            let (back, calls) = counted(*phase, &setting, &site, &client, back, dir.path()).await?;
            (back, Some(calls))
        } else {
            (back, None)
        };
        students = back;
        rows.push((*phase, measured, calls));
    }
    terminal.say("Measuring the primitives again …");
    primitives.append(measure(&workbench).await?);
    site.stop().await;

    let primitives = primitives.medians();
    let row = |(phase, measured, calls)| Row::new(phase, measured, calls, &primitives);
    let phases = rows.into_iter().map(row).collect();
    let (key_exchange, http) = (workbench.key_exchange(), negotiated.http);
    Ok(Report { setting, key_exchange, http, primitives, phases })
}

/// A phase while a tracer counts what Blackboard asks of the system, which makes it slow.
async fn counted(
    phase: Phase,
    setting: &Setting,
    site: &Site,
    client: &Client,
    students: Vec<Student>,
    dir: &Path,
) -> Result<(Vec<Student>, CallsPerVisit)> {
    let tracer = Tracer::attach(site.process(), dir).await?;
    let setting = Setting { seconds: TRACED, ..setting.clone() };
    let (students, measured) = load::run(phase, &setting, site, client, students).await?;
    let calls = tracer.detach().await?;
    Ok((students, CallsPerVisit::new(&calls, measured.completed)))
}

/// On one thread, apart from those that serve connections.
async fn measure(workbench: &Arc<Workbench>) -> Result<primitives::Samples> {
    let workbench = Arc::clone(workbench);
    tokio::task::spawn_blocking(move || workbench.measure()).await?
}

/// In the folder of `--dir`, where that is given; it is removed at the end.
fn temporary_folder(context: &Context) -> Result<tempfile::TempDir> {
    let made = match &context.dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    made.context("cannot make a temporary folder")
}

fn now() -> claim_core::Timestamp {
    Clock::system().now()
}
