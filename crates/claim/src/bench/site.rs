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
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::cpu::CpuTime;

/// How long Blackboard may take to start.
const PATIENCE: Duration = Duration::from_secs(90);

/// A Blackboard at work, and the CUHK that certified it, which is in this process. Both end with this value.
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
    ready: watch::Receiver<bool>,
    cuhk: JoinHandle<()>,
}

/// The line by which a server says where it is.
#[derive(Deserialize)]
pub(super) struct Listening {
    event: String,
    pub(super) origin: Origin,
    pub(super) addresses: Vec<SocketAddr>,
}

impl Site {
    /// Makes a CUHK in the folder, and starts a Blackboard that enrols there.
    pub(super) async fn start(dir: &Path) -> Result<Self> {
        let mut config = claim_cuhk::Config::new(dir);
        config.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let cuhk = claim_cuhk::start(config, Arc::new(|_| {})).await?;
        let cuhk_origin = cuhk.origin().clone();
        let cuhk = tokio::spawn(async {
            let _ = cuhk.run(std::future::pending()).await;
        });
        let arguments = ["--listen", "127.0.0.1:0", "--cuhk", cuhk_origin.as_str()];
        let Started { process: blackboard, listening, ready } =
            start_program("blackboard", dir, &arguments).await?;
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
            ready,
            cuhk,
        })
    }

    /// Waits until Blackboard takes claims: its keys of evidence are certified.
    pub(super) async fn takes_claims(&self) -> Result<()> {
        let mut ready = self.ready.clone();
        let ready = tokio::time::timeout(PATIENCE, ready.wait_for(|ready| *ready));
        ready.await.context("Blackboard takes no claims")?.context("Blackboard has ended")?;
        Ok(())
    }

    /// The number of Blackboard's process.
    pub(super) fn process(&self) -> u32 {
        self.process
    }

    /// The processor time that Blackboard has used.
    pub(super) fn cpu(&self) -> Result<CpuTime> {
        CpuTime::of(self.process)
    }

    /// Ends Blackboard, and waits until it is gone: its files are about to be.
    pub(super) async fn stop(mut self) {
        // It can only have ended already.
        let _ = self.blackboard.kill().await;
        self.cuhk.abort();
    }
}

/// A server that has been started.
pub(super) struct Started {
    pub(super) process: Child,
    pub(super) listening: Listening,
    /// Whether it has said that it takes claims.
    pub(super) ready: watch::Receiver<bool>,
}

/// Starts this program as one of the servers and waits for it to listen.
pub(super) async fn start_program(name: &str, dir: &Path, arguments: &[&str]) -> Result<Started> {
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
    let (says_ready, ready) = watch::channel(false);
    // Reads on, or the program would stand still with a full pipe.
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains(r#""event":"evidence-ready""#) {
                says_ready.send_replace(true);
            }
        }
    });
    Ok(Started { process: child, listening, ready })
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
