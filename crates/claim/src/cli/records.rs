//! The options of looking at what was issued and done, and of its audit log.

use std::path::PathBuf;

use claim_core::{Digest, Timestamp};
use claim_cuhk::{Authentication, Deed};
use claim_log::LogKey;
use clap::{Args, Subcommand, ValueEnum};

use super::DatabaseArgs;
use super::period::{Period, beginning};
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

/// `claim cuhk audit`.
#[derive(Debug, Args)]
pub(crate) struct CuhkAuditArgs {
    #[command(subcommand)]
    pub(crate) command: CuhkAuditCommand,
}

/// What can be done with CUHK's audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum CuhkAuditCommand {
    /// Show entries: who did what, when, and how CUHK knew them
    #[command(after_help = "Examples:\n  \
        claim cuhk audit list --at 2026-05\n  \
        claim cuhk audit list --deed revoked --json\n  \
        claim cuhk audit list --person 1155123456")]
    List(AuditListArgs),
    /// Sign the head of the log: keep what this prints where CUHK's people cannot change it
    #[command(
        after_help = "Example:\n  claim cuhk audit checkpoint > /mnt/auditor/2026-11-27.checkpoint"
    )]
    Checkpoint {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Go through all entries again, and compare them with every checkpoint
    #[command(after_help = "Examples:\n  \
        claim cuhk audit verify\n  \
        claim cuhk audit verify --checkpoint may.checkpoint --checkpoint november.checkpoint\n  \
        claim cuhk audit verify --archive until-2026.archive --checkpoint may.checkpoint\n\n\
        Exit codes: 0 nothing is wrong; 4 something is, and the first wrong entry is named; 1 something\n\
        cannot be read; 2 usage.")]
    Verify(VerifyAuditArgs),
    /// Move old entries, and certificates that had ended by then, into an archive
    #[command(
        after_help = "What goes out of the records stands in the archive, on disk, before it goes. Keep the archive, or\n\
        delete it when nobody may need it any more: what stays in the records verifies without it.\n\n\
        Example:\n  claim cuhk audit prune --before 2026-01-01 --archive /mnt/safe/until-2025.archive"
    )]
    Prune(PruneArgs),
}

/// `claim cuhk audit list`.
#[derive(Debug, Args)]
pub(crate) struct AuditListArgs {
    /// Done by this person, or about this one: an id, an origin, a user of the machine
    #[arg(long, value_name = "WHO")]
    pub(crate) person: Option<String>,
    /// About the certificate with this serial number, or done with it
    #[arg(long, value_name = "SERIAL")]
    pub(crate) serial: Option<AnySerial>,
    /// Of this kind: issued, refused, revoked, invited, started …
    #[arg(long, value_name = "DEED")]
    pub(crate) deed: Option<Deed>,
    /// By somebody known in this way: code, certificate, single-sign-on, administrator, cuhk …
    #[arg(long, value_name = "HOW")]
    pub(crate) authentication: Option<Authentication>,
    /// In this period, in UTC
    #[arg(long, value_name = "PERIOD")]
    pub(crate) at: Option<Period>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `claim cuhk audit verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyAuditArgs {
    /// A checkpoint that was kept elsewhere; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// An archive of entries that were pruned; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Vec<PathBuf>,
    /// The key by which the kept checkpoints are signed, as cuhk-audit.vkey has it [default: the one in the log]
    #[arg(long, value_name = "VKEY")]
    pub(crate) key: Option<LogKey>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `claim cuhk audit prune`.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// What is from before this day (at midnight in UTC) or moment
    #[arg(long, value_name = "DATE", value_parser = beginning)]
    pub(crate) before: Timestamp,
    /// The new file, for its owner alone
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}
