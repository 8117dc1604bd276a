//! What one student's program is set up with.

use std::path::PathBuf;
use std::time::Duration;

use claim_core::{DeviceName, Origin};
use claim_http::Clock;

/// Everything that the student's program is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder with `cuhk.cer`, keys and certificates; made when something is first written to it.
    pub dir: PathBuf,
    /// Where CUHK is; an invitation's own address comes before it.
    pub cuhk: Origin,
    /// Where Blackboard is.
    pub blackboard: Origin,
    /// The root certificate; `cuhk.cer` in the folder where there is none.
    pub root: Option<PathBuf>,
    /// Which roots a server's TLS certificate may lead to.
    pub tls_roots: TlsRoots,
    /// What the person calls this device; CUHK tells certificates apart by it.
    pub device: Option<DeviceName>,
    /// How long to wait, and how often to try.
    pub timeouts: Timeouts,
    /// The time of this machine.
    pub clock: Clock,
}

/// Which roots a server's TLS certificate may lead to; identity always rests on `cuhk.cer` alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsRoots {
    /// `cuhk.cer`.
    #[default]
    Cuhk,
    /// Those that this system trusts.
    System,
}

/// How long to wait, and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For one request and its answer, connecting included.
    pub exchange: Duration,
    /// For all repetitions of a request together; a server's Retry-After beyond it ends the attempts.
    pub patience: Duration,
    /// The pause before the first repetition; each further one is twice as long. A random part of up to a half is
    /// taken off, so that many programs that were cut off together do not come back together.
    pub first_pause: Duration,
    /// The longest pause, unless the server asks for a longer one.
    pub longest_pause: Duration,
    /// For another process that is enrolling the same id in the same folder.
    pub lock: Duration,
}

impl Config {
    /// The defaults for a folder and two servers.
    pub fn new(dir: impl Into<PathBuf>, cuhk: Origin, blackboard: Origin) -> Self {
        Self {
            dir: dir.into(),
            cuhk,
            blackboard,
            root: None,
            tls_roots: TlsRoots::default(),
            device: None,
            timeouts: Timeouts::default(),
            clock: Clock::system(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            exchange: Duration::from_secs(30),
            patience: Duration::from_secs(90),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            lock: Duration::from_secs(60),
        }
    }
}
