//! `claim demo`: the seed's six steps on this machine, with real sockets and real certificates.

mod report;
mod summary;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use claim_core::Origin;
use claim_http::BindError;
use claim_pki::Root;
use claim_student::{Requester, Student};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::report::{HandedIn, Report};
use self::summary::Summary;
use crate::attack;
use crate::cli::{DemoArgs, StudentServerArgs, TlsRootsArg};
use crate::commands::student::{ask_sid, no_sid};
use crate::commands::{Context, StopSignals, blackboard, cuhk};
use crate::exit::Exit;
use crate::stage::Stage;
use crate::terminal::{Terminal, Words};
use crate::words;

/// Any free port on this machine. One address only: two would get two different ports.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How long CUHK may take to certify the keys of the evidence.
const EVIDENCE_WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(arguments: DemoArgs, context: &Context) -> Result<Exit> {
    let mut signals = StopSignals::listen()?;
    tokio::select! {
        done = play(arguments, context) => done,
        () = signals.received() => {
            context.terminal.say("\nStopped.");
            Ok(Exit::Done)
        }
    }
}

async fn play(arguments: DemoArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal.explaining();
    let (dir, temporary) = folder(context.dir.as_deref())?;
    let summary = Arc::new(Summary::start());

    terminal.head("Step 0: CUHK and Blackboard start");
    let servers = match Servers::start(&dir, context, terminal, &summary).await? {
        Ok(servers) => servers,
        Err(exit) => return Ok(exit),
    };
    let sid = match arguments.sid {
        Some(sid) => sid,
        None => match ask_sid(terminal).await? {
            Some(sid) => sid,
            None => return Ok(no_sid(terminal)),
        },
    };
    summary.resume();
    let report = Report { dir: &dir, file: arguments.file, sid: &sid, terminal, context };
    let handed_in = match steps(report, &servers, &summary).await? {
        Ok(handed_in) => handed_in,
        Err(exit) => {
            servers.stop().await;
            return Ok(exit);
        }
    };
    summary.show(terminal);
    let kept = match &temporary {
        Some(_) => "Everything was in a temporary folder, which goes now; keep it next time with --dir FOLDER.".to_owned(),
        None => format!("Keys, certificates, messages, the report and its receipt are in {}.", dir.display()),
    };
    let exit = if arguments.attack {
        let root = std::fs::read_to_string(dir.join("cuhk.cer")).context("cannot read cuhk.cer")?;
        let (cuhk, blackboard) = (servers.cuhk.clone(), servers.blackboard.clone());
        let root = Arc::new(Root::from_pem(&root)?);
        let HandedIn { report, receipt } = handed_in;
        let stage = Stage { dir, cuhk, blackboard, sid, report, receipt, root, terminal };
        attack::run(&stage).await?
    } else {
        terminal.say("What an attacker gets: claim demo --attack");
        Exit::Done
    };
    terminal.say(&format!("\n{kept}"));
    servers.stop().await;
    Ok(exit)
}

/// Steps 1 to 6.
async fn steps(
    report: Report<'_>,
    servers: &Servers,
    summary: &Arc<Summary>,
) -> Result<Result<HandedIn, Exit>> {
    let (sid, terminal) = (report.sid, report.terminal);
    let student = student(report.dir, servers, terminal, summary);
    terminal.head("Steps 1 and 2: the student gets a certificate");
    let enrolled = match student.enroll(Requester::LocalDemo(sid.clone())).await {
        Ok(enrolled) => enrolled,
        Err(error) => return Ok(Err(terminal.explained(&error))),
    };
    if enrolled.already {
        terminal.say(&format!(
            "{sid} has a certificate in this folder already; steps 1 and 2 are done."
        ));
    }
    terminal.head("Steps 3 to 5: a session by certificate");
    let mut session = match student.open_session(&enrolled.id).await {
        Ok(session) => session,
        Err(error) => return Ok(Err(terminal.explained(&error))),
    };
    terminal.head("Step 6: authenticated messages");
    let messages =
        [format!("Hello, this is {sid}."), "My report is ready: 報告已完成 ✓".to_owned()];
    for message in messages {
        if let Err(error) = session.say(&message).await {
            return Ok(Err(terminal.explained(&error)));
        }
    }
    terminal.head("Step 6, for real: the report is handed in");
    report.hand_in(&student, &mut session).await
}

/// The folder that was named, or a temporary one that goes when the demonstration ends.
fn folder(named: Option<&Path>) -> Result<(PathBuf, Option<tempfile::TempDir>)> {
    match named {
        Some(dir) => Ok((dir.to_owned(), None)),
        None => {
            let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}

fn student(dir: &Path, servers: &Servers, terminal: Terminal, summary: &Arc<Summary>) -> Student {
    let at = StudentServerArgs {
        cuhk: servers.cuhk.clone(),
        blackboard: servers.blackboard.clone(),
        root: None,
        tls_roots: TlsRootsArg::Cuhk,
    };
    let summary = Arc::clone(summary);
    let observer = move |event| tell(terminal, &summary, &words::student::words(&event));
    Student::new(crate::commands::student::config(dir, at), Arc::new(observer))
}

/// The story ends with the summary: what the servers do while the attacker plays is told by the attacker.
fn tell(terminal: Terminal, summary: &Summary, words: &Words) {
    if summary.is_shown() {
        return;
    }
    terminal.tell(words);
    if let Some(narration) = &words.narration {
        summary.mark(narration.step);
    }
}

/// Both servers, serving.
struct Servers {
    cuhk: Origin,
    blackboard: Origin,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Servers {
    /// Starts both on their own ports, or on free ones where these are taken.
    async fn start(
        dir: &Path,
        context: &Context,
        terminal: Terminal,
        summary: &Arc<Summary>,
    ) -> Result<Result<Self, Exit>> {
        let (stop, stopped) = watch::channel(false);
        let marks = Arc::clone(summary);
        let observer: claim_cuhk::Observer =
            Arc::new(move |event| tell(terminal, &marks, &words::cuhk::words(&event)));
        let mut config = claim_cuhk::Config::new(dir);
        config.limits = context.cuhk_limits.clone();
        config.quotas = context.cuhk_quotas;
        let mut started = claim_cuhk::start(config.clone(), Arc::clone(&observer)).await;
        if let Err(claim_cuhk::StartError::Bind(BindError::InUse { address })) = &started {
            terminal.say(&taken(address.port()));
            config.listen = vec![FREE];
            started = claim_cuhk::start(config, observer).await;
        }
        let cuhk = match started {
            Ok(running) => running,
            Err(error) => return Ok(Err(cuhk::start_failure(context, &error))),
        };
        if cuhk.mode() != claim_cuhk::Mode::LocalDemo {
            let what =
                format!("{} holds a real CUHK, which certifies by invitation only", dir.display());
            terminal.failure(
                &what,
                None,
                "Name a folder of its own for the demonstration with --dir.",
            );
            return Ok(Err(Exit::Refused));
        }
        let cuhk_origin = cuhk.origin().clone();
        let mut tasks = vec![serve(cuhk.run(told(stopped.clone())))];

        let marks = Arc::clone(summary);
        let (ready, claims_taken) = watch::channel(false);
        let observer: claim_blackboard::Observer = Arc::new(move |event| {
            if matches!(event, claim_blackboard::Event::EvidenceReady { .. }) {
                ready.send_replace(true);
            }
            tell(terminal, &marks, &words::blackboard::words(&event));
        });
        let mut config = claim_blackboard::Config::new(dir, cuhk_origin.clone());
        config.limits = context.blackboard_limits.clone();
        config.quotas = context.blackboard_quotas;
        let mut started = claim_blackboard::start(config.clone(), Arc::clone(&observer)).await;
        if let Err(claim_blackboard::StartError::Bind(BindError::InUse { address })) = &started {
            terminal.say(&taken(address.port()));
            config.listen = vec![FREE];
            started = claim_blackboard::start(config, observer).await;
        }
        match started {
            Ok(running) => {
                let blackboard = running.origin().clone();
                tasks.push(serve(running.run(told(stopped))));
                // CUHK answers within moments; should it not, the student's program says why claims are not taken.
                let _ = timeout(EVIDENCE_WITHIN, told(claims_taken)).await;
                Ok(Ok(Self { cuhk: cuhk_origin, blackboard, stop, tasks }))
            }
            Err(error) => {
                stop.send_replace(true);
                Ok(Err(blackboard::start_failure(context, &error)))
            }
        }
    }

    /// Stops both and waits until they have.
    async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            // A server that panicked has stopped as well, and has said so.
            let _ = task.await;
        }
    }
}

fn serve<T>(running: impl Future<Output = T> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        running.await;
    })
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // The sender's end is as good as its word.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn taken(port: u16) -> String {
    format!("Port {port} is taken (a server that runs already?); taking a free one.")
}
