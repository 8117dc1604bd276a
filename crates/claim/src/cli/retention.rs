//! `claim blackboard retention`, and the same rule for a serving Blackboard.

use claim_blackboard::{Hold, KEEP_AT_LEAST, Rule};
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::DatabaseArgs;

/// `claim blackboard retention`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim blackboard retention --keep-days 730\n  \
        claim blackboard retention --keep-days 730 --hold IEMS5710 --hold CSCI1130/final --apply\n\n\
        A holder's claims for an assignment go together, when the last of them, the due time and the closing time are all\n\
        that old. What is erased cannot be brought back; whoever kept a receipt can still prove all that it proves.")]
pub(crate) struct RetentionArgs {
    /// Erase what is older than so many days
    #[arg(long, env = "CLAIM_KEEP_DAYS", value_name = "N", value_parser = keep_days())]
    pub(crate) keep_days: u32,
    #[command(flatten)]
    pub(crate) held: HoldArgs,
    /// Do erase it, instead of showing what would be
    #[arg(long, value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) apply: bool,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// What is never erased.
#[derive(Clone, Debug, Args)]
pub(crate) struct HoldArgs {
    /// A course, or an assignment, of which nothing is erased, e.g. while there is a dispute about it; may be repeated
    #[arg(long, env = "CLAIM_HOLD", value_name = "COURSE[/ASSIGNMENT]", value_delimiter = ',')]
    pub(crate) hold: Vec<Hold>,
}

/// The rule of a serving Blackboard.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeepArgs {
    /// Erase claims and messages that are older than so many days, every day [default: nothing is erased]
    #[arg(long, env = "CLAIM_KEEP_DAYS", value_name = "N", value_parser = keep_days())]
    pub(crate) keep_days: Option<u32>,
    #[command(flatten)]
    pub(crate) held: HoldArgs,
}

impl RetentionArgs {
    pub(crate) fn rule(&self) -> Rule {
        Rule { keep_days: self.keep_days, held: self.held.hold.clone() }
    }
}

impl KeepArgs {
    pub(crate) fn rule(self) -> Option<Rule> {
        self.keep_days.map(|keep_days| Rule { keep_days, held: self.held.hold })
    }
}

fn keep_days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(KEEP_AT_LEAST)
}
