//! `claim cuhk invite`: whom, and how the invitations leave.

use std::path::PathBuf;

use claim_core::{Origin, PersonId, Sid};
use claim_cuhk::Role;
use clap::Args;

use super::DatabaseArgs;

/// Whom to invite, and how.
#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    #[command(flatten)]
    pub(crate) whom: InviteWhom,
    /// With --all-new: only those who have this role on the roster
    #[arg(long, value_name = "ROLE", requires = "all_new")]
    pub(crate) role: Option<Role>,
    /// With --all-new and --resend: write invitations.csv for a mail merge into this folder (0600), which is made
    /// when it is missing
    #[arg(long, value_name = "FOLDER", requires = "many")]
    pub(crate) out: Option<PathBuf>,
    /// With --all-new and --resend: mail each person's invitation to the address on the roster, as [cuhk.mail] in
    /// claim.toml says
    #[arg(long, requires = "many", conflicts_with = "out")]
    pub(crate) mail: bool,
    /// How many days the codes are valid
    #[arg(long, env = "CLAIM_VALID_DAYS", value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=365))]
    pub(crate) valid_days: u16,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// The origin of CUHK in the invitation [default: the one it served last]
    #[arg(long, env = "CLAIM_PUBLIC_URL", value_name = "URL", value_parser = Origin::from_user)]
    pub(crate) public_url: Option<Origin>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// Exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct InviteWhom {
    /// One student, who need not be on the roster yet; earlier codes stay good
    #[arg(long)]
    pub(crate) sid: Option<Sid>,
    /// The server with this public origin
    #[arg(long, value_name = "ORIGIN", value_parser = Origin::from_user)]
    pub(crate) server: Option<Origin>,
    /// Everybody in a CSV file with the columns id and, if wanted, name, email and role, who also goes on the roster
    #[arg(long, value_name = "FILE")]
    pub(crate) roster: Option<PathBuf>,
    /// Everybody on the roster who has no certificate and was never invited
    #[arg(long, group = "many")]
    pub(crate) all_new: bool,
    /// These people of the roster again [default: everybody who was invited and has not enrolled]; earlier codes end
    #[arg(long, value_name = "ID", num_args = 0.., group = "many")]
    pub(crate) resend: Option<Vec<PersonId>>,
    /// Invite nobody: end the open codes of these people [default: of all]
    #[arg(long, value_name = "ID", num_args = 0..)]
    pub(crate) revoke: Option<Vec<PersonId>>,
}
