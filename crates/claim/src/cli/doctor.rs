//! `claim doctor`.

use std::path::PathBuf;

use claim_core::Origin;
use clap::{Args, ValueEnum};

/// `claim doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim doctor /var/lib/claim-cuhk --blackboard https://blackboard.example:3141\n  \
        claim doctor /var/lib/claim-blackboard\n  \
        claim doctor --quiet --json\n  \
        claim doctor /var/lib/claim-blackboard --only disk,records --deep\n\n\
        It changes nothing, and works whether the servers run or not. With --quiet only what is not well is told.\n\
        With --json each finding is a line with check, verdict (ok, warning, wrong), where, what, why and do, and\n\
        the last line has the numbers of all.\n\
        Exit codes: 0 all is well; 5 there are warnings, and nothing is wrong; 1 something is wrong; 2 usage.")]
pub(crate) struct DoctorArgs {
    /// The folders of the servers on this machine; what is in them it finds out
    /// [default: --dir; else the current folder; else /var/lib/claim-cuhk, -blackboard and -witness]
    #[arg(value_name = "FOLDER")]
    pub(crate) folders: Vec<PathBuf>,
    /// Where CUHK is [default: what claim.toml beside a Blackboard says]
    #[arg(long, env = "CLAIM_CUHK", value_name = "URL", value_parser = Origin::from_user)]
    pub(crate) cuhk: Option<Origin>,
    /// Where Blackboard is, to be looked at from CUHK's machine too
    #[arg(long, env = "CLAIM_BLACKBOARD", value_name = "URL", value_parser = Origin::from_user)]
    pub(crate) blackboard: Option<Origin>,
    /// These checks only
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub(crate) only: Vec<Check>,
    /// Have databases of more than a gibibyte compared with themselves too, which reads all of them
    #[arg(long)]
    pub(crate) deep: bool,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Check {
    /// claim.toml, and what is in the folder
    Settings,
    /// Who can read private files, and whose they are
    Permissions,
    /// Whether keys belong to their certificates
    Keys,
    /// When certificates end
    Certificates,
    /// The keys by which Blackboard stamps and logs, and the year in which a timestamp key may sign
    Evidence,
    /// Revocation lists: age, number, end
    Lists,
    /// The database: whether it is whole, and which schema it has
    Records,
    /// CUHK's roster
    Roster,
    /// The room on the disk, and for how long it lasts
    Disk,
    /// The log: whether its entries are cosigned
    Log,
    /// The public URL: whether its name leads anywhere, and whether the certificate is for it
    Names,
    /// Whether the servers answer, and have the same root
    Reach,
    /// The clocks of this machine and of the others
    Clocks,
}

impl Check {
    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Permissions => "permissions",
            Self::Keys => "keys",
            Self::Certificates => "certificates",
            Self::Evidence => "evidence",
            Self::Lists => "lists",
            Self::Records => "records",
            Self::Roster => "roster",
            Self::Disk => "disk",
            Self::Log => "log",
            Self::Names => "names",
            Self::Reach => "reach",
            Self::Clocks => "clocks",
        }
    }
}
