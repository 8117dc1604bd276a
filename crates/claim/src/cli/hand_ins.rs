//! `claim staff list`.

use std::path::PathBuf;

use claim_core::AssignmentRef;
use clap::{Args, ValueEnum};

/// `claim staff list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    claim staff list IEMS5710/lab1\n  \
    claim staff list IEMS5710/lab1 --format csv --out lab1.csv")]
pub(crate) struct HandInsArgs {
    /// COURSE/ASSIGNMENT
    pub(crate) assignment: AssignmentRef,
    /// Write the whole list as a file, instead of lines to read
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) format: Option<ListFormat>,
    /// The file to write it to; it must not exist [default: standard output]
    #[arg(long, value_name = "FILE", requires = "format")]
    pub(crate) out: Option<PathBuf>,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A table for spreadsheets: a line a student
    Csv,
    /// One JSON document, with every claim
    Json,
}
