//! What a process writes and asks of the system, as Linux tells it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long the tracer may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bytes that a process has sent to the storage since it began (proc(5), `/proc/pid/io`).
pub(super) fn bytes_written(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/io");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    let bytes = line.and_then(|line| line.trim().parse().ok());
    bytes.with_context(|| format!("{path} has an unexpected form: {text:?}"))
}

/// The memory of a process that is in the machine's (proc(5), `VmRSS` and `VmHWM`), in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) now: u64,
    /// The most there has been since [`reset_peak`].
    pub(super) peak: u64,
}

/// The memory that a process has.
pub(super) fn memory(process: u32) -> Result<Memory> {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    Memory::parse(&text).with_context(|| format!("{path} has no VmRSS or VmHWM"))
}

/// Forgets how much memory a process had at most so far.
pub(super) fn reset_peak(process: u32) -> Result<()> {
    let path = format!("/proc/{process}/clear_refs");
    std::fs::write(&path, "5").with_context(|| format!("cannot write to {path}"))
}

impl Memory {
    fn parse(status: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            kilobytes.checked_mul(1024)
        };
        Some(Self { now: value("VmRSS:")?, peak: value("VmHWM:")? })
    }
}

/// How often each system call was made, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls(BTreeMap<String, u64>);

impl Calls {
    /// All of them.
    pub(super) fn all(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those that wait until the storage has everything.
    pub(super) fn syncs(&self) -> u64 {
        ["fsync", "fdatasync"].iter().filter_map(|name| self.0.get(*name)).sum()
    }

    /// The table of `strace --summary-columns=name,calls`.
    fn parse(table: &str) -> Option<Self> {
        let rows = table.lines().filter(|line| !line.starts_with("---") && !line.is_empty());
        // The first row names the columns, the last one is the sum.
        let rows: Option<Vec<(String, u64)>> = rows
            .skip(1)
            .map(|row| {
                let (name, calls) = row.trim().split_once(char::is_whitespace)?;
                Some((name.to_owned(), calls.trim().parse().ok()?))
            })
            .collect();
        Some(Self(rows?.into_iter().filter(|(name, _)| name != "total").collect()))
    }
}

/// `strace`, which counts the system calls of a process while this lives. It slows the process down.
pub(super) struct Tracer {
    strace: Child,
    table: tempfile::NamedTempFile,
}

impl Tracer {
    /// Begins to count.
    pub(super) async fn attach(process: u32, dir: &Path) -> Result<Self> {
        let table = tempfile::NamedTempFile::new_in(dir)?;
        let mut strace = Command::new("strace")
            .args(["--follow-forks", "--summary-only", "--summary-columns=name,calls", "--output"])
            .arg(table.path())
            .args(["--attach", &process.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("system calls are counted with strace, which is not installed")?;
        let errors = strace.stderr.take().ok_or_else(|| anyhow!("strace has no output"))?;
        let mut errors = BufReader::new(errors).lines();
        let attached = async {
            let mut last = String::new();
            while let Some(line) = errors.next_line().await? {
                if line.contains("attached") {
                    return Ok(());
                }
                last = line;
            }
            Err(anyhow!("strace cannot look at the server: {last}"))
        };
        tokio::time::timeout(PATIENCE, attached).await.context("strace does not begin")??;
        // Reads on, or strace would stand still with a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = errors.next_line().await {} });
        Ok(Self { strace, table })
    }

    /// Lets the process go; what it did meanwhile.
    pub(super) async fn detach(mut self) -> Result<Calls> {
        let process = self.strace.id().and_then(|id| i32::try_from(id).ok());
        let process = process.and_then(Pid::from_raw).ok_or_else(|| anyhow!("strace has ended"))?;
        kill_process(process, Signal::INT)?;
        tokio::time::timeout(PATIENCE, self.strace.wait())
            .await
            .context("strace does not end")??;
        let table = std::fs::read_to_string(self.table.path())?;
        let calls = Calls::parse(&table);
        let calls = calls.with_context(|| format!("strace wrote an unexpected table: {table}"))?;
        ensure!(calls.all() > 0, "strace saw no system call");
        Ok(calls)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn the_tracers_table_is_read() {
        let table = "syscall               calls\n---------------- ---------\nepoll_wait              120\nfdatasync                 7\nfsync                     2\n---------------- ---------\ntotal                   129\n";
        let calls = Calls::parse(table).unwrap();
        assert_eq!((calls.all(), calls.syncs()), (129, 9));
        assert_eq!(Calls::parse("syscall calls\nread many\n"), None);
    }

    #[test]
    fn memory_is_read_as_linux_tells_it() {
        let status = "Name:\tclaim\nVmHWM:\t    2000 kB\nVmRSS:\t    1234 kB\nThreads:\t3\n";
        let expected = Memory { now: 1234 * 1024, peak: 2000 * 1024 };
        assert_eq!(Memory::parse(status), Some(expected));
        assert_eq!(Memory::parse("Name:\tclaim\n"), None);
    }

    #[test]
    fn what_was_written_only_grows() {
        let before = bytes_written(std::process::id()).unwrap();
        assert!(bytes_written(std::process::id()).unwrap() >= before);
    }
}
