//! The options of `claim cuhk retention`.

use claim_core::PersonId;
use clap::Args;

use super::DatabaseArgs;

/// `claim cuhk retention`.
#[derive(Debug, Args)]
pub(crate) struct CuhkRetentionArgs {
    /// Keep for so many days what names somebody who has left the roster and whose last certificate has ended
    #[arg(long, env = "CLAIM_KEEP_DAYS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) keep_days: Option<u32>,
    /// Somebody of whom nothing is erased whatever the rule says, e.g. while there is a dispute; may be repeated
    #[arg(long, env = "CLAIM_HOLD", value_name = "ID", value_delimiter = ',')]
    pub(crate) hold: Vec<PersonId>,
    /// Erase this one person, who has asked for it, at once
    #[arg(long, value_name = "ID")]
    pub(crate) person: Option<PersonId>,
    /// Do it; without this it only shows what would be erased
    #[arg(long)]
    pub(crate) apply: bool,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}
