//! `claim staff download`.

use std::path::PathBuf;

use claim_core::AssignmentRef;
use claim_course::taking::Layout;
use clap::{Args, ValueEnum};

/// `claim staff download`.
#[derive(Debug, Args)]
#[command(
    after_help = "The same command goes on where one was interrupted, and takes what is new since. What you changed in the folder\n\
    is left as it is; a claim that counts no longer is moved to `earlier`, with everything that lies in its folder.\n\n\
    Examples:\n  \
        claim staff download IEMS5710/lab1 --out lab1\n  \
        claim staff download IEMS5710/lab1 --layout moodle --out lab1-moodle\n  \
        claim verify lab1 --root cuhk.cer\n\n\
    Exit codes: 0 everything is there; 1 something could not be taken, and is named; 3 Blackboard cannot be reached:\n\
    running it again is safe and goes on."
)]
pub(crate) struct DownloadArgs {
    /// COURSE/ASSIGNMENT
    pub(crate) assignment: AssignmentRef,
    /// The folder; it is made when it is missing
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// How the folder is laid out
    #[arg(long, value_enum, default_value_t = LayoutArg::BySid)]
    pub(crate) layout: LayoutArg,
    /// Also take the claims that were received and do not count
    #[arg(long)]
    pub(crate) all: bool,
}

/// `--layout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// A folder a student (1155123456), or a group by its name, with its receipt beside it
    BySid,
    /// As Moodle's "Download all submissions" (NAME_ID_assignsubmission_file_); receipts in a folder of their own
    Moodle,
    /// As Canvas's "Download submissions" (lastfirst_LATE_ID_NUMBER_FILE); receipts in a folder of their own
    Canvas,
}

impl From<LayoutArg> for Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::BySid => Self::BySid,
            LayoutArg::Moodle => Self::Moodle,
            LayoutArg::Canvas => Self::Canvas,
        }
    }
}
