//! The options of looking at what was issued.

use claim_core::Digest;
use claim_cuhk::Authentication;
use clap::{Args, ValueEnum};

use super::DatabaseArgs;
use super::period::Period;
use super::serial::AnySerial;

/// `claim cuhk list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Not the certificates, but how many were issued on each day or in each month, in UTC
    #[arg(long, value_name = "day|month")]
    pub(crate) count: Option<CountArg>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `claim cuhk search`.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// A person's id, an origin, a serial number in any spelling, or the SHA-256 of a certificate
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `claim cuhk show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A person's id, or a serial number in any spelling
    #[arg(value_name = "SERIAL|ID")]
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `claim cuhk export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A table, a JSON document a line, or the certificates themselves
    #[arg(long, value_name = "csv|json|pem")]
    pub(crate) format: FormatArg,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// Which certificates.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WhichArgs {
    /// Those of this person, server or witness
    #[arg(long, value_name = "ID|ORIGIN")]
    pub(crate) holder: Option<String>,
    /// That with this serial number: hexadecimal with or without colons, or decimal
    #[arg(long, value_name = "SERIAL")]
    pub(crate) serial: Option<AnySerial>,
    /// That whose DER has this SHA-256
    #[arg(long, value_name = "SHA256")]
    pub(crate) digest: Option<Digest>,
    /// Those issued in this period, in UTC: 2026-05, 2026-05-17, 2026-05-01..2026-05-17
    #[arg(long, value_name = "PERIOD")]
    pub(crate) issued: Option<Period>,
    /// Those whose holder was known in this way: code, certificate, single-sign-on …
    #[arg(long, value_name = "HOW")]
    pub(crate) authentication: Option<Authentication>,
    /// Those of the device of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<String>,
    /// Those of this profile: person, server, timestamp, log, witness
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
}

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CountArg {
    Day,
    Month,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    Csv,
    Json,
    Pem,
}
