//! `claim blackboard outage`.

use claim_course::time::Zone;
use clap::{Args, Subcommand};

use super::DatabaseArgs;

/// `claim blackboard outage`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim blackboard outage allow --since \"2026-11-24 23:40\" --until \"2026-11-25 00:20\" \\\n      \
            --zone Asia/Hong_Kong --reason \"the campus network was down\"\n  \
        claim blackboard outage list")]
pub(crate) struct OutageArgs {
    #[command(subcommand)]
    pub(crate) command: OutageCommand,
}

/// What can be done about outages.
#[derive(Debug, Subcommand)]
pub(crate) enum OutageCommand {
    /// Say that Blackboard could not be reached for a while though it ran: claims that CUHK stamped then are judged by
    /// CUHK's time
    Allow(AllowOutageArgs),
    /// List when Blackboard could not be reached
    List {
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// `claim blackboard outage allow`.
#[derive(Debug, Args)]
pub(crate) struct AllowOutageArgs {
    /// The first minute in which Blackboard could not be reached, in the zone; where clocks are changed, with its
    /// offset: "2026-10-25 02:30 +02:00"
    #[arg(long, value_name = "TIME")]
    pub(crate) since: String,
    /// The last such minute
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    /// The time zone, by its IANA name
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) zone: Zone,
    /// Why; it stays on record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}
