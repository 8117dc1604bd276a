//! What is measured: a Blackboard in a process of its own, and the authority that certified it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use claim_core::Origin;
use claim_pki::{Certificate, Issuer, Root, SigningKey};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;

use super::cpu::CpuTime;

/// How long Blackboard may take to start.
const PATIENCE: Duration = Duration::from_secs(90);

/// A Blackboard at work, and CUHK's keys. Blackboard ends with this value.
pub(super) struct Site {
    /// What everybody trusts.
    pub(super) root: Arc<Root>,
    /// CUHK's issuing authority, which certifies the students.
    pub(super) issuer: Arc<Issuer>,
    /// Blackboard's public origin.
    pub(super) origin: Origin,
    /// Where Blackboard listens.
    pub(super) address: SocketAddr,
    blackboard: Child,
    process: u32,
}

/// The line by which a server says where it is.
#[derive(Deserialize)]
pub(super) struct Listening {
    event: String,
    pub(super) origin: Origin,
    pub(super) addresses: Vec<SocketAddr>,
}

impl Site {
    /// Makes a CUHK in the folder for as long as it takes Blackboard to enrol there.
    pub(super) async fn start(dir: &Path) -> Result<Self> {
        let mut config = claim_cuhk::Config::new(dir);
        config.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let cuhk = claim_cuhk::start(config, Arc::new(|_| {})).await?;
        let cuhk_origin = cuhk.origin().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        // The sender's end is as good as its word.
        let serving = tokio::spawn(cuhk.run(async { drop(stopped.await) }));
        let started = start_blackboard(dir, &cuhk_origin).await;
        drop(stop);
        serving.await?;

        let (blackboard, listening) = started?;
        let process = blackboard.id().ok_or_else(|| anyhow!("Blackboard has ended"))?;
        let address = listening.addresses.first().copied();
        Ok(Self {
            root: Arc::new(Root::from_pem(&read(dir, "cuhk.cer")?)?),
            issuer: Arc::new(Issuer::new(
                Certificate::from_pem(&read(dir, "cuhk-issuing.cer")?)?,
                SigningKey::from_pkcs8_pem(&read(dir, "cuhk-issuing.key")?)?,
            )?),
            origin: listening.origin,
            address: address.ok_or_else(|| anyhow!("Blackboard listens nowhere"))?,
            blackboard,
            process,
        })
    }

    /// The processor time that Blackboard has used.
    pub(super) fn cpu(&self) -> Result<CpuTime> {
        CpuTime::of(self.process)
    }

    /// Ends Blackboard, and waits until it is gone: its files are about to be.
    pub(super) async fn stop(mut self) {
        // It can only have ended already.
        let _ = self.blackboard.kill().await;
    }
}

async fn start_blackboard(dir: &Path, cuhk: &Origin) -> Result<(Child, Listening)> {
    start_program("blackboard", dir, &["--listen", "127.0.0.1:0", "--cuhk", cuhk.as_str()]).await
}

/// Starts this program as one of the servers and waits for it to listen.
pub(super) async fn start_program(
    name: &str,
    dir: &Path,
    arguments: &[&str],
) -> Result<(Child, Listening)> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let mut command = Command::new(program);
    command.arg(name).arg("--dir").arg(dir).arg("--json").args(arguments);
    // What the person has set for a server of theirs is not meant for this one.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CLAIM_") {
            command.env_remove(name);
        }
    }
    // A line for each request belongs to JSON, and not to what is measured here.
    command.env(crate::log::VARIABLE, "warn");
    // What a server says of each request is no part of what is measured.
    command.env("CLAIM_LOG", "error");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let output = child.stdout.take().ok_or_else(|| anyhow!("{name} has no output"))?;
    let mut lines = BufReader::new(output).lines();
    let listening = tokio::time::timeout(PATIENCE, listening(&mut lines));
    let listening = listening.await.with_context(|| format!("{name} does not start"))??;
    // Reads on, or the program would stand still with a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, listening))
}

async fn listening(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Listening> {
    let mut last = String::new();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str::<Listening>(&line) {
            Ok(listening) if listening.event == "listening" => return Ok(listening),
            _ => last = line,
        }
    }
    bail!("it ended before it listened; its last line: {last}")
}

pub(super) fn read(dir: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(dir.join(name)).with_context(|| format!("cannot read {name}"))
}
