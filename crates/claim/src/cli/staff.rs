//! `claim staff`.

use std::path::PathBuf;

use claim_core::{AssignmentRef, Origin, PersonId, Sid};
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

use super::claims::ConsentArgs;
use super::course::{
    AssignmentCommand, CountCommand, CourseCommand, ExtendCommand, GroupCommand, MembersCommand,
    StaffListCommand,
};
use super::download::DownloadArgs;
use super::hand_ins::HandInsArgs;
use super::watch::WatchArgs;
use super::{StudentServerArgs, TlsRootsArg};

/// `claim staff`.
#[derive(Debug, Args)]
#[command(
    after_help = "Staff enrols like students: claim student enroll --invite-file invitation.txt\n\n\
    Examples:\n  \
        claim staff course list\n  \
        claim staff assignment add IEMS5710/lab1 --due \"2026-11-24 23:59\" --late refuse\n  \
        claim staff extend grant IEMS5710/lab1 --sid 1155123456 --due \"2026-11-26 23:59\" --reason ill\n  \
        claim staff list IEMS5710/lab1\n  \
        claim staff download IEMS5710/lab1 --out lab1"
)]
pub(crate) struct StaffArgs {
    #[command(subcommand)]
    pub(crate) command: StaffCommand,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// Who asks, and whom.
#[derive(Debug, Args)]
pub(crate) struct WhoArgs {
    /// Your id; may be left out when only one person is enrolled in the folder
    #[arg(long, env = "CLAIM_ID", value_name = "ID", global = true)]
    pub(crate) id: Option<PersonId>,
    /// Where CUHK is
    #[arg(long, env = "CLAIM_CUHK", value_name = "URL", default_value = "https://localhost:9335", value_parser = Origin::from_user, global = true)]
    cuhk: Origin,
    /// Where Blackboard is
    #[arg(long, env = "CLAIM_BLACKBOARD", value_name = "URL", default_value = "https://localhost:3141", value_parser = Origin::from_user, global = true)]
    blackboard: Origin,
    /// The root certificate [default: cuhk.cer in the folder]
    #[arg(long, env = "CLAIM_ROOT", value_name = "FILE", global = true)]
    root: Option<PathBuf>,
    /// Which roots a server's TLS certificate may lead to; identity and evidence always rest on cuhk.cer
    #[arg(long, env = "CLAIM_TLS_ROOTS", value_enum, default_value_t = TlsRootsArg::Cuhk, global = true)]
    tls_roots: TlsRootsArg,
}

impl WhoArgs {
    /// The servers, as for students; there the options stand behind each command, here before or behind the errand.
    pub(crate) fn servers(self) -> StudentServerArgs {
        let Self { cuhk, blackboard, root, tls_roots, .. } = self;
        StudentServerArgs { cuhk, blackboard, root, tls_roots }
    }
}

/// What staff can do from afar.
#[derive(Debug, Subcommand)]
pub(crate) enum StaffCommand {
    /// Look at your courses, and change them
    #[command(subcommand)]
    Course(CourseCommand),
    /// Set up assignments, and look at them
    #[command(subcommand)]
    Assignment(AssignmentCommand),
    /// Say who is on the roster of a course
    #[command(subcommand)]
    Roster(MembersCommand),
    /// Put students into groups that hand in together
    #[command(subcommand)]
    Group(GroupCommand),
    /// Give one student, one group or everybody more time
    #[command(subcommand)]
    Extend(ExtendCommand),
    /// Say who is staff of a course, and as what
    #[command(subcommand)]
    Staff(StaffListCommand),
    /// Choose which claim counts
    #[command(subcommand)]
    Count(CountCommand),
    /// Hand in on behalf of students, and get the receipt; you sign, and it is marked as such everywhere
    HandIn(HandInForArgs),
    /// Take what was handed in, with its receipts
    Download(DownloadArgs),
    /// Watch what is handed in, as it happens
    Watch(WatchArgs),
    /// See who changed what in a course, and when
    Changes {
        /// The course
        course: claim_core::CourseId,
    },
    /// Try handing in as a student would, up to the signature, also before they see the assignment; nothing is handed in
    Try(TryArgs),
    /// See who has handed in what, who has not, and who is late
    List(HandInsArgs),
}

/// `claim staff hand-in`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim staff hand-in IEMS5710/lab1 --for 1155123456 report.pdf --reason \"came by e-mail, 24 November, 23:40\"\n  \
        claim staff hand-in IEMS5710/project --for 1155123456,1155123457 report.pdf data/ --reason ill --yes\n\n\
        Their due time holds, with their extensions: what comes after it is late. They see it at once, with who handed it in,\n\
        and have its receipt by claim student fetch. Handing in the same files again is safe: it goes on where it stopped.")]
pub(crate) struct HandInForArgs {
    /// COURSE/ASSIGNMENT
    pub(crate) assignment: AssignmentRef,
    /// Files, and folders with everything in them
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The student; with commas between, all who hand in together
    #[arg(long = "for", value_name = "SID", value_delimiter = ',', required = true)]
    pub(crate) students: Vec<Sid>,
    /// Why; it is signed with the files, and the students see it
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// Where to store the receipt [default: ASSIGNMENT.receipt in the current folder, numbered if that is there]
    #[arg(long, env = "CLAIM_RECEIPT", value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Where these files are not those of a claim that still waits for its files, hand them in as a new claim
    #[arg(long, env = "CLAIM_ANEW", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) anew: bool,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

/// `claim staff try`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        claim staff try IEMS5710/lab1 --as 1155123456 report.pdf data/\n\n\
        It shows what that student sees, and judges the files as the student's own program does, by what Blackboard\n\
        says holds for that student. Nothing is signed, and nothing of it is on record.")]
pub(crate) struct TryArgs {
    /// COURSE/ASSIGNMENT
    pub(crate) assignment: AssignmentRef,
    /// Files, and folders with everything in them
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// As which student: extensions, group and claims are theirs
    #[arg(long = "as", value_name = "SID")]
    pub(crate) student: Sid,
}
