//! `claim bench`: a server under real load, beside the cryptography that it cannot avoid; servers under attack.

mod connection;
mod cpu;
mod hostile;
mod load;
mod primitives;
mod report;
mod site;
mod students;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use claim_cuhk::Clock;

use self::connection::Client;
use self::load::{Certificates, Connections, Phase};
use self::primitives::Workbench;
use self::report::{Report, Row, Setting};
use self::site::Site;
use self::students::Student;
use crate::cli::{BenchArgs, BenchCommand};
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// The load runs this long before anything counts: until caches are filled and threads started.
const WARM_UP: Duration = Duration::from_secs(1);

/// The two ways in which students come: all at once shortly before the due time, and when they are
/// connected already.
const PHASES: [Phase; 2] = [
    Phase { connections: Connections::New, certificates: Certificates::New },
    Phase { connections: Connections::Kept, certificates: Certificates::Known },
];

/// Runs a benchmark.
pub(crate) async fn run(arguments: BenchArgs, context: &Context) -> Result<Exit> {
    match arguments.command {
        BenchCommand::Sessions { seconds, students, concurrency } => {
            let concurrency = concurrency.min(students);
            let setting = Setting::new(seconds, students, concurrency);
            let mut signals = StopSignals::listen()?;
            let report = tokio::select! {
                report = sessions(setting, context) => report?,
                // Blackboard and the folder end with what is dropped here.
                () = signals.received() => return Ok(Exit::Refused),
            };
            context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
            Ok(if report.is_clean() { Exit::Done } else { Exit::Refused })
        }
        BenchCommand::Hostile(arguments) => hostile::run(arguments, context).await,
    }
}

/// Steps 3 to 5 against a Blackboard in its own process, in both ways, with the primitives before and after.
async fn sessions(setting: Setting, context: &Context) -> Result<Report> {
    let terminal = context.terminal;
    let dir = temporary_folder(context)?;
    terminal.say("Starting CUHK and Blackboard, and certifying the students …");
    let site = Site::start(dir.path()).await?;
    let client = Client::new(&site)?;
    let negotiated = client.negotiate().await?;
    let workbench = Arc::new(Workbench::new(&site, negotiated.key_exchange)?);
    let mut students = Student::many(setting.students, &site.issuer)?;

    terminal.say("Measuring the primitives …");
    let mut primitives = measure(&workbench).await?;
    let mut rows = Vec::new();
    for phase in PHASES {
        let seconds = WARM_UP.as_secs() + setting.seconds;
        terminal.say(&format!("Opening sessions over {phase}, for {seconds} s …"));
        let (came_back, measured) = load::run(phase, &setting, &site, &client, students).await?;
        students = came_back;
        rows.push((phase, measured));
    }
    terminal.say("Measuring the primitives again …");
    primitives.append(measure(&workbench).await?);
    site.stop().await;

    let primitives = primitives.medians();
    let row = |(phase, measured)| Row::new(phase, measured, &primitives);
    let sessions = rows.into_iter().map(row).collect();
    let (key_exchange, http) = (workbench.key_exchange(), negotiated.http);
    Ok(Report { setting, key_exchange, http, primitives, sessions })
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
