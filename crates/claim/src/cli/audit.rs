//! The options of the servers' audit logs: the same of both, but for what is listed.

use std::path::PathBuf;

use claim_core::{CourseId, PersonId, Timestamp};
use claim_cuhk::Authentication;
use claim_http::MirrorUrl;
use claim_log::{LogKey, WitnessKey};
use clap::{Args, Subcommand};

use super::DatabaseArgs;
use super::period::{Period, beginning};
use super::serial::AnySerial;

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
    List(CuhkAuditListArgs),
    /// Sign the head of the log: keep what this prints where CUHK's people cannot change it
    #[command(after_help = "Examples:\n  \
        claim cuhk audit checkpoint > /mnt/auditor/2026-11-27.checkpoint\n  \
        claim cuhk audit checkpoint --witness https://witness.example:9337/witness --witness-key VKEY\n\n\
        Exit codes: 0 done; 4 the witness knows another log than this; 3 it does not answer; 1 refused; 2 usage.")]
    Checkpoint(CheckpointArgs),
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
    /// Write an archive anew, without what names people: it verifies as before
    #[command(
        after_help = "The old file stays as it is: look whether the new one verifies, then delete it, and its copies.\n\n\
        Examples:\n  \
        claim cuhk audit redact until-2025.archive --out until-2025-anonymous.archive --all\n  \
        claim cuhk audit redact until-2025.archive --out until-2025-b.archive --person 1155123456"
    )]
    Redact(RedactArgs),
}

/// `claim blackboard audit`.
#[derive(Debug, Args)]
pub(crate) struct BlackboardAuditArgs {
    #[command(subcommand)]
    pub(crate) command: BlackboardAuditCommand,
}

/// What can be done with Blackboard's audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum BlackboardAuditCommand {
    /// Show entries: who changed what, when, what it was and what it is
    #[command(after_help = "Examples:\n  \
        claim blackboard audit list --at 2026-11\n  \
        claim blackboard audit list --deed assignment-recorded --json\n  \
        claim blackboard audit list --about 1155123456 --course IEMS5710")]
    List(BlackboardAuditListArgs),
    /// Sign the head of the log: keep what this prints where Blackboard's people cannot change it
    #[command(after_help = "Examples:\n  \
        claim blackboard audit checkpoint > /mnt/auditor/2026-11-27.checkpoint\n  \
        claim blackboard audit checkpoint --witness https://witness.example:9337/witness --witness-key VKEY\n\n\
        Exit codes: 0 done; 4 the witness knows another log than this; 3 it does not answer; 1 refused; 2 usage.")]
    Checkpoint(CheckpointArgs),
    /// Go through all entries again, and compare them with every checkpoint
    #[command(after_help = "Examples:\n  \
        claim blackboard audit verify\n  \
        claim blackboard audit verify --checkpoint may.checkpoint --checkpoint november.checkpoint\n  \
        claim blackboard audit verify --archive until-2026.archive --checkpoint may.checkpoint\n\n\
        Exit codes: 0 nothing is wrong; 4 something is, and the first wrong entry is named; 1 something\n\
        cannot be read; 2 usage.")]
    Verify(VerifyAuditArgs),
    /// Move old entries into an archive
    #[command(
        after_help = "What goes out of the records stands in the archive, on disk, before it goes. Keep the archive, or\n\
        delete it when nobody may need it any more: what stays in the records verifies without it.\n\n\
        Example:\n  claim blackboard audit prune --before 2026-01-01 --archive /mnt/safe/until-2025.archive"
    )]
    Prune(PruneArgs),
}

/// `claim cuhk audit list`.
#[derive(Debug, Args)]
pub(crate) struct CuhkAuditListArgs {
    /// Of this kind: issued, refused, revoked, invited, started …
    #[arg(long, value_name = "DEED")]
    pub(crate) deed: Option<claim_cuhk::Deed>,
    #[command(flatten)]
    pub(crate) which: AuditWhichArgs,
}

/// `claim blackboard audit list`.
#[derive(Debug, Args)]
pub(crate) struct BlackboardAuditListArgs {
    /// Of this kind: assignment-recorded, outage-allowed, started, backed-up, restored …
    #[arg(long, value_name = "DEED")]
    pub(crate) deed: Option<claim_blackboard::Deed>,
    /// What concerns this person: also what concerns everybody in a course of theirs
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["deed", "person", "serial", "authentication", "at"]
    )]
    pub(crate) about: Option<PersonId>,
    /// What concerns them in this course alone, whether they are on its roster or not
    #[arg(long, value_name = "COURSE", requires = "about")]
    pub(crate) course: Option<CourseId>,
    #[command(flatten)]
    pub(crate) which: AuditWhichArgs,
}

/// Which entries.
#[derive(Debug, Args)]
pub(crate) struct AuditWhichArgs {
    /// Done by this person, or about this one: an id, an origin, a user of the machine
    #[arg(long, value_name = "WHO")]
    pub(crate) person: Option<String>,
    /// About the certificate with this serial number, or done with it
    #[arg(long, value_name = "SERIAL")]
    pub(crate) serial: Option<AnySerial>,
    /// By somebody known in this way: code, certificate, single-sign-on, administrator, cuhk, blackboard …
    #[arg(long, value_name = "HOW")]
    pub(crate) authentication: Option<Authentication>,
    /// In this period, in UTC
    #[arg(long, value_name = "PERIOD")]
    pub(crate) at: Option<Period>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `audit checkpoint`.
#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// Have it cosigned by the witness at this URL (C2SP tlog-witness), behind which /add-checkpoint comes; the cosignature is
    /// kept in the records and printed with the checkpoint
    #[arg(long, value_name = "URL", requires = "witness_key")]
    pub(crate) witness: Option<MirrorUrl>,
    /// The key of that witness, as its people publish it
    #[arg(long, value_name = "VKEY", requires = "witness")]
    pub(crate) witness_key: Option<WitnessKey>,
    /// An archive of entries that were pruned since it cosigned last; may be repeated
    #[arg(long, value_name = "FILE", requires = "witness")]
    pub(crate) archive: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `audit verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyAuditArgs {
    /// A checkpoint that was kept elsewhere; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// An archive of entries that were pruned; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Vec<PathBuf>,
    /// The key by which the kept checkpoints are signed, as cuhk-audit.vkey or blackboard-audit.vkey has it [default: the
    /// one in the log]
    #[arg(long, value_name = "VKEY")]
    pub(crate) key: Option<LogKey>,
    /// The key of a witness that must have cosigned the log; may be repeated
    #[arg(long, value_name = "VKEY")]
    pub(crate) witness: Vec<WitnessKey>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `audit prune`.
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

/// `claim cuhk audit redact`.
#[derive(Debug, Args)]
pub(crate) struct RedactArgs {
    /// The archive, as `claim cuhk audit prune` wrote it
    #[arg(value_name = "ARCHIVE")]
    pub(crate) archive: PathBuf,
    /// The new file, for its owner alone
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) whom: RedactWhom,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// Exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RedactWhom {
    /// Without what names these people
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) person: Vec<PersonId>,
    /// Without what names anybody
    #[arg(long)]
    pub(crate) all: bool,
}
