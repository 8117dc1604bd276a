//! The command line as clap reads it: options, environment, help.
//!
//! Options stand here once; `claim.toml` (see [`crate::settings`]) and `CLAIM_*` go by the same names.

mod audit;
mod backup;
mod bench;
mod blackboard;
mod claims;
pub(crate) mod course;
mod cuhk;
mod cuhk_retention;
mod devices;
mod doctor;
pub(crate) mod download;
pub(crate) mod hand_ins;
mod invite;
mod keys;
mod log;
mod outages;
mod period;
mod records;
mod retention;
mod revoke;
mod roster;
mod serial;
pub(crate) mod staff;
pub(crate) mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;

use claim_core::{Origin, Sid, StaffId};
use claim_files::PassphraseSource;
use claim_log::WitnessKey;
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(crate) use audit::{
    AuditWhichArgs, BlackboardAuditArgs, BlackboardAuditCommand, BlackboardAuditListArgs,
    CheckpointArgs, CuhkAuditArgs, CuhkAuditCommand, CuhkAuditListArgs, PruneArgs, RedactArgs,
    VerifyAuditArgs,
};
pub(crate) use backup::{BackupArgs, RestoreArgs};
pub(crate) use bench::{
    BenchArgs, BenchCommand, CourseBenchArgs, EnrollArgs, HostileArgs, LoadArgs, OverloadArgs,
    UploadArgs,
};
pub(crate) use blackboard::{BlackboardArgs, BlackboardCommand, BlackboardServeArgs};
pub(crate) use claims::{FetchArgs, HandInArgs, ResumeArgs, TogetherArgs, WithdrawArgs};
pub(crate) use cuhk::{CertifyArgs, CuhkArgs, CuhkCommand, CuhkServeArgs, RevokeArgs, RevokeWhat};
pub(crate) use cuhk_retention::CuhkRetentionArgs;
pub(crate) use devices::{DeviceArgs, RenewArgs};
pub(crate) use doctor::{Check, DoctorArgs};
pub(crate) use invite::{InviteArgs, InviteWhom};
pub(crate) use keys::{IssuingArgs, IssuingCommand, KeyArgs, RecordArgs, RenewIssuingArgs};
pub(crate) use log::{
    AuditArgs, BlackboardLogArgs, BlackboardLogCommand, LogArgs, LogCommand, RebuildArgs,
    WitnessArgs,
};
pub(crate) use outages::{AllowOutageArgs, OutageArgs, OutageCommand};
pub(crate) use records::{
    CountArg, ExportArgs, FormatArg, ListArgs, SearchArgs, ShowArgs, WhichArgs,
};
pub(crate) use retention::{KeepArgs, RetentionArgs};
pub(crate) use revoke::RevokeOwnArgs;
pub(crate) use roster::{RemoveArgs, RemoveWhom, RosterArgs, RosterCommand, StateArg};
pub(crate) use serial::AnySerial;

/// A student hands in a report and can prove it; the school receives it and can prove it too.
#[derive(Debug, Parser)]
#[command(
    name = "claim",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  \
        claim demo                    all six steps on this machine, explained\n  \
        claim demo --attack           … and what an attacker gets\n  \
        claim cuhk                    terminal 1: the certificate authority\n  \
        claim blackboard              terminal 2: the course server, in the same folder\n  \
        claim student                 terminal 3: the student, in the same folder\n  \
        claim verify lab1.receipt     what a receipt proves; needs no network\n\n\
        Every option can also stand in claim.toml (in the --dir folder) or in the environment as CLAIM_<OPTION>.\n\
        Exit codes: 0 done; 1 refused or failed; 2 usage; 3 not reachable or outcome unknown: running\n\
        it again is safe and settles it (only a message that `say` could not settle may then stand twice);\n\
        4 evidence does not verify; 5 genuine, but not complete."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalArgs {
    /// Folder with keys, certificates and data [default: the current folder for the servers and
    /// wherever it has a cuhk.cer; else the user's data folder for the student]
    #[arg(long, global = true, env = "CLAIM_DIR", value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
    /// Configuration file [default: claim.toml in that folder, if it is there]
    #[arg(long, global = true, env = "CLAIM_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Write JSON, one document a line, instead of text
    #[arg(long, global = true, env = "CLAIM_JSON", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) json: bool,
    /// Tell the protocol's steps as they happen, by number, in plain words
    #[arg(long, global = true, env = "CLAIM_EXPLAIN", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) explain: bool,
    /// Print results and errors only
    #[arg(short, long, global = true, env = "CLAIM_QUIET", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) quiet: bool,
    /// Log more to standard error (-vv: everything)
    #[arg(short, long, global = true, env = "CLAIM_VERBOSE", action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of them in a run of the program")]
pub(crate) enum Command {
    /// All six steps on this machine, with real sockets and certificates, a hand-in and its receipt, explained
    Demo(DemoArgs),
    /// CUHK, the certificate authority: serve (default), init, roster, invite, list, backup, restore
    Cuhk(CuhkArgs),
    /// Blackboard, the course server: serve (default), assignment, list, messages, backup, restore
    Blackboard(BlackboardArgs),
    /// Staff of a course, from afar: assignments, roster, groups, more time, who has handed in
    Staff(self::staff::StaffArgs),
    /// The student: a dialogue (default), enroll, hand-in, status, receipts, withdraw, fetch, say, renew
    Student(StudentArgs),
    /// Say what a receipt proves, without a network
    Verify(VerifyArgs),
    /// A Blackboard's transparency log: audit, witness
    Log(LogArgs),
    /// Look whether all is well with the servers on this machine, and say what to do where it is not
    Doctor(DoctorArgs),
    /// Measure the servers under real load, beside the cryptography that they cannot avoid
    Bench(BenchArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  claim completions bash > ~/.local/share/bash-completion/completions/claim"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder
    #[command(after_help = "Example:\n  claim man ~/.local/share/man/man1")]
    Man {
        /// The folder; it is made when it is missing
        folder: PathBuf,
    },
}

/// Where a server listens and what it presents.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerArgs {
    /// Address and port to listen on; may be repeated [default: the program's port on 127.0.0.1 and ::1]
    #[arg(long, env = "CLAIM_LISTEN", value_name = "ADDR:PORT", value_delimiter = ',')]
    pub(crate) listen: Vec<SocketAddr>,
    /// The origin under which the server is known [default: https://localhost with the port]
    #[arg(long, env = "CLAIM_PUBLIC_URL", value_name = "URL", value_parser = Origin::from_user)]
    pub(crate) public_url: Option<Origin>,
    /// TLS certificate chain (PEM) from elsewhere, e.g. a public CA, so that browsers trust the page
    #[arg(long, env = "CLAIM_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key (PEM) of --tls-cert
    #[arg(long, env = "CLAIM_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Where the passphrase of that key is: a file that nobody else can read, fd:NUMBER or credential:NAME (of systemd)
    /// [default: it has none]
    #[arg(long, env = "CLAIM_TLS_KEY_PASSPHRASE", value_name = "SOURCE")]
    pub(crate) tls_key_passphrase: Option<PassphraseSource>,
    /// Serve /metrics, /healthz and /readyz in plain HTTP on this loopback address; port 0 takes a free one
    /// and tells it [default: not served]
    #[arg(long, env = "CLAIM_METRICS", value_name = "ADDR:PORT")]
    pub(crate) metrics: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// How a server deals with its disk.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DiskArgs {
    /// How many MiB of the disk are kept free for small things: uploads are refused below that, messages below its
    /// half, all else below its eighth [default: 1024, on a disk below 20 GiB five in a hundred]
    #[arg(long, env = "CLAIM_KEEP_FREE", value_name = "MIB")]
    pub(crate) keep_free: Option<u32>,
}

impl DiskArgs {
    /// In bytes.
    pub(crate) fn keep_free(self) -> Option<u64> {
        self.keep_free.map(|mib| u64::from(mib) << 20)
    }
}

/// Where a server's records are.
#[derive(Clone, Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// postgres://… or sqlite://… [default: an SQLite file in the folder]
    #[arg(long, env = "CLAIM_DATABASE", value_name = "URL", hide_env_values = true)]
    pub(crate) database: Option<String>,
}

/// `claim student`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim student\n  \
        claim student enroll --invite-file invitation.txt\n  \
        claim student hand-in report.pdf data/ --to IEMS5710/lab1\n  \
        claim student say \"my report follows\"\n  \
        echo hello | claim student say -")]
pub(crate) struct StudentArgs {
    #[command(subcommand)]
    pub(crate) command: Option<StudentCommand>,
    #[command(flatten)]
    pub(crate) dialogue: DialogueArgs,
}

/// `claim student` without a subcommand.
#[derive(Clone, Debug, Args)]
pub(crate) struct DialogueArgs {
    /// Your student ID; asked for when it is not given
    #[arg(long, env = "CLAIM_SID")]
    pub(crate) sid: Option<Sid>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    #[command(flatten)]
    pub(crate) servers: StudentServerArgs,
}

/// Whose certificate a command uses.
#[derive(Clone, Debug, Args)]
pub(crate) struct IdentityArgs {
    /// Whose certificate to use; may be left out when only one student is enrolled in the folder
    #[arg(long, env = "CLAIM_SID")]
    pub(crate) sid: Option<Sid>,
    #[command(flatten)]
    pub(crate) servers: StudentServerArgs,
}

/// Which servers the student trusts and talks to.
#[derive(Clone, Debug, Args)]
pub(crate) struct StudentServerArgs {
    /// Where CUHK is
    #[arg(long, env = "CLAIM_CUHK", value_name = "URL", default_value = "https://localhost:9335", value_parser = Origin::from_user)]
    pub(crate) cuhk: Origin,
    /// Where Blackboard is
    #[arg(long, env = "CLAIM_BLACKBOARD", value_name = "URL", default_value = "https://localhost:3141", value_parser = Origin::from_user)]
    pub(crate) blackboard: Origin,
    /// The root certificate [default: cuhk.cer in the folder]
    #[arg(long, env = "CLAIM_ROOT", value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    /// Which roots a server's TLS certificate may lead to; identity and evidence always rest on cuhk.cer
    #[arg(long, env = "CLAIM_TLS_ROOTS", value_enum, default_value_t = TlsRootsArg::Cuhk)]
    pub(crate) tls_roots: TlsRootsArg,
}

/// `--tls-roots`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsRootsArg {
    /// cuhk.cer alone
    Cuhk,
    /// The roots that this system trusts
    System,
}

/// What the student can do.
#[derive(Debug, Subcommand)]
pub(crate) enum StudentCommand {
    /// Get a certificate (steps 1 and 2)
    #[command(after_help = "Examples:\n  \
        claim student enroll --sid 1155123456            (a local CUHK, or asks for the invitation)\n  \
        claim student enroll --sso --sid 1155123456      (signing in with the university)\n  \
        claim student enroll --sso --staff chan.tm       (the same for a member of staff)\n  \
        claim student enroll --invite-file invitation.txt\n  \
        pbpaste | claim student enroll --invite-file -")]
    Enroll {
        #[command(flatten)]
        student: DialogueArgs,
        /// Sign in with the university, in a browser, instead of an invitation; takes cuhk.cer
        #[arg(long, env = "CLAIM_SSO", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, conflicts_with = "invite_file")]
        sso: bool,
        /// With --sso: the id of a member of staff, instead of a student ID
        #[arg(
            long,
            env = "CLAIM_STAFF",
            value_name = "ID",
            requires = "sso",
            conflicts_with = "sid"
        )]
        staff: Option<StaffId>,
        /// File with the invitation line; - for standard input
        #[arg(long, env = "CLAIM_INVITE_FILE", value_name = "FILE|-")]
        invite_file: Option<PathBuf>,
    },
    /// Send one message (steps 3 to 6)
    #[command(
        after_help = "Examples:\n  claim student say \"my report follows\"\n  echo hello | claim student say -\n  claim student say -- \"-h is the option for help\""
    )]
    Say {
        /// The text; - reads it from standard input. What looks like an option of claim goes behind --
        #[arg(allow_hyphen_values = true)]
        text: String,
        #[command(flatten)]
        student: IdentityArgs,
    },
    /// Hand in files, and get a receipt (steps 3 to 6)
    HandIn(HandInArgs),
    /// Show certificates, assignments with their due times, and what was handed in
    #[command(after_help = "Examples:\n  claim student status\n  claim student status --json")]
    Status {
        #[command(flatten)]
        student: IdentityArgs,
    },
    /// Show what staff changed that concerns you: due times, extensions, groups, what counts
    #[command(after_help = "Examples:\n  claim student changes\n  claim student changes --json")]
    Changes {
        #[command(flatten)]
        student: IdentityArgs,
    },
    /// List the receipts that the folder keeps copies of
    #[command(after_help = "Example:\n  claim student receipts")]
    Receipts,
    /// Finish hand-ins that CUHK stamped while Blackboard could not be reached
    Resume(ResumeArgs),
    /// Take back what was handed in, until it is due
    Withdraw(WithdrawArgs),
    /// Get back the files that were handed in
    Fetch(FetchArgs),
    /// Revoke certificates of your own, as after a lost laptop
    Revoke(RevokeOwnArgs),
    /// Renew the certificate with the current one; other commands do so when two thirds of its life are gone
    #[command(after_help = "Examples:\n  claim student renew\n  claim student renew --new-key")]
    Renew(RenewArgs),
}

/// `claim demo`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  claim demo\n  claim demo --sid 1155123456 --file report.pdf\n  claim demo --sid 1155123456 --dir /tmp/demo --attack"
)]
pub(crate) struct DemoArgs {
    /// The student ID; asked for when it is not given
    #[arg(long, env = "CLAIM_SID")]
    pub(crate) sid: Option<Sid>,
    /// The file that is handed in [default: a generated report of five megabytes]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Then play the attacker against the same servers
    #[arg(long, env = "CLAIM_ATTACK", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) attack: bool,
}

/// `claim verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  claim verify lab1.receipt\n  claim verify lab1.receipt report.pdf data/ --root cuhk.cer\n  \
        claim verify lab1/ --root cuhk.cer           (all that claim staff download took)\n  \
        claim verify lab1.receipt --witness 'witness.example+0123abcd+BA…' --crl root.crl --json\n\n\
        Exit codes: 0 every check holds; 4 one fails; 5 all is genuine, but not complete (a lodging proof,\n\
        not shown in the log, the time on Blackboard's word alone); 1 a file cannot be read; 2 usage."
)]
pub(crate) struct VerifyArgs {
    /// The receipt, the lodging proof (.lodged), or a folder that claim staff download made: then everything in it
    pub(crate) receipt: PathBuf,
    /// Files that were handed in, to be compared; a folder stands for the files in it
    pub(crate) files: Vec<PathBuf>,
    /// The root certificate, from CUHK itself or somebody you trust [default: cuhk.cer in the folder]
    #[arg(long, env = "CLAIM_ROOT", value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    /// The witness whose cosignature you demand, as the key that it publishes
    /// [default: any that the root certifies]
    #[arg(long, env = "CLAIM_WITNESS", value_name = "VKEY")]
    pub(crate) witness: Option<WitnessKey>,
    /// Revocation lists that are newer than the receipt (PEM or DER); may be repeated
    #[arg(long, env = "CLAIM_CRL", value_name = "FILE", value_delimiter = ',')]
    pub(crate) crl: Vec<PathBuf>,
}
