//! The commands: settings in, exit code out.

mod audit;
mod backup;
pub(crate) mod blackboard;
mod changes;
pub(crate) mod course;
pub(crate) mod cuhk;
pub(crate) mod log;
pub(crate) mod pages;
pub(crate) mod staff;
pub(crate) mod student;
pub(crate) mod verify;
mod watch;

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;

use anyhow::{Context as _, Result};
use claim_blackboard::Quotas;
use claim_core::Origin;
use claim_http::{Limits, Nudge, Stopped};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::exit::Exit;
use crate::service;
use crate::terminal::Terminal;
use crate::words;

/// What all commands share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) terminal: Terminal,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) cuhk_limits: Limits,
    pub(crate) cuhk_quotas: claim_cuhk::Quotas,
    pub(crate) cuhk_mail: Option<claim_cuhk::MailSettings>,
    pub(crate) cuhk_sso: Option<claim_cuhk::SsoSettings>,
    pub(crate) blackboard_limits: Limits,
    pub(crate) blackboard_quotas: Quotas,
}

impl Context {
    /// The servers' folder: the current one unless another is given.
    pub(crate) fn server_dir(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| PathBuf::from("."))
    }
}

/// The signals by which a person or the system asks the program for something: Ctrl-C and SIGTERM to stop.
///
/// Made before the work begins and kept until it ends: before, a signal would end the program on the spot, and
/// between two of these it would go unheard.
#[derive(Debug)]
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self> {
        let told = "the system does not deliver signals";
        let interrupt = signal(SignalKind::interrupt()).context(told)?;
        let terminate = signal(SignalKind::terminate()).context(told)?;
        Ok(Self { interrupt, terminate })
    }

    /// Completes when one has come since it listens.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A server that is ready, and how it is talked to while it serves.
pub(crate) struct Serving<R> {
    /// Its public origin.
    pub(crate) origin: Origin,
    /// Has it look after its files at once.
    pub(crate) nudge: Nudge,
    /// Serves until what it is given completes.
    pub(crate) run: R,
}

/// Serves until asked to stop, then lets it finish; asked once more, ends at once. SIGHUP nudges.
pub(crate) async fn serve<R, F>(
    serving: Serving<R>,
    mut signals: StopSignals,
    terminal: Terminal,
) -> Result<Exit>
where
    R: FnOnce(Told) -> F,
    F: Future<Output = Stopped>,
{
    let mut hangup = signal(SignalKind::hangup()).context("the system does not deliver signals")?;
    let Serving { origin, nudge, run } = serving;
    let (stop, stopped) = oneshot::channel();
    let mut running = pin!(run(Told(stopped)));
    let mut stop = Some(stop);
    // A task of its own: it is to show that tasks get their turn.
    let watchdog = tokio::spawn(service::watchdog());
    service::ready(origin.as_str());
    let exit = loop {
        tokio::select! {
            end = &mut running => {
                terminal.tell(&words::stopped(end.cut_off));
                break Exit::Done;
            }
            () = signals.received() => match stop.take() {
                Some(stop) => {
                    service::stopping();
                    terminal.tell(&words::stopping());
                    // A server that has ended by itself needs no telling.
                    let _ = stop.send(());
                }
                None => {
                    terminal.tell(&words::stopped_at_once());
                    break Exit::Refused;
                }
            },
            _ = hangup.recv() => nudge.now(),
        }
    };
    watchdog.abort();
    Ok(exit)
}

/// Completes when the server is to stop.
pub(crate) struct Told(oneshot::Receiver<()>);

impl Told {
    /// Waits for it.
    pub(crate) async fn stop(self) {
        // The end of whoever would tell is as good as the word.
        let _ = self.0.await;
    }
}
