//! `claim cuhk`: serving, and what staff does with CUHK.

use std::num::NonZeroU32;
use std::path::PathBuf;

use claim_core::{Origin, PersonId};
use claim_pki::{RevocationReason, SerialNumber};
use clap::{Args, Subcommand};

use super::{
    BackupArgs, CuhkAuditArgs, CuhkRetentionArgs, DatabaseArgs, DiskArgs, ExportArgs, InviteArgs,
    IssuingArgs, KeyArgs, ListArgs, RecordArgs, RestoreArgs, RosterArgs, SearchArgs, ServerArgs,
    ShowArgs,
};

/// `claim cuhk`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim cuhk\n  \
        claim cuhk init --public-url https://cuhk.example:9335\n  \
        claim cuhk --listen 0.0.0.0:9335 --public-url https://cuhk.example:9335\n  \
        claim cuhk roster import people.csv\n  \
        claim cuhk invite --all-new --out invitations\n  \
        claim cuhk list --json\n  \
        claim cuhk backup /mnt/safe/cuhk-2026-11-26")]
pub(crate) struct CuhkArgs {
    #[command(subcommand)]
    pub(crate) command: Option<CuhkCommand>,
    #[command(flatten)]
    pub(crate) serve: CuhkServeArgs,
}

/// `claim cuhk serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CuhkServeArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) disk: DiskArgs,
    /// How many days after its end a certificate can still be renewed
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3650))]
    pub(crate) renewal_grace: u32,
    /// How many live certificates one person may hold
    #[arg(long, value_name = "N", default_value_t = claim_cuhk::DEFAULT_CERTIFICATES_PER_PERSON)]
    pub(crate) certificates_per_person: NonZeroU32,
}

/// What CUHK can do.
#[derive(Debug, Subcommand)]
pub(crate) enum CuhkCommand {
    /// Serve certificates on port 9335 (step 0 to 2); makes cuhk.cer and cuhk.key at the first start
    Serve(CuhkServeArgs),
    /// Make the root and issuing keys and certificates of a real CUHK, and nothing else
    #[command(
        after_help = "Example:\n  claim cuhk init --dir /srv/cuhk --public-url https://cuhk.example:9335"
    )]
    Init {
        /// The origin under which CUHK will be known, for invitations
        #[arg(long, env = "CLAIM_PUBLIC_URL", value_name = "URL", value_parser = Origin::from_user)]
        public_url: Option<Origin>,
        /// Make the root alone, on a machine without a network; no CUHK serves from there
        #[arg(long)]
        offline_root: bool,
        #[command(flatten)]
        keys: KeyArgs,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Put on record what a root elsewhere has certified for a Blackboard, so that CUHK witnesses its log
    #[command(
        after_help = "Only where the root's key is on another machine (--root-elsewhere).\n\n\
        Example:\n  claim cuhk record blackboard.request.answer"
    )]
    Record(RecordArgs),
    /// The issuing certificate: renew
    Issuing(IssuingArgs),
    /// Keep the roster: who may hold a certificate
    Roster(RosterArgs),
    /// Make the invitations that people and servers enrol with
    #[command(
        override_usage = "claim cuhk invite --sid <SID> | --server <ORIGIN> | --roster <FILE> [OPTIONS]\n       \
        claim cuhk invite --all-new | --resend [<ID>...] | --revoke [<ID>...] [OPTIONS]",
        after_help = "Examples:\n  \
        claim cuhk invite --sid 1155123456\n  \
        claim cuhk invite --all-new --mail\n  \
        claim cuhk invite --all-new --out invitations\n  \
        claim cuhk invite --resend 1155123456 chan.tm\n  \
        claim cuhk invite --revoke 1155123456\n  \
        claim cuhk invite --roster roster.csv > invitations.csv\n  \
        claim cuhk invite --server https://blackboard.example:3141"
    )]
    Invite(InviteArgs),
    /// Certify the keys by which a Blackboard timestamps and logs, or a witness cosigns, with the root's key
    #[command(
        after_help = "The request file is made by the Blackboard, or the witness; the answer goes back to it.\n\n\
        Examples:\n  claim cuhk certify blackboard.request\n  claim cuhk certify witness.request --out witness.cer"
    )]
    Certify(CertifyArgs),
    /// Revoke a certificate with all that were renewed from it, or all of a person, from now on
    #[command(
        after_help = "Revoking is for good, and never back-dated. It may be done while CUHK serves.\n\
        On a terminal it shows what it would revoke, and asks.\n\n\
        Examples:\n  claim cuhk revoke 5f0c… --reason keyCompromise\n  claim cuhk revoke 5f0c… --only --reason superseded\n  \
        claim cuhk revoke --sid 1155123456 --reason affiliationChanged --yes"
    )]
    Revoke(RevokeArgs),
    /// Copy keys, certificates and records into a folder, also while CUHK serves
    #[command(
        after_help = "The copy has every key but that of the witness: keep it where nobody else can read it.\n\n\
        Example:\n  claim cuhk backup /mnt/safe/cuhk-2026-11-26"
    )]
    Backup(BackupArgs),
    /// Check a backup and restore it; codes that were open when it was made are voided
    #[command(
        after_help = "Example:\n  claim cuhk restore /mnt/safe/cuhk-2026-11-26 --dir /srv/cuhk"
    )]
    Restore(RestoreArgs),
    /// List every certificate that was issued, or those that are asked for
    #[command(after_help = "Examples:\n  \
        claim cuhk list --json\n  \
        claim cuhk list --issued 2026-05\n  \
        claim cuhk list --count day --issued 2026-05 --profile person")]
    List(ListArgs),
    /// Find certificates by person, server, serial number or digest
    #[command(after_help = "Examples:\n  \
        claim cuhk search 1155123456\n  \
        claim cuhk search 5F:0C:8E:21:A3:B4:C5:D6:E7:F8:09:1A:2B:3C:4D:5E")]
    Search(SearchArgs),
    /// Show all that is known of a certificate, or of a person: what was issued, and what was done
    #[command(after_help = "Examples:\n  claim cuhk show 1155123456\n  claim cuhk show 5f0c…")]
    Show(ShowArgs),
    /// Write certificates to standard output as a table, as JSON or as PEM
    #[command(after_help = "Example:\n  claim cuhk export --format csv --issued 2026-05 > may.csv")]
    Export(ExportArgs),
    /// Erase what names people who left long ago, or one who asks for it; shows what, and erases with --apply alone
    #[command(
        after_help = "What stays is that certificates were issued, under which serial numbers, and what was revoked; receipts\n\
        verify as before, and so does the audit log. It may be done while CUHK serves.\n\n\
        Examples:\n  \
        claim cuhk retention --keep-days 400\n  \
        claim cuhk retention --keep-days 400 --hold 1155123456 --apply\n  \
        claim cuhk retention --person 1155123456"
    )]
    Retention(CuhkRetentionArgs),
    /// Read and check the audit log: who did what, when, and how CUHK knew them
    #[command(after_help = "Examples:\n  \
        claim cuhk audit list --at 2026-05\n  \
        claim cuhk audit checkpoint > 2026-11-27.checkpoint\n  \
        claim cuhk audit verify --checkpoint 2026-11-27.checkpoint")]
    Audit(CuhkAuditArgs),
}

/// What to revoke.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    pub(crate) what: RevokeWhat,
    /// That certificate alone, and not those of the same key and all that were renewed from them
    #[arg(long, conflicts_with = "sid")]
    pub(crate) only: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Why: keyCompromise, affiliationChanged, superseded, cessationOfOperation or privilegeWithdrawn
    #[arg(long, value_name = "REASON", default_value_t = RevocationReason::Unspecified)]
    pub(crate) reason: RevocationReason,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

/// Exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RevokeWhat {
    /// The certificate with this serial number, as `claim cuhk list` shows it
    #[arg(value_name = "SERIAL")]
    pub(crate) serial: Option<SerialNumber>,
    /// Every certificate of this person: a student ID, or the id of a member of staff
    #[arg(long, value_name = "ID")]
    pub(crate) sid: Option<PersonId>,
}

/// What to certify.
#[derive(Debug, Args)]
pub(crate) struct CertifyArgs {
    /// The request file
    #[arg(value_name = "FILE")]
    pub(crate) request: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Where to write the answer [default: FILE.answer]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}
