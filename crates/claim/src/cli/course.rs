//! Courses: the same words on Blackboard's machine (`claim blackboard …`) and, for staff, from afar (`claim staff …`).

use std::path::PathBuf;

use claim_core::claim::ClaimId;
use claim_core::late::PenaltyStep;
use claim_core::{AssignmentRef, CourseId, PersonId, Sid};
use claim_course::time::Zone;
use claim_course::{GroupName, GroupSet, Role};
use clap::{Args, Subcommand, ValueEnum};

/// An errand on Blackboard's machine.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LocalArgs<C: Subcommand> {
    #[command(subcommand)]
    pub(crate) command: C,
    #[command(flatten)]
    pub(crate) database: DatabaseHereArgs,
}

/// `claim blackboard course`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LocalCourseArgs {
    #[command(subcommand)]
    pub(crate) command: LocalCourseCommand,
    #[command(flatten)]
    pub(crate) database: DatabaseHereArgs,
}

/// Where the records are; before or after the rest.
#[derive(Debug, Args)]
pub(crate) struct DatabaseHereArgs {
    /// postgres://… or sqlite://… [default: an SQLite file in the folder]
    // Of another id than that of `claim blackboard` itself, to which clap would carry the value up.
    #[arg(
        id = "records",
        long = "database",
        env = "CLAIM_DATABASE",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub(crate) database: Option<String>,
}

const EXAMPLES: &str = "Examples:\n  \
    claim blackboard course add IEMS5710 --title \"Network security\" --zone Asia/Hong_Kong --owner chan.tm\n  \
    claim blackboard assignment add IEMS5710/lab1 --title \"Lab 1\" --due \"2026-11-24 23:59\" \\\n      \
        --late refuse\n  \
    claim blackboard roster add IEMS5710 1155123456 1155123457\n  \
    claim blackboard group put IEMS5710 \"Group 7\" 1155123456 1155123457\n  \
    claim blackboard extend grant IEMS5710/lab1 --sid 1155123456 --due \"2026-11-26 23:59\" --reason ill\n  \
    claim blackboard staff add IEMS5710 wong.kl --role assistant";

/// What can be done with courses on Blackboard's machine.
#[derive(Debug, Subcommand)]
pub(crate) enum LocalCourseCommand {
    /// Add a course
    Add {
        /// Its short name, e.g. IEMS5710
        course: CourseId,
        #[command(flatten)]
        settings: CourseSettings,
        /// The id of its first owner, who says who else is staff
        #[arg(long, value_name = "ID")]
        owner: Option<PersonId>,
    },
    #[command(flatten)]
    Other(CourseCommand),
}

/// What can be done with a course.
#[derive(Debug, Subcommand)]
pub(crate) enum CourseCommand {
    /// List the courses
    List,
    /// Show a course: assignments, extensions, staff
    Show {
        /// The course, e.g. IEMS5710
        course: CourseId,
    },
    /// Make a course what a TOML file says; what changes is shown first
    Apply {
        /// The file, as `export` writes it
        file: PathBuf,
        #[command(flatten)]
        apply: ApplyArgs,
    },
    /// Write a course as a TOML file
    Export {
        /// The course
        course: CourseId,
    },
    /// Change what a course is called, its zone, or to whom it is open
    Set {
        /// The course
        course: CourseId,
        #[command(flatten)]
        settings: CourseSettings,
    },
}

/// What can be set of a course.
#[derive(Debug, Args)]
pub(crate) struct CourseSettings {
    /// What people call it
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// The time zone in which its times are typed and shown, by its IANA name
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<Zone>,
    /// Who may hand in
    #[arg(long, value_enum, value_name = "WHO")]
    pub(crate) open_to: Option<OpenTo>,
}

/// Who may hand in to a course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OpenTo {
    /// Those on its roster
    Roster,
    /// Everybody with a certificate
    Everybody,
}

/// What can be done with assignments.
#[derive(Debug, Subcommand)]
pub(crate) enum AssignmentCommand {
    /// Add an assignment, or set an existing one anew
    Add {
        /// COURSE/ASSIGNMENT, e.g. IEMS5710/lab1
        assignment: AssignmentRef,
        #[command(flatten)]
        settings: AssignmentSettings,
        /// The time zone of a course that is made by this [default: the course's, or UTC]
        #[arg(long, value_name = "ZONE")]
        zone: Option<Zone>,
    },
    /// Change some things of an assignment; the others stay
    Set {
        /// COURSE/ASSIGNMENT
        assignment: AssignmentRef,
        #[command(flatten)]
        settings: AssignmentSettings,
    },
    /// Write who has handed in as CSV, in the form that a gradebook imports
    Gradebook {
        /// COURSE/ASSIGNMENT
        assignment: AssignmentRef,
        /// Whose gradebook it is for
        #[arg(long, value_enum, default_value_t = GradebookArg::Plain)]
        format: GradebookArg,
    },
    /// List the assignments
    List {
        /// Only those of this course
        course: Option<CourseId>,
    },
}

/// `--format` of a gradebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GradebookArg {
    /// SID, name, e-mail address
    Plain,
    /// Moodle
    Moodle,
    /// Canvas
    Canvas,
    /// Blackboard Learn
    Blackboard,
}

/// What can be set of an assignment.
#[derive(Debug, Default, Args)]
pub(crate) struct AssignmentSettings {
    /// What people call it [default: its name]
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// The last minute that is in time, in the course's zone: "2026-11-24 23:59" is in time through 23:59:59.999; where
    /// clocks are put back, with its offset. "none" for no due time
    #[arg(long, value_name = "TIME")]
    pub(crate) due: Option<String>,
    /// The last minute at which a late claim is taken; "none" for always [default: always]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// The first minute in which students see it; "none" for at once
    #[arg(long, value_name = "TIME")]
    pub(crate) visible_from: Option<String>,
    /// What becomes of late claims [default: accept]
    #[arg(long, value_enum, value_name = "POLICY")]
    pub(crate) late: Option<LateArg>,
    /// Late claims are taken, and the gradebook tells how many percent to take off: from how late on, and how many; may be
    /// repeated (0h:10 24h:20)
    #[arg(long, value_name = "AFTER:PERCENT", conflicts_with = "late", value_parser = penalty)]
    pub(crate) penalty: Vec<PenaltyStep>,
    /// The set whose groups hand in together; "none" where everybody hands in alone
    #[arg(long, value_name = "SET")]
    pub(crate) groups: Option<GroupsArg>,
    /// How long the files may follow after lodging, in hours; what waits for files already keeps at least what it was
    /// promised [default: 24]
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u16).range(1..=720))]
    pub(crate) upload_hours: Option<u16>,
    /// The most files of a claim [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) max_files: Option<u64>,
    /// The most bytes of a claim's files together [default: 1073741824]
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bytes: Option<u64>,
    /// The most claims of one holder [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_attempts: Option<u64>,
}

/// `--late`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LateArg {
    /// None is taken after the due time
    Refuse,
    /// They are taken, and marked as late
    Accept,
}

/// `--groups`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupsArg(pub(crate) Option<GroupSet>);

impl std::str::FromStr for GroupsArg {
    type Err = claim_core::AssignmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            set => Ok(Self(Some(set.parse()?))),
        }
    }
}

fn penalty(text: &str) -> Result<PenaltyStep, String> {
    let read = || {
        let (after, percent) = text.split_once(':')?;
        let (number, minutes) = match after.strip_suffix('h') {
            Some(hours) => (hours, 60),
            None => (after.strip_suffix('m')?, 1),
        };
        let after_minutes = number.parse::<u32>().ok()?.checked_mul(minutes)?;
        Some(PenaltyStep {
            after_minutes,
            percent: percent.strip_suffix('%').unwrap_or(percent).parse().ok()?,
        })
    };
    read().ok_or_else(|| {
        "write from how late on, in hours or minutes, and the percentage: 0h:10, 24h:20, 30m:5"
            .to_owned()
    })
}

/// How far a file goes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
}

/// What can be done with the roster of a course.
#[derive(Debug, Subcommand)]
pub(crate) enum MembersCommand {
    /// Make the roster what a file says: Moodle's, Canvas's or Blackboard Learn's export, or any CSV with a column of SIDs.
    /// What changes is shown first; whoever is missing there is marked as having left
    Import {
        /// The course
        course: CourseId,
        /// The file
        file: PathBuf,
        /// Also make these groups what the file says
        #[arg(long, value_name = "SET")]
        groups: Option<GroupSet>,
        #[command(flatten)]
        apply: ApplyArgs,
    },
    /// List the students
    List {
        /// The course
        course: CourseId,
    },
    /// Put students on the roster
    Add {
        /// The course
        course: CourseId,
        /// The students
        #[arg(required = true)]
        sids: Vec<Sid>,
    },
    /// Mark students as those who left; what they handed in stays
    Drop {
        /// The course
        course: CourseId,
        /// The students
        #[arg(required = true)]
        sids: Vec<Sid>,
    },
}

/// What can be done with groups.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List the groups
    List {
        /// The course
        course: CourseId,
    },
    /// Put students into a group, out of whichever of the set they were in
    Put {
        /// The course
        course: CourseId,
        /// The group
        group: GroupName,
        /// The students
        #[arg(required = true)]
        sids: Vec<Sid>,
        #[command(flatten)]
        set: SetArgs,
    },
    /// Take students out of their group
    Leave {
        /// The course
        course: CourseId,
        /// The students
        #[arg(required = true)]
        sids: Vec<Sid>,
        #[command(flatten)]
        set: SetArgs,
    },
}

/// Which set of groups.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The set of groups; a student is in one group of each
    #[arg(long, value_name = "SET", default_value = "groups")]
    pub(crate) set: GroupSet,
}

/// What can be done with extensions.
#[derive(Debug, Subcommand)]
pub(crate) enum ExtendCommand {
    /// Give one student, one group or everybody more time
    Grant {
        /// COURSE/ASSIGNMENT
        assignment: AssignmentRef,
        #[command(flatten)]
        whom: ExtendWhom,
        /// The last minute that is in time for them, in the course's zone
        #[arg(long, value_name = "TIME")]
        due: String,
        /// The last minute at which a late claim of theirs is taken [default: the assignment's]
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Why; it stays on record
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
    },
    /// Take an extension back; what was lodged in time by it stays in time
    Revoke {
        /// The course
        course: CourseId,
        /// The extension's number, as `list` shows it
        number: u64,
    },
    /// List the extensions
    List {
        /// The course
        course: CourseId,
    },
}

/// For whom an extension is.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ExtendWhom {
    /// One student who hands in alone
    #[arg(long)]
    pub(crate) sid: Option<Sid>,
    /// One group
    #[arg(long)]
    pub(crate) group: Option<GroupName>,
    /// Everybody, as after an outage
    #[arg(long)]
    pub(crate) all: bool,
}

/// What can be done about who is staff.
#[derive(Debug, Subcommand)]
pub(crate) enum StaffListCommand {
    /// Make somebody staff, or give another role
    Add {
        /// The course
        course: CourseId,
        /// The person's id
        // Not `id`: that is who asks, from afar.
        #[arg(id = "person", value_name = "ID")]
        id: PersonId,
        /// As what: assistant (looks only), teacher (runs the course), owner (also says who is staff)
        #[arg(long)]
        role: Role,
    },
    /// Take somebody's role away
    Remove {
        /// The course
        course: CourseId,
        /// The person's id
        // Not `id`: that is who asks, from afar.
        #[arg(id = "person", value_name = "ID")]
        id: PersonId,
    },
    /// List the staff
    List {
        /// The course
        course: CourseId,
    },
}

/// What can be done about what counts.
#[derive(Debug, Subcommand)]
pub(crate) enum CountCommand {
    /// Choose which claim counts for a student or a group, whatever the rule says
    Choose {
        /// COURSE/ASSIGNMENT
        assignment: AssignmentRef,
        /// The claim's id
        claim: ClaimId,
        #[command(flatten)]
        whose: WhoseArgs,
    },
    /// Let the rule say again: the last claim that was lodged in time and received in full
    ByRule {
        /// COURSE/ASSIGNMENT
        assignment: AssignmentRef,
        #[command(flatten)]
        whose: WhoseArgs,
    },
}

/// Whose claim counts, and why.
#[derive(Debug, Args)]
pub(crate) struct WhoseArgs {
    /// The student, or with commas between all members whom the claim names
    #[arg(long, value_name = "SID", value_delimiter = ',', required = true)]
    pub(crate) sid: Vec<Sid>,
    /// Why; student and staff see it
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn penalties_as_they_are_typed() {
        let step = |after_minutes, percent| Ok(PenaltyStep { after_minutes, percent });
        assert_eq!(penalty("0h:10"), step(0, 10));
        assert_eq!(penalty("24h:20%"), step(1440, 20));
        assert_eq!(penalty("30m:5"), step(30, 5));
        for wrong in ["", "10", "1d:10", "h:1", "1h:", "1h:300", "-1h:5", "99999999999h:1"] {
            assert!(penalty(wrong).is_err(), "{wrong:?}");
        }
    }
}
