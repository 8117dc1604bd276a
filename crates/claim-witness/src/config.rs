//! What a witness is set up with.

use std::net::SocketAddr;
use std::path::PathBuf;

use claim_core::Origin;
use claim_files::Passphrase;
use claim_http::{Clock, ExternalTls, Limits};
use claim_log::LogKey;
use claim_pki::WitnessName;
use claim_store::Faults;

/// The port that a witness listens on where nothing else is configured.
pub const DEFAULT_PORT: u16 = 9337;

/// The name of the SQLite file in the folder.
pub const DATABASE_FILE: &str = "witness.db";

/// Everything that a serving witness is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder with `witness.key`, `witness.cer` and, unless configured otherwise, the database and `cuhk.cer`; made
    /// when it is missing.
    pub dir: PathBuf,
    /// The name of the witness; needed once, for the request: later the certificate tells it.
    pub name: Option<WitnessName>,
    /// The root certificate; `cuhk.cer` in the folder where there is none.
    pub root: Option<PathBuf>,
    /// Files in which the certificates of logs are that it witnesses: PEM, or receipts.
    pub logs: Vec<PathBuf>,
    /// Keys of logs that it witnesses without seeing a certificate.
    pub keys: Vec<LogKey>,
    /// The passphrase of `witness.key`, where it has one.
    pub passphrase: Option<Passphrase>,
    /// Where to listen; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The origin under which it is known to others; `https://localhost:<port>` where there is none.
    pub public_url: Option<Origin>,
    /// The database as `postgres://…` or `sqlite://…`; [`DATABASE_FILE`] in the folder where there is none.
    pub database: Option<String>,
    /// A TLS certificate from elsewhere instead of one that it makes for each run.
    pub external_tls: Option<ExternalTls>,
    /// Where to serve `/metrics`, `/healthz` and `/readyz` in plain HTTP; a loopback address.
    pub metrics: Option<SocketAddr>,
    /// The budgets of the listener.
    pub limits: Limits,
    /// The time: it stands in the cosignatures.
    pub clock: Clock,
    /// What a test makes go wrong at the points of the records; [`Faults::none`] in the program.
    pub faults: Faults,
}

impl Config {
    /// The defaults for a folder: port 9337 on this machine only, SQLite, no logs yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            name: None,
            root: None,
            logs: Vec::new(),
            keys: Vec::new(),
            passphrase: None,
            listen: claim_http::loopback(DEFAULT_PORT).to_vec(),
            public_url: None,
            database: None,
            external_tls: None,
            metrics: None,
            limits: Limits::default(),
            clock: Clock::system(),
            faults: Faults::none(),
        }
    }
}
