//! The side that is broken: a server, or somebody of the staff at CUHK's records, in a process of its own.
//!
//! It speaks by lines: `listening`, `armed`, `hit ORDER`, `done TEXT`, `failed TEXT`; it hears one order a line.
//! When nobody is there to hear it any more, it ends.

use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use claim_blackboard::{AllowedOutage, Courses, Quotas};
use claim_core::invitation::Invitee;
use claim_core::{Origin, Timestamp};
use claim_cuhk::{Clock, Office, Revoking};
use claim_http::Limits;
use claim_pki::{RevocationReason, SerialNumber, WitnessName};
use claim_store::Faults;
use clap::{Args, Subcommand};

use crate::order::{Order, Orders};

/// So much that no limit is met by one machine of tests.
const PLENTY: NonZeroU32 = const { NonZeroU32::new(1_000_000).unwrap() };

/// What all have in common.
#[derive(Debug, Args)]
pub struct Common {
    /// The folder.
    #[arg(long)]
    dir: PathBuf,
    /// How many MiB of the disk are kept free.
    #[arg(long, default_value_t = 0)]
    keep_free: u32,
    /// What is to break.
    #[arg(long = "order", value_parser = clap::value_parser!(Order))]
    orders: Vec<Order>,
}

impl Common {
    /// In bytes.
    fn keep_free(&self) -> u64 {
        u64::from(self.keep_free) << 20
    }
}

/// Who to be.
#[derive(Debug, Subcommand)]
pub enum Child {
    /// CUHK.
    Cuhk {
        /// Folder and orders.
        #[command(flatten)]
        common: Common,
        /// Where to listen.
        #[arg(long)]
        port: u16,
    },
    /// Blackboard.
    Blackboard {
        /// Folder and orders.
        #[command(flatten)]
        common: Common,
        /// Where to listen.
        #[arg(long)]
        port: u16,
        /// Where CUHK is.
        #[arg(long)]
        cuhk: Origin,
        /// The records, where they are not in the folder.
        #[arg(long)]
        database: Option<String>,
    },
    /// A witness that is not CUHK.
    Witness {
        /// Folder and orders.
        #[command(flatten)]
        common: Common,
        /// Where to listen.
        #[arg(long)]
        port: u16,
        /// What it is called.
        #[arg(long)]
        name: WitnessName,
        /// A file with the certificate of the log.
        #[arg(long)]
        logs: PathBuf,
    },
    /// Staff, saying that Blackboard could not be reached.
    AllowOutage {
        /// Folder and orders.
        #[command(flatten)]
        common: Common,
        /// The first moment, in milliseconds since 1970.
        #[arg(long)]
        since: i64,
        /// The last moment.
        #[arg(long)]
        until: i64,
        /// The records, where they are not in the folder.
        #[arg(long)]
        database: Option<String>,
    },
    /// Staff, inviting.
    Invite {
        /// Folder and orders.
        #[command(flatten)]
        common: Common,
        /// Whom.
        #[arg(long)]
        sid: claim_core::Sid,
    },
    /// Staff, importing a roster of one.
    Roster {
        /// Folder and orders.
        #[command(flatten)]
        common: Common,
        /// Who is on it.
        #[arg(long)]
        sid: claim_core::Sid,
    },
    /// Staff, revoking.
    Revoke {
        /// Folder and orders.
        #[command(flatten)]
        common: Common,
        /// Which certificate.
        #[arg(long)]
        serial: String,
    },
}

/// Does it, until it is done or killed.
///
/// # Errors
/// Only where the harness itself is at fault; whatever is broken on purpose is told as `failed`.
pub async fn run(child: Child) -> Result<ExitCode> {
    let common = match &child {
        Child::Cuhk { common, .. }
        | Child::Blackboard { common, .. }
        | Child::Witness { common, .. }
        | Child::AllowOutage { common, .. }
        | Child::Invite { common, .. }
        | Child::Roster { common, .. }
        | Child::Revoke { common, .. } => common,
    };
    let orders = Arc::new(Orders::new(common.orders.clone()));
    let faults = Faults::by(Arc::clone(&orders) as Arc<dyn claim_store::Injector>);
    std::thread::spawn(move || hear(&orders));
    let outcome = match child {
        Child::Cuhk { common, port } => cuhk(common, port, faults).await,
        Child::Blackboard { common, port, cuhk, database } => {
            let keep_free = Some(common.keep_free());
            let config = claim_blackboard::Config::new(common.dir, cuhk);
            let config = claim_blackboard::Config { database, keep_free, faults, ..config };
            blackboard(config, port).await
        }
        Child::Witness { common, port, name, logs } => {
            let config = claim_witness::Config::new(common.dir);
            let (name, logs) = (Some(name), vec![logs]);
            witness(claim_witness::Config { name, logs, faults, ..config }, port).await
        }
        Child::AllowOutage { common, since, until, database } => {
            let database = database.as_deref();
            let records = claim_blackboard::courses_with(&common.dir, database, faults).await?;
            allow_outage(&records, since, until).await
        }
        Child::Invite { common, sid } => invite(common.dir, sid, faults).await,
        Child::Roster { common, sid } => roster(common.dir, &sid, faults).await,
        Child::Revoke { common, serial } => revoke(common.dir, &serial, faults).await,
    };
    match outcome {
        Ok(text) => {
            say(&format!("done {text}"));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(&format!("failed {error:#}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Tells the harness. Nobody may be listening any more.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.replace('\n', " ")).and_then(|()| out.flush());
}

/// Orders, until whoever gives them is gone.
fn hear(orders: &Orders) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.parse() {
            Ok(order) => {
                orders.add(order);
                say("armed");
            }
            Err(error) => say(&format!("failed {error}")),
        }
    }
    std::process::exit(0);
}

fn limits() -> Limits {
    Limits { refusals_per_minute: PLENTY, ..Limits::default() }
}

fn listen(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into()]
}

async fn cuhk(common: Common, port: u16, faults: Faults) -> Result<String> {
    let config = claim_cuhk::Config {
        listen: listen(port),
        limits: limits(),
        keep_free: Some(common.keep_free()),
        quotas: claim_cuhk::Quotas {
            timestamps_per_minute: PLENTY,
            renewals_per_hour: PLENTY,
            ..claim_cuhk::Quotas::default()
        },
        faults,
        ..claim_cuhk::Config::new(common.dir)
    };
    let running = claim_cuhk::start(config, Arc::new(|_| {})).await?;
    say("listening");
    running.run(std::future::pending()).await;
    Ok(String::new())
}

async fn blackboard(config: claim_blackboard::Config, port: u16) -> Result<String> {
    let config = claim_blackboard::Config {
        listen: listen(port),
        limits: limits(),
        quotas: Quotas { requests_per_minute: PLENTY, ..Quotas::default() },
        ..config
    };
    let running = claim_blackboard::start(config, Arc::new(|_| {})).await?;
    say("listening");
    running.run(std::future::pending()).await;
    Ok(String::new())
}

async fn witness(config: claim_witness::Config, port: u16) -> Result<String> {
    let config = claim_witness::Config { listen: listen(port), limits: limits(), ..config };
    let running = claim_witness::start(config, Arc::new(|_| {})).await?;
    say("listening");
    running.run(std::future::pending()).await;
    Ok(String::new())
}

async fn allow_outage(records: &Courses, since: i64, until: i64) -> Result<String> {
    let allowed = AllowedOutage { reason: "a test".to_owned(), at: Clock::system().now() };
    let (since, until) = (Timestamp::from_millis(since), Timestamp::from_millis(until));
    records.allow_outage(since, until, &allowed).await?;
    Ok(String::new())
}

async fn invite(dir: PathBuf, sid: claim_core::Sid, faults: Faults) -> Result<String> {
    let office = Office::open_with(&dir, None, Clock::system(), faults).await?;
    let invitee = Invitee::Person(claim_core::PersonId::Student(sid));
    Ok(office.invite(invitee, None, None).await?.expose().to_string())
}

async fn roster(dir: PathBuf, sid: &claim_core::Sid, faults: Faults) -> Result<String> {
    let office = Office::open_with(&dir, None, Clock::system(), faults).await?;
    let csv = format!("id,name,email\n{sid},Ann,{sid}@link.example\n");
    let import = office.compare_roster(csv.as_bytes()).await?;
    office.import_roster(import).await?;
    Ok(String::new())
}

async fn revoke(dir: PathBuf, serial: &str, faults: Faults) -> Result<String> {
    let office = Office::open_with(&dir, None, Clock::system(), faults).await?;
    let serial: SerialNumber = serial.parse().map_err(|_| anyhow!("{serial:?} is no serial"))?;
    office.revoke(&Revoking::Serial(serial), RevocationReason::Superseded).await?;
    Ok(String::new())
}
