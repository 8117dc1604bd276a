//! `claim student revoke`.

use std::path::PathBuf;

use claim_core::DeviceName;
use claim_core::revoking::OWN_REASONS;
use claim_pki::{RevocationReason, SerialNumber};
use clap::Args;

use super::IdentityArgs;

/// What to revoke of one's own, and by what right.
#[derive(Debug, Args)]
#[command(
    override_usage = "claim student revoke [SERIAL | --device <NAME> | --all] [OPTIONS]",
    after_help = "Revoking is for good, and takes effect within a minute. Without more it is the certificate in this folder.\n\n\
        Examples:\n  \
        claim student revoke                                       (this device is given away)\n  \
        claim student revoke --device laptop --reason keyCompromise (another device is lost)\n  \
        claim student revoke --all --invite-file invitation.txt    (the only device is lost; then enrol with the same line)"
)]
pub(crate) struct RevokeOwnArgs {
    /// The certificate with this serial number, those of the same key, and all that were renewed from these
    #[arg(value_name = "SERIAL", conflicts_with_all = ["device", "all"])]
    pub(crate) serial: Option<SerialNumber>,
    /// The certificates of the device with this name
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub(crate) device: Option<DeviceName>,
    /// All your certificates
    #[arg(long)]
    pub(crate) all: bool,
    /// Not by the certificate in this folder, but by an invitation that has enrolled nothing yet: a file with the line,
    /// or - for standard input. It is not used up
    #[arg(long, value_name = "FILE|-")]
    pub(crate) invite_file: Option<PathBuf>,
    /// Why: keyCompromise, affiliationChanged, superseded, cessationOfOperation or privilegeWithdrawn [default: none]
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub(crate) reason: Option<RevocationReason>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) student: IdentityArgs,
}

fn reason(text: &str) -> Result<RevocationReason, String> {
    let names = OWN_REASONS.map(RevocationReason::as_str);
    let found = OWN_REASONS.into_iter().find(|reason| reason.as_str() == text);
    found.ok_or_else(|| format!("there are {}", names.join(", ")))
}
