//! `claim blackboard`.

use std::path::PathBuf;

use claim_core::{AssignmentRef, Origin};
use claim_files::PassphraseSource;
use claim_http::MirrorUrl;
use clap::{Args, Subcommand};

use super::course::{
    AssignmentCommand, CountCommand, ExtendCommand, GroupCommand, LocalArgs, LocalCourseArgs,
    MembersCommand, StaffListCommand,
};
use super::{
    BackupArgs, BlackboardAuditArgs, BlackboardLogArgs, DatabaseArgs, DiskArgs, KeepArgs,
    OutageArgs, RestoreArgs, RetentionArgs, ServerArgs,
};

/// `claim blackboard`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim blackboard\n  \
        claim blackboard --listen 0.0.0.0:3141 --public-url https://blackboard.example:3141 \\\n      \
            --cuhk https://cuhk.example:9335 --invite-file invitation.txt\n  \
        claim blackboard --ask-witness https://witness.example:9337\n  \
        claim blackboard messages --json\n  \
        claim blackboard backup /mnt/safe/blackboard-2026-11-26")]
pub(crate) struct BlackboardArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BlackboardCommand>,
    #[command(flatten)]
    pub(crate) serve: BlackboardServeArgs,
}

/// `claim blackboard serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BlackboardServeArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Where CUHK is
    #[arg(long, env = "CLAIM_CUHK", value_name = "URL", default_value = "https://localhost:9335", value_parser = Origin::from_user)]
    pub(crate) cuhk: Origin,
    /// The root certificate [default: cuhk.cer in the folder]
    #[arg(long, env = "CLAIM_ROOT", value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    /// The invitation that this server enrols with at its first start
    /// [default: blackboard.invite in the folder, which a local CUHK leaves there]
    #[arg(long, env = "CLAIM_INVITE_FILE", value_name = "FILE")]
    pub(crate) invite_file: Option<PathBuf>,
    /// Another witness that is to cosign the log, beside CUHK; may be repeated
    #[arg(long, env = "CLAIM_ASK_WITNESS", value_name = "URL", value_delimiter = ',', value_parser = Origin::from_user)]
    pub(crate) ask_witness: Vec<Origin>,
    /// Where the passphrase of blackboard.key, timestamp.key and log.key is: a file that nobody else can read,
    /// fd:NUMBER or credential:NAME (of systemd) [default: they have none]
    #[arg(long, env = "CLAIM_KEY_PASSPHRASE", value_name = "SOURCE")]
    pub(crate) key_passphrase: Option<PassphraseSource>,
    /// Where the sealing key itself is, likewise [default: sealing.key in the folder]
    #[arg(long, env = "CLAIM_SEALING_KEY", value_name = "SOURCE")]
    pub(crate) sealing_key: Option<PassphraseSource>,
    /// Where copies of CUHK's folder `public` lie, for revocation lists while CUHK does not answer; may be repeated
    #[arg(long, env = "CLAIM_CRL_FROM", value_name = "URL", value_delimiter = ',')]
    pub(crate) crl_from: Vec<MirrorUrl>,
    #[command(flatten)]
    pub(crate) disk: DiskArgs,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}

/// What Blackboard can do.
#[derive(Debug, Subcommand)]
pub(crate) enum BlackboardCommand {
    /// Serve students on port 3141 (steps 3 to 6)
    Serve(BlackboardServeArgs),
    /// Ask the root to certify the keys by which this Blackboard timestamps and logs: write blackboard.request
    #[command(
        after_help = "Without it a serving Blackboard writes the same file. Bring it to where the root's key is (claim cuhk certify),\n\
        and the answer back as blackboard.answer.\n\n\
        Example:\n  claim blackboard request --public-url https://blackboard.example:3141"
    )]
    Request(BlackboardServeArgs),
    /// List the messages that were accepted
    Messages {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Add courses, and look at them
    Course(LocalCourseArgs),
    /// Set up assignments, and look at them
    Assignment(LocalArgs<AssignmentCommand>),
    /// Say who is on the roster of a course
    Roster(LocalArgs<MembersCommand>),
    /// Put students into groups that hand in together
    Group(LocalArgs<GroupCommand>),
    /// Give one student, one group or everybody more time
    Extend(LocalArgs<ExtendCommand>),
    /// Say who is staff of a course, and as what
    Staff(LocalArgs<StaffListCommand>),
    /// Choose which claim counts
    Count(LocalArgs<CountCommand>),
    /// Say when Blackboard could not be reached though it ran, and look at its outages
    Outage(OutageArgs),
    /// Erase claims and messages that are old enough; the log keeps its entries
    Retention(RetentionArgs),
    /// Bring back what the log has lost to a restore
    Log(BlackboardLogArgs),
    /// Read and check the audit log: who changed what, when, what it was and what it is
    #[command(after_help = "Examples:\n  \
        claim blackboard audit list --about 1155123456\n  \
        claim blackboard audit checkpoint > 2026-11-27.checkpoint\n  \
        claim blackboard audit verify --checkpoint 2026-11-27.checkpoint")]
    Audit(BlackboardAuditArgs),
    /// Copy keys, certificates, records and files into a folder, also while Blackboard serves
    #[command(
        after_help = "The copy has every key but sealing.key: keep it where nobody else can read it.\n\n\
        Example:\n  claim blackboard backup /mnt/safe/blackboard-2026-11-26"
    )]
    Backup(BackupArgs),
    /// Check a backup and restore it
    #[command(
        after_help = "Example:\n  claim blackboard restore /mnt/safe/blackboard-2026-11-26 --dir /srv/blackboard\n\n\
        Where claims came after the backup, the log is behind then: claim blackboard log rebuild --help."
    )]
    Restore(RestoreArgs),
    /// List who has handed in what for an assignment
    List {
        /// COURSE/ASSIGNMENT
        assignment: AssignmentRef,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}
