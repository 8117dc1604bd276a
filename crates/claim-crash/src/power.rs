//! Power cuts: of what a server wrote, only what it had synced is left.
//!
//! SIGKILL cannot show a missing `fsync`, because the system still has what the process wrote. So `strace` records the
//! system calls of the real server on files ([`Trace`]), and a [`Disk`] does them again by the rules of POSIX, and nothing
//! kinder: the content of a file survives as it was when it was last synced, and a name (of a file or a folder) once its
//! folder was synced. What is left at a moment goes into a folder, where real servers start and are checked.
//!
//! It is the worst that a well-behaved disk may do. File systems are kinder, and hide faults that the next one shows.
//! Not modelled: disks that lie about what they have written, and writes that are torn.

mod disk;
mod trace;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

pub use disk::{Disk, Removed};
pub use trace::{Trace, TraceError};

/// How long the tracer may take to write its last line after the server was killed.
const WITHIN: Duration = Duration::from_secs(30);

/// A moment on the clock by which calls are recorded, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Moment(pub f64);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64())
    }
}

/// The tracer that a server is to be started under, which writes to this file.
///
/// The server stays the harness's own child (`-D`), to be killed as ever.
pub fn tracer(file: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["strace", "-D", "-f", "-qq", "-y", "-T", "-ttt", "-xx"]
        .into_iter()
        .map(OsString::from)
        .collect();
    words.extend(["-s", "16777216", "-e", trace::CALLS, "-o"].map(OsString::from));
    words.push(file.into());
    words
}

/// What the tracer has written about a server that was killed.
///
/// # Errors
/// When it does not come to its end, or cannot be read.
pub async fn traced(file: PathBuf) -> Result<Trace> {
    let begun = Instant::now();
    loop {
        // Of all threads' last lines the tracer writes one after the other; then it is gone, and the file stays.
        let text = tokio::fs::read_to_string(&file).await?;
        let killed = text.lines().filter(|line| line.contains("+++ killed by SIGKILL")).count();
        sleep(Duration::from_millis(100)).await;
        let grown = tokio::fs::metadata(&file).await?.len() > text.len() as u64;
        if killed > 0 && !grown {
            return Ok(Trace::parse(&text)?);
        }
        if begun.elapsed() > WITHIN {
            bail!("the tracer does not come to an end");
        }
    }
}
