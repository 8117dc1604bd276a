//! What one Blackboard is set up with.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use claim_core::Origin;
use claim_files::{Passphrase, PassphraseSource};
use claim_http::{Clock, ExternalTls, Limits, MirrorUrl};
use claim_store::{DatabaseUrl, DatabaseUrlError, Faults};
use serde::Deserialize;

use crate::retention::Rule;

/// The port that Blackboard listens on where nothing else is configured.
pub const DEFAULT_PORT: u16 = 3141;

/// The name of the SQLite file in the folder.
pub const DATABASE_FILE: &str = "blackboard.db";

/// How long files may follow after lodging where nothing else is set, in seconds: a day.
pub const DEFAULT_UPLOAD_SECONDS: i64 = 24 * 60 * 60;

/// What a claim may be at most where nothing else is set.
pub const DEFAULT_LIMITS: claim_core::hand_in::Limits =
    claim_core::hand_in::Limits { files: 1_000, bytes: 1 << 30, attempts: 100 };

/// Everything that a serving Blackboard is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder with `blackboard.key`, `blackboard.cer`, `sealing.key` and, unless configured otherwise, the
    /// database and `cuhk.cer`.
    pub dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The origin under which Blackboard is known to others; `https://localhost:<port>` where there is none.
    pub public_url: Option<Origin>,
    /// Where CUHK is; an invitation names it too.
    pub cuhk: Origin,
    /// The root certificate; `cuhk.cer` in the folder where there is none.
    pub root: Option<PathBuf>,
    /// The invitation to enrol with at the first start; `blackboard.invite` in the folder, which a local CUHK
    /// leaves there, where there is none.
    pub invite_file: Option<PathBuf>,
    /// The passphrase of `blackboard.key`, `timestamp.key` and `log.key`, where they have one.
    pub passphrase: Option<Passphrase>,
    /// Where `sealing.key` is to be read from instead of the folder; what is there is never written.
    pub sealing_key: Option<PassphraseSource>,
    /// Witnesses that are to cosign the log, beside CUHK.
    pub witnesses: Vec<Origin>,
    /// Where copies of CUHK's public files lie, for revocation lists while CUHK does not answer.
    pub crl_from: Vec<MirrorUrl>,
    /// The database as `postgres://…` or `sqlite:…`; [`DATABASE_FILE`] in the folder where there is none.
    pub database: Option<String>,
    /// A TLS certificate from elsewhere; identity and sessions rest on the one from CUHK all the same.
    pub external_tls: Option<ExternalTls>,
    /// Where to serve `/metrics`, `/healthz` and `/readyz` in plain HTTP; a loopback address.
    pub metrics: Option<SocketAddr>,
    /// The budgets of the listener.
    pub limits: Limits,
    /// The budgets of the protocol.
    pub quotas: Quotas,
    /// How long to wait at start for CUHK and what comes from it.
    pub patience: Duration,
    /// How much of the disk is kept free for small things, in bytes; [`claim_store::Room::of`] tells the default.
    pub keep_free: Option<u64>,
    /// For how long claims and messages are kept; they are never erased where there is no rule.
    pub retention: Option<Rule>,
    /// The time.
    pub clock: Clock,
    /// What a test makes go wrong at the points of the records; [`Faults::none`] in the program.
    pub faults: Faults,
}

/// What the protocol's own work may take; in the configuration file with kebab-case names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quotas {
    /// Step 3 and 4 requests that are computed at once.
    ///
    /// Each costs a signature verification or two and an HPKE encryption, for whoever asks.
    pub kem_concurrency: NonZeroU32,
    /// Step 3 and 4 requests that wait for their turn; what comes on top is told to come again.
    pub kem_waiting: u32,
    /// Requests of step 6 of one person that are under way at once, on this replica.
    pub requests_at_once: NonZeroU32,
    /// Requests of step 6 that one person may make in a minute, on this replica; all of them may come at once.
    pub requests_per_minute: NonZeroU32,
}

impl Config {
    /// The defaults for a folder: port 3141 on this machine only, SQLite, CUHK on this machine too.
    pub fn new(dir: impl Into<PathBuf>, cuhk: Origin) -> Self {
        Self {
            dir: dir.into(),
            listen: claim_http::loopback(DEFAULT_PORT).to_vec(),
            public_url: None,
            cuhk,
            root: None,
            invite_file: None,
            passphrase: None,
            sealing_key: None,
            witnesses: Vec::new(),
            crl_from: Vec::new(),
            database: None,
            external_tls: None,
            metrics: None,
            limits: Limits::default(),
            quotas: Quotas::default(),
            patience: Duration::from_secs(60),
            keep_free: None,
            retention: None,
            clock: Clock::steady(),
            faults: Faults::none(),
        }
    }

    /// Where the database is.
    pub(crate) fn database_url(&self) -> Result<DatabaseUrl, DatabaseUrlError> {
        match &self.database {
            Some(text) => text.parse(),
            None => Ok(DatabaseUrl::sqlite(self.dir.join(DATABASE_FILE))),
        }
    }

    /// Where the root certificate is, or goes.
    pub(crate) fn root_path(&self) -> PathBuf {
        self.root.clone().unwrap_or_else(|| self.dir.join("cuhk.cer"))
    }
}

impl Default for Quotas {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            kem_concurrency: u32::try_from(processors)
                .ok()
                .and_then(NonZeroU32::new)
                .unwrap_or(NonZeroU32::MIN),
            // About half a second of work for each processor.
            kem_waiting: 2_000,
            requests_at_once: const { NonZeroU32::new(32).unwrap() },
            // A hand-in of one gigabyte is 256 pieces.
            requests_per_minute: const { NonZeroU32::new(600).unwrap() },
        }
    }
}
