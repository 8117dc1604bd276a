//! What one CUHK is set up with.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use claim_core::Origin;
use claim_http::{Clock, ExternalTls, Limits};
use claim_store::Faults;
use serde::Deserialize;

use crate::keys::KeySettings;
use crate::mail::Mailer;
use crate::sso::SsoSettings;

/// The port that CUHK listens on where nothing else is configured.
pub const DEFAULT_PORT: u16 = 9335;

/// The name of the SQLite file in the folder.
pub const DATABASE_FILE: &str = "cuhk.db";

/// How long a one-time code is valid where nothing else is configured: 14 days, in seconds.
pub const DEFAULT_CODE_LIFE: i64 = 14 * 24 * 3600;

/// How long after its end a certificate can still be renewed where nothing else is configured: 30 days, in seconds.
pub const DEFAULT_RENEWAL_GRACE: u32 = 30 * 24 * 3600;

/// How many live certificates one person may hold where nothing else is configured: laptop, browser, lab PC.
pub const DEFAULT_CERTIFICATES_PER_PERSON: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// Everything that a serving CUHK is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder with `cuhk.cer`, `cuhk.key` and all that belongs to them; made when it is missing.
    pub dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The origin under which CUHK is known to others; `https://localhost:<port>` where there is none.
    pub public_url: Option<Origin>,
    /// The database as `postgres://…` or `sqlite://…`; [`DATABASE_FILE`] in the folder where there is none.
    pub database: Option<String>,
    /// A TLS certificate from elsewhere instead of one that CUHK issues to itself.
    pub external_tls: Option<ExternalTls>,
    /// Where to serve `/metrics`, `/healthz` and `/readyz` in plain HTTP; a loopback address.
    pub metrics: Option<SocketAddr>,
    /// The budgets of the listener.
    pub limits: Limits,
    /// The budgets of whoever is enrolled.
    pub quotas: Quotas,
    /// How long a one-time code is valid, in seconds.
    pub code_life: i64,
    /// How long after its end a certificate can still be renewed, in seconds.
    pub renewal_grace: u32,
    /// How many live certificates one person may hold.
    pub certificates_per_person: NonZeroU32,
    /// By what people are told of each certificate that is issued to them; `None` where no mail is configured.
    pub mailer: Option<Arc<Mailer>>,
    /// How much of the disk is kept free, in bytes; [`claim_store::Room::of`] tells the default. Certificates are issued
    /// down to an eighth of it.
    pub keep_free: Option<u64>,
    /// The time.
    pub clock: Clock,
    /// Where the private keys of root and issuing authority are.
    pub keys: KeySettings,
    /// The university's sign-in service, where people enrol by it.
    pub sso: Option<SsoSettings>,
    /// What a test makes go wrong at the points of the records; [`Faults::none`] in the program.
    pub faults: Faults,
}

/// What one person may ask for; in the configuration file with kebab-case names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quotas {
    /// Timestamps that one person may get in a minute, on this replica; all of them may come at once.
    pub timestamps_per_minute: NonZeroU32,
    /// Renewals that one person may ask for in an hour, on this replica, each repetition counted; all of them may come at
    /// once.
    pub renewals_per_hour: NonZeroU32,
    /// Codes that may be refused for one id in a minute, on this replica, whether there is such an id or not.
    pub wrong_codes_per_minute: NonZeroU32,
    /// Sign-ins that may be begun from one address in a minute, on this replica.
    pub sign_ins_per_minute: NonZeroU32,
    /// Sign-ins that may wait for their persons at a time.
    pub sign_ins_waiting: NonZeroU32,
}

impl Default for Quotas {
    fn default() -> Self {
        // One for each claim that is handed in during an outage, and some for trying again.
        Self {
            timestamps_per_minute: const { NonZeroU32::new(20).unwrap() },
            // Certificates live half a year, and a program repeats a dozen times what gets no answer: this only keeps
            // whoever has a key from filling the records with its renewals.
            renewals_per_hour: const { NonZeroU32::new(60).unwrap() },
            // Nobody mistypes as often, and codes are pasted.
            wrong_codes_per_minute: const { NonZeroU32::new(20).unwrap() },
            // A class in one room, behind one address.
            sign_ins_per_minute: const { NonZeroU32::new(120).unwrap() },
            // Half a kilobyte each.
            sign_ins_waiting: const { NonZeroU32::new(10_000).unwrap() },
        }
    }
}

impl Config {
    /// The defaults for a folder: port 9335 on this machine only, SQLite.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            listen: claim_http::loopback(DEFAULT_PORT).to_vec(),
            public_url: None,
            database: None,
            external_tls: None,
            metrics: None,
            limits: Limits::default(),
            quotas: Quotas::default(),
            code_life: DEFAULT_CODE_LIFE,
            renewal_grace: DEFAULT_RENEWAL_GRACE,
            certificates_per_person: DEFAULT_CERTIFICATES_PER_PERSON,
            mailer: None,
            keep_free: None,
            clock: Clock::system(),
            keys: KeySettings::default(),
            sso: None,
            faults: Faults::none(),
        }
    }
}
