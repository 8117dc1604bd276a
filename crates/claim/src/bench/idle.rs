//! `claim bench idle`: what a connection costs the server while nothing happens on it.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use claim_http::Limits;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::connection::{Client, Connection, read_answer};
use super::io::memory;
use super::site::Site;
use super::temporary_folder;
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;
use crate::files;

/// So many connections come from each address: fewer than one may have.
const PER_ADDRESS: usize = 500;

/// So many are opened at once.
const AT_ONCE: usize = 64;

/// What came out. Sizes are in bytes.
#[derive(Clone, Debug, Serialize)]
struct Report {
    connections: usize,
    /// How long it took to open them, in seconds.
    opened_in: f64,
    /// Bytes of the server's in memory, before the first and when all are open.
    memory_before: u64,
    memory_open: u64,
    each: u64,
}

/// Runs it.
pub(super) async fn run(connections: usize, context: &Context) -> Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let report = tokio::select! {
        report = measured(connections, context) => report?,
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    Ok(Exit::Done)
}

async fn measured(connections: usize, context: &Context) -> Result<Report> {
    let room = files::fit(&Limits { max_connections: connections, ..Limits::default() });
    ensure!(
        room.max_connections == connections,
        "the system gives this program files for {} connections only (ulimit -n)",
        room.max_connections
    );
    let dir = temporary_folder(context)?;
    context.terminal.say("Starting CUHK and Blackboard …");
    let site = Site::start(dir.path()).await?;
    site.takes_claims().await?;
    let client = Client::new(&site)?;
    // What is made once, at the first connection, is not the others' cost.
    open(&client, Ipv4Addr::LOCALHOST).await?.close().await;
    let memory_before = memory(site.process())?.now;

    context.terminal.say(&format!("Opening {connections} connections …"));
    let begin = Instant::now();
    let (turns, mut opening) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for number in 0..connections {
        let address = u8::try_from(2 + number / PER_ADDRESS).context("too many connections")?;
        let (client, turns) = (client.clone(), Arc::clone(&turns));
        opening.spawn(async move {
            let _turn = turns.acquire().await?;
            open(&client, Ipv4Addr::new(127, 0, 0, address)).await
        });
    }
    let mut idle: Vec<Connection> = Vec::new();
    while let Some(opened) = opening.join_next().await {
        idle.push(opened.map_err(|_| anyhow!("a connection was lost"))??);
    }
    let (opened_in, memory_open) = (begin.elapsed().as_secs_f64(), memory(site.process())?.now);
    let still_open = idle.iter().filter(|connection| connection.is_open()).count();
    ensure!(still_open == connections, "the server closed {} of them", connections - still_open);
    drop(idle);
    site.stop().await;
    let each = memory_open.saturating_sub(memory_before) / connections.max(1) as u64;
    Ok(Report { connections, opened_in, memory_before, memory_open, each })
}

/// A connection on which one request has been answered.
async fn open(client: &Client, from: Ipv4Addr) -> Result<Connection> {
    let mut connection = client.connect_from(from).await?;
    let request = Request::get(client.origin().join("/")).body(Full::new(Bytes::new()))?;
    let answer = connection.send(request).await?;
    let status = answer.status();
    read_answer(answer.into_body()).await?;
    ensure!(status == StatusCode::OK, "the start page was answered with {status}");
    Ok(connection)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: f64 = 1024.0 * 1024.0;
        writeln!(f, "\n{} idle connections, opened in {:.1} s:", self.connections, self.opened_in)?;
        let (before, open) = (self.memory_before as f64 / MIB, self.memory_open as f64 / MIB);
        writeln!(
            f,
            "  {:<40}{before:>8.0} MiB, {open:.0} MiB",
            "server's memory, before and then"
        )?;
        write!(f, "  {:<40}{:>8.1} KiB", "each", self.each as f64 / 1024.0)
    }
}
