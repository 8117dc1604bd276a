//! Options that say where CUHK's private keys are, and what is done with them.

use std::path::PathBuf;

use claim_core::Origin;
use claim_cuhk::TokenUri;
use claim_files::PassphraseSource;
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

use super::DatabaseArgs;

/// Where CUHK's private keys are.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Private keys of CUHK")]
pub(crate) struct KeyArgs {
    /// Where the passphrase of cuhk.key is, or the PIN of its token: a file that nobody else can read,
    /// fd:NUMBER or credential:NAME (of systemd) [default: it has none]
    #[arg(long, env = "CLAIM_ROOT_PASSPHRASE", value_name = "SOURCE")]
    pub(crate) root_passphrase: Option<PassphraseSource>,
    /// The same for cuhk-issuing.key
    #[arg(long, env = "CLAIM_ISSUING_PASSPHRASE", value_name = "SOURCE")]
    pub(crate) issuing_passphrase: Option<PassphraseSource>,
    /// The same for cuhk-server.key, cuhk-timestamp.key and cuhk-witness.key, which CUHK makes itself
    #[arg(long, env = "CLAIM_SERVICES_PASSPHRASE", value_name = "SOURCE")]
    pub(crate) services_passphrase: Option<PassphraseSource>,
    /// The root's key in a token: pkcs11:token=LABEL;object=LABEL?module-path=FILE (RFC 7512)
    /// [default: cuhk.key in the folder]
    #[arg(long, env = "CLAIM_ROOT_KEY", value_name = "URI")]
    pub(crate) root_key: Option<TokenUri>,
    /// The issuing key in a token, likewise [default: cuhk-issuing.key in the folder]
    #[arg(long, env = "CLAIM_ISSUING_KEY", value_name = "URI")]
    pub(crate) issuing_key: Option<TokenUri>,
    /// The root's key is on another machine: `issuing renew` writes a request for it, and answers are taken over
    #[arg(long, env = "CLAIM_ROOT_ELSEWHERE", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) root_elsewhere: bool,
}

/// `claim cuhk issuing`.
#[derive(Debug, Args)]
pub(crate) struct IssuingArgs {
    #[command(subcommand)]
    pub(crate) command: IssuingCommand,
}

/// What can be done with the issuing certificate.
#[derive(Debug, Subcommand)]
pub(crate) enum IssuingCommand {
    /// Make the next issuing key and certificate; a serving CUHK takes it over within a minute
    #[command(
        after_help = "What was issued before stays good: the old key goes on signing its revocation list.\n\n\
        Example:\n  claim cuhk issuing renew"
    )]
    Renew(RenewIssuingArgs),
}

/// `claim cuhk issuing renew`.
#[derive(Debug, Args)]
pub(crate) struct RenewIssuingArgs {
    /// With --root-elsewhere: ask for certificates of the timestamp key and the witness alone
    #[arg(long)]
    pub(crate) services_only: bool,
    /// With --root-elsewhere: the origin under which CUHK will be known [default: the one it served under last]
    #[arg(long, env = "CLAIM_PUBLIC_URL", value_name = "URL", value_parser = Origin::from_user)]
    pub(crate) public_url: Option<Origin>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// `claim cuhk record`.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// The answer that the root has made for a Blackboard
    #[arg(value_name = "FILE")]
    pub(crate) answer: PathBuf,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}
