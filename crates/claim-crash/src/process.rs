//! A child, seen from the harness. It is killed by SIGKILL, and never outlives the harness.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::order::Order;

/// How long a child may take for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A child.
pub struct Process {
    child: Child,
    orders: ChildStdin,
    heard: UnboundedReceiver<String>,
}

/// What a child says that is of consequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It serves.
    Listening,
    /// It has reached the point of an order.
    Hit,
    /// It is done with what it was for.
    Done(String),
    /// It could not do it.
    Failed(String),
    /// It has ended.
    Ended,
}

impl Process {
    /// Starts a child: this program's own `be`, perhaps under another program that traces it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(under: &[OsString], program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = match under.split_first() {
            Some((tracer, rest)) => {
                let mut command = Command::new(tracer);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("be").args(arguments).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let orders = child.stdin.take().ok_or_else(|| anyhow!("no way in"))?;
        let output = child.stdout.take().ok_or_else(|| anyhow!("no way out"))?;
        let (said, heard) = unbounded_channel();
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if said.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, orders, heard })
    }

    /// What it says next.
    ///
    /// # Errors
    /// When it says nothing for too long.
    pub async fn next(&mut self) -> Result<Said> {
        loop {
            let line = timeout(PATIENCE, self.heard.recv()).await.context("the child is silent")?;
            let Some(line) = line else { return Ok(Said::Ended) };
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            return Ok(match word {
                "listening" => Said::Listening,
                "hit" => Said::Hit,
                "done" => Said::Done(rest.to_owned()),
                "failed" => Said::Failed(rest.to_owned()),
                _ => continue,
            });
        }
    }

    /// Gives it an order, and returns when it has it.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn order(&mut self, order: Order) -> Result<()> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        loop {
            let line = timeout(PATIENCE, self.heard.recv()).await.context("the child is silent")?;
            match line.as_deref() {
                Some("armed") => return Ok(()),
                Some(_) => {}
                None => bail!("the child is gone"),
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> Result<()> {
        self.child.start_kill()?;
        self.child.wait().await?;
        Ok(())
    }
}
