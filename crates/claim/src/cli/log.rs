//! The options of reading a log, of witnessing one, and of rebuilding one.

use std::path::PathBuf;

use claim_core::{Origin, OriginError};
use claim_files::PassphraseSource;
use claim_log::LogKey;
use claim_pki::WitnessName;
use clap::{Args, Subcommand};

use super::{BlackboardServeArgs, ServerArgs, TlsRootsArg};

/// `claim log`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim log audit https://blackboard.example:3141 --receipt lab1.receipt\n  \
        claim log witness --dir /srv/witness --name witness.example --logs lab1.receipt")]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    pub(crate) command: LogCommand,
}

/// What can be done with a log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Read a whole log, compute every hash again, and compare with what was seen last time
    Audit(AuditArgs),
    /// Serve as a witness: cosign a log's checkpoints as long as each continues the one before
    Witness(WitnessArgs),
}

/// `claim log witness`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim log witness --dir /srv/witness --name witness.example --logs lab1.receipt\n  \
        claim log witness --dir /srv/witness --logs lab1.receipt --listen 0.0.0.0:9337 \\\n      \
            --public-url https://witness.example:9337\n\n\
        The first one makes witness.key and witness.request in the folder, which needs cuhk.cer there, and ends.\n\
        Whoever runs CUHK signs the request (claim cuhk certify witness.request); the answer is witness.cer.\n\
        Then Blackboard asks it: claim blackboard --ask-witness https://witness.example:9337\n\n\
        Anybody may run a witness; it is worth most with people who run neither CUHK nor Blackboard.\n\
        A witness that has lost witness.db takes a new key: with the old one it could cosign a second history.")]
pub(crate) struct WitnessArgs {
    /// What the witness is called, in its certificate and in receipts; needed until it has its certificate
    #[arg(long, env = "CLAIM_NAME", value_name = "NAME")]
    pub(crate) name: Option<WitnessName>,
    /// A log to witness: any receipt of that Blackboard, or the log's certificate (PEM); may be repeated
    #[arg(long, env = "CLAIM_LOGS", value_name = "FILE", value_delimiter = ',')]
    pub(crate) logs: Vec<PathBuf>,
    /// A log to witness, by its key, as its people publish it; may be repeated
    #[arg(long, env = "CLAIM_LOG_KEY", value_name = "VKEY", value_delimiter = ',')]
    pub(crate) log_key: Vec<LogKey>,
    /// Where the passphrase of witness.key is: a file that nobody else can read, fd:NUMBER or credential:NAME (of systemd)
    /// [default: it has none]
    #[arg(long, env = "CLAIM_KEY_PASSPHRASE", value_name = "SOURCE")]
    pub(crate) key_passphrase: Option<PassphraseSource>,
    /// The root certificate, from CUHK itself or somebody you trust [default: cuhk.cer in the folder]
    #[arg(long, env = "CLAIM_ROOT", value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// `claim log audit`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim log audit https://blackboard.example:3141 --receipt lab1.receipt\n  \
        claim log audit https://blackboard.example:3141 --receipt lab1.receipt --tls-roots system --json\n  \
        claim log audit https://blackboard.example:3141 --receipt lab1.receipt --mirror /srv/mirror\n  \
        claim log audit https://localhost:3141 --key 'localhost:3141/log+0123abcd+AQ…' --state seen.audit\n\n\
        Anybody may do this; whoever does it now and then sees when the log forgets or rewrites something.\n\
        Exit codes: 0 nothing is wrong; 4 something is, and it is named; 3 the log could not be read to its\n\
        end, run it again; 1 a file cannot be read or written; 2 usage.")]
pub(crate) struct AuditArgs {
    /// Blackboard's origin, or its log (https://…/log)
    #[arg(value_name = "URL", value_parser = origin_of_log)]
    pub(crate) url: Origin,
    /// Any receipt of this Blackboard: the certificate of the log's key is in it, and is verified up to the root; the log
    /// must lead on from the checkpoints in it, too
    #[arg(long, env = "CLAIM_RECEIPT", value_name = "FILE", conflicts_with = "key")]
    pub(crate) receipt: Option<PathBuf>,
    /// Or the log's key itself, as its people publish it
    #[arg(long, env = "CLAIM_KEY", value_name = "VKEY")]
    pub(crate) key: Option<LogKey>,
    /// What was seen last time: the checkpoint, as the log signed it [default: HOST-PORT.audit in the folder]
    #[arg(long, env = "CLAIM_STATE", value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Keep the log's files in this folder, too, where nothing is wrong: a log that has lost its records is rebuilt from it
    #[arg(long, env = "CLAIM_MIRROR", value_name = "FOLDER")]
    pub(crate) mirror: Option<PathBuf>,
    /// The root certificate, from CUHK itself or somebody you trust [default: cuhk.cer in the folder]
    #[arg(long, env = "CLAIM_ROOT", value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    /// Which roots the server's TLS certificate may lead to; the log's own key always rests on cuhk.cer or --key
    #[arg(long, env = "CLAIM_TLS_ROOTS", value_enum, default_value_t = TlsRootsArg::Cuhk)]
    pub(crate) tls_roots: TlsRootsArg,
}

/// `claim blackboard log`.
#[derive(Debug, Args)]
pub(crate) struct BlackboardLogArgs {
    #[command(subcommand)]
    pub(crate) command: BlackboardLogCommand,
}

/// What can be done with Blackboard's own log.
#[derive(Debug, Subcommand)]
pub(crate) enum BlackboardLogCommand {
    /// Bring entries back that the records have lost, from a mirror of the log
    Rebuild(RebuildArgs),
}

/// `claim blackboard log rebuild`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim blackboard log rebuild /srv/mirror\n  \
        claim blackboard log rebuild https://mirror.example/blackboard/log --tls-roots system\n\n\
        For records that were restored from an older copy: Blackboard says THE LOG IS STOPPED then. It must not run.\n\
        The mirror is not believed: every hash is computed again, the log's own key must have signed the end, the\n\
        records must have its beginning, and a witness (CUHK, --ask-witness) must cosign it and know of nothing more.\n\
        Exit codes: 0 done; 4 the mirror is wrong or of another log; 3 mirror or witness not reachable; 1 refused; 2 usage.")]
pub(crate) struct RebuildArgs {
    /// The mirror: a folder, or the address under which the log's files are served; checkpoint lies in it
    #[arg(value_name = "FOLDER|URL")]
    pub(crate) mirror: String,
    /// Which roots the TLS certificate of a mirror may lead to; what it has is judged by the log's own key
    #[arg(long, env = "CLAIM_TLS_ROOTS", value_enum, default_value_t = TlsRootsArg::Cuhk)]
    pub(crate) tls_roots: TlsRootsArg,
    #[command(flatten)]
    pub(crate) blackboard: BlackboardServeArgs,
}

/// A log by its own address or that of its Blackboard.
fn origin_of_log(text: &str) -> Result<Origin, OriginError> {
    let origin = text.strip_suffix('/').unwrap_or(text);
    Origin::from_user(origin.strip_suffix("/log").unwrap_or(origin))
}
