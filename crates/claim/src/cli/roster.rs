//! `claim cuhk roster`: who may hold a certificate.

use std::path::PathBuf;

use claim_core::PersonId;
use claim_cuhk::Role;
use clap::{Args, Subcommand, ValueEnum};

use super::DatabaseArgs;

/// `claim cuhk roster`.
#[derive(Debug, Args)]
#[command(
    after_help = "A roster is CSV in UTF-8, separated by commas, semicolons or tabs. Its first line names\n\
    the columns: id, and if wanted name, email and role; others are ignored. One bad line, and\n\
    nothing is taken over.\n\n\
    Examples:\n  \
        claim cuhk roster import people.csv --dry-run\n  \
        claim cuhk roster import people.csv\n  \
        claim cuhk roster list --state lapsed\n  \
        claim cuhk roster remove --missing-from people.csv --role student"
)]
pub(crate) struct RosterArgs {
    #[command(subcommand)]
    pub(crate) command: RosterCommand,
}

/// What can be done with the roster.
#[derive(Debug, Subcommand)]
pub(crate) enum RosterCommand {
    /// Take a CSV file over: new people are added, known ones updated, nobody is taken off
    Import {
        /// The CSV file
        file: PathBuf,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// List the people on record, and how far each is
    List {
        /// Only those who are so far
        #[arg(long, value_enum)]
        state: Option<StateArg>,
        /// Only those who have this role
        #[arg(long, value_name = "ROLE")]
        role: Option<Role>,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Show one person, with the certificates
    Show {
        /// The person
        id: PersonId,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Write the roster as CSV, as `import` reads it
    #[command(after_help = "Example:\n  claim cuhk roster export > people.csv")]
    Export {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Take people off the roster: open codes end, nothing is renewed; what is on record stays
    #[command(
        after_help = "Certificates that they hold stay good until they end, or are revoked: claim cuhk revoke.\n\n\
        Examples:\n  claim cuhk roster remove 1155123456 chan.tm\n  claim cuhk roster remove --missing-from people.csv --role student"
    )]
    Remove(RemoveArgs),
    /// Put people back on the roster
    Restore {
        /// Whom
        #[arg(required = true)]
        ids: Vec<PersonId>,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// `claim cuhk roster remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    pub(crate) whom: RemoveWhom,
    /// With --missing-from: only those who have this role
    #[arg(long, value_name = "ROLE", requires = "missing_from")]
    pub(crate) role: Option<Role>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// Exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RemoveWhom {
    /// These people
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<PersonId>,
    /// Everybody on the roster who is not in this CSV file; they are shown first
    #[arg(long, value_name = "FILE")]
    pub(crate) missing_from: Option<PathBuf>,
}

/// How far people are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateArg {
    /// Never invited
    New,
    /// The last mail surely did not leave
    MailFailed,
    /// Whether the last mail left is not known
    Doubtful,
    /// With an open invitation
    Invited,
    /// The last invitation has ended unused
    Lapsed,
    /// With a certificate
    Enrolled,
    /// Taken off the roster
    Removed,
}
