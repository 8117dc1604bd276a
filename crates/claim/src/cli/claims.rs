//! The options of handing in and of one's own claims.

use std::path::PathBuf;

use claim_student::{ClaimWanted, Wanted};
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::{IdentityArgs, StudentServerArgs};

/// `claim student hand-in`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim student hand-in report.pdf\n  \
        claim student hand-in report.pdf data/ --to IEMS5710/lab1\n  \
        claim student hand-in . --to lab1 --yes --receipt ~/receipts/lab1.receipt\n\n\
        Handing in the same files again is safe: it goes on where the last attempt stopped.\n\n\
        One signature is enough for a group. Where several are to sign before it is handed in:\n  \
        claim student hand-in report.pdf --to IEMS5710/project --sign-only   (the first; writes project.claim.p7s)\n  \
        claim student hand-in --add-signature project.claim.p7s report.pdf   (each other, with files to compare)\n  \
        claim student hand-in report.pdf --lodge project.claim.p7s           (one of them; only this hands in)")]
pub(crate) struct HandInArgs {
    /// Files, and folders with everything in them
    #[arg(required_unless_present = "add_signature", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The assignment; its own name is enough, and nothing at all where only one can be meant
    #[arg(long, env = "CLAIM_TO", value_name = "COURSE/ASSIGNMENT")]
    pub(crate) to: Option<Wanted>,
    /// Where to store the receipt [default: ASSIGNMENT.receipt in the current folder, numbered if that is there]
    #[arg(long, env = "CLAIM_RECEIPT", value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// A remark for those who mark it; it is signed with the files
    #[arg(long, env = "CLAIM_NOTE", value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Where Blackboard cannot be reached and CUHK has stamped the claim, do not wait: `claim student resume` finishes
    #[arg(long, env = "CLAIM_NO_WAIT", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) no_wait: bool,
    /// Where these files are not those of a claim that still waits for its files, hand them in as a new claim
    #[arg(long, env = "CLAIM_ANEW", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) anew: bool,
    #[command(flatten)]
    pub(crate) together: TogetherArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) student: IdentityArgs,
}

/// How several of a group sign one claim.
#[derive(Debug, Args)]
#[command(next_help_heading = "Several sign one claim")]
pub(crate) struct TogetherArgs {
    /// Sign the claim into a file that others of the group sign too, and hand in NOTHING yet
    /// [default: ASSIGNMENT.claim.p7s in the current folder]
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with_all = ["add_signature", "lodge", "receipt", "no_wait", "anew"]
    )]
    pub(crate) sign_only: Option<Option<PathBuf>>,
    /// Show what the claim in FILE says, compare it with the files named, and add your signature to it;
    /// hand in nothing yet
    #[arg(long, value_name = "FILE", conflicts_with_all = ["lodge", "receipt", "no_wait", "anew", "note"])]
    pub(crate) add_signature: Option<PathBuf>,
    /// Hand in the claim in FILE, which you and others have signed, with the files that it lists; repeated,
    /// for copies with other signatures
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_wait", "note"])]
    pub(crate) lodge: Vec<PathBuf>,
}

/// `claim student resume`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim student resume\n  \
        claim student resume lab1.pending --no-wait")]
pub(crate) struct ResumeArgs {
    /// What waits [default: every .pending file in the current folder, and whatever was begun and has no receipt yet]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Try once instead of waiting until Blackboard is back
    #[arg(long, env = "CLAIM_NO_WAIT", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) no_wait: bool,
    /// Where a file was changed since it was claimed, hand in the files as they are, as a new claim
    #[arg(long, env = "CLAIM_ANEW", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) anew: bool,
    /// Do not ask about what was begun and never lodged (neither does --json)
    #[arg(long, env = "CLAIM_YES", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) servers: StudentServerArgs,
}

/// Whether to ask first.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ConsentArgs {
    /// Do not ask (neither does --json)
    #[arg(long, env = "CLAIM_YES", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) yes: bool,
}

/// `claim student withdraw`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim student withdraw IEMS5710/lab1\n  \
        claim student withdraw 3f2a90c1 --yes")]
pub(crate) struct WithdrawArgs {
    /// The claim, by its id or the first eight digits of it; or the assignment, of which it is the last claim
    #[arg(value_name = "CLAIM|COURSE/ASSIGNMENT")]
    pub(crate) claim: ClaimWanted,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) student: IdentityArgs,
}

/// `claim student fetch`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim student fetch IEMS5710/lab1\n  \
        claim student fetch 3f2a90c1 --out ~/old")]
pub(crate) struct FetchArgs {
    /// The claim, by its id or the first eight digits of it; or the assignment, of which it is the claim that counts
    #[arg(value_name = "CLAIM|COURSE/ASSIGNMENT")]
    pub(crate) claim: ClaimWanted,
    /// Where to make a new folder for the files
    #[arg(long, env = "CLAIM_OUT", value_name = "FOLDER", default_value = ".")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) student: IdentityArgs,
}
