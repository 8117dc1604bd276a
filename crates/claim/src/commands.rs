//! The commands: settings in, exit code out.

pub(crate) mod blackboard;
pub(crate) mod cuhk;
pub(crate) mod pages;
pub(crate) mod student;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use claim_blackboard::Quotas;
use claim_http::Limits;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::Terminal;

/// What all commands share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) terminal: Terminal,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) cuhk_limits: Limits,
    pub(crate) blackboard_limits: Limits,
    pub(crate) blackboard_quotas: Quotas,
}

impl Context {
    /// The servers' folder: the current one unless another is given.
    pub(crate) fn server_dir(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| PathBuf::from("."))
    }
}

/// The signals by which a person or the system asks the program to stop: Ctrl-C, SIGTERM.
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

/// Serves until asked to stop.
pub(crate) async fn until_stopped(mut signals: StopSignals, terminal: Terminal) {
    signals.received().await;
    terminal.say("Stopping: finishing the requests under way …");
}
