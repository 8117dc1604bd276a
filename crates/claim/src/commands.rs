//! The commands: settings in, exit code out.

pub(crate) mod blackboard;
pub(crate) mod cuhk;
pub(crate) mod pages;
pub(crate) mod student;

use std::path::PathBuf;

use anyhow::Result;
use claim_blackboard::Quotas;
use claim_http::Limits;

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

/// Completes when the person or the system asks the program to stop: Ctrl-C, SIGTERM.
pub(crate) async fn asked_to_stop() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

/// Serves until asked to stop.
pub(crate) async fn until_stopped(terminal: Terminal) {
    match asked_to_stop().await {
        Ok(()) => terminal.say("Stopping: finishing the requests under way …"),
        Err(error) => terminal.failure(
            &format!("the system does not deliver signals: {error}"),
            None,
            "Stop it with `kill -9` when you need to; nothing acknowledged is lost.",
        ),
    }
}
