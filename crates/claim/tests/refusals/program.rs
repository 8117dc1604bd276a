//! The real program, serving in a folder.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use claim_core::Origin;
use claim_pki::Root;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::wire::{LONG, Wire};

/// A server that is a process of its own; it ends with this value.
pub(crate) struct Program {
    pub(crate) origin: Origin,
    pub(crate) metrics: SocketAddr,
    log: PathBuf,
    process: Child,
}

impl Program {
    /// `claim cuhk`: a local demonstration, unless the folder has another root.
    pub(crate) async fn cuhk(dir: &Path) -> Self {
        Self::start("cuhk", dir, &[]).await
    }

    /// `claim blackboard` beside a local CUHK.
    pub(crate) async fn blackboard(dir: &Path, cuhk: &Origin) -> Self {
        Self::start("blackboard", dir, &["--cuhk", cuhk.as_str()]).await
    }

    async fn start(name: &str, dir: &Path, arguments: &[&str]) -> Self {
        let log = dir.join(format!("{name}.log"));
        // The free address may be taken by somebody else before the program takes it.
        for _ in 0..3 {
            if let Some(program) = Self::attempt(name, dir, arguments, &log).await {
                return program;
            }
        }
        panic!("{name} does not listen:\n{}", std::fs::read_to_string(&log).unwrap());
    }

    async fn attempt(name: &str, dir: &Path, arguments: &[&str], log: &Path) -> Option<Self> {
        let metrics = free_address();
        let mut process = claim()
            .args([name, "--json", "--listen", "127.0.0.1:0", "--metrics"])
            .arg(metrics.to_string())
            .args(arguments)
            .env("SOFTHSM2_CONF", dir.join("softhsm2.conf"))
            .arg("--dir")
            .arg(dir)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = tokio::time::timeout(LONG, listening(&mut lines)).await;
        let origin = listening.ok().flatten()?;
        // Nobody reads the rest, but somebody must take it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { origin, metrics, log: log.to_owned(), process })
    }

    /// Tells it to look at its files (SIGHUP).
    pub(crate) fn hang_up(&self) {
        let pid = self.process.id().unwrap().to_string();
        let told = std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(told.success());
    }

    /// Asserts that it still runs, and that nothing in it has panicked.
    pub(crate) fn assert_sound(&mut self) {
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(!log.contains("panicked"), "{log}");
        assert_eq!(self.process.try_wait().unwrap(), None, "{log}");
    }
}

/// `cuhk.cer` of a folder.
pub(crate) fn root(dir: &Path) -> Root {
    Root::from_pem(&std::fs::read_to_string(dir.join("cuhk.cer")).unwrap()).unwrap()
}

/// The value of a counter; one that was never touched is zero.
pub(crate) async fn count(metrics: SocketAddr, sample: &str) -> u64 {
    let mut wire = Wire::plain(metrics).await;
    wire.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let answer = wire.answer("GET").await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

/// The program, knowing nothing of the environment of whoever runs the tests.
fn claim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claim"));
    command.env_clear().env("CLAIM_LOG", "warn").stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn listening(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<Origin> {
    while let Some(line) = lines.next_line().await.unwrap() {
        let document: Value = serde_json::from_str(&line).unwrap();
        if document["event"] == "listening" {
            return Some(document["origin"].as_str().unwrap().parse().unwrap());
        }
    }
    None
}

/// An address on which nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
