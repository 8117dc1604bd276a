//! What Blackboard and its people do, by name.

use std::fmt;
use std::str::FromStr;

use crate::audit::DeedName;

/// Something that leaves an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Deed {
    /// The log begins; its details count what was on record before.
    LogBegun,
    /// Blackboard has started; the details name its settings, and which of them are others than at the last start.
    Started,
    /// The key that signs the log's checkpoints was made.
    AuditKeyMade,
    /// A course was set up, or something of it was changed.
    CourseRecorded,
    /// An assignment was set up, or something of it was changed, its due time perhaps.
    AssignmentRecorded,
    /// A roster was imported; those whom it added, dropped or brought back have entries of their own.
    RosterImported,
    /// A student was put on a roster, or something of a student there was changed.
    MemberAdded,
    /// A student was marked as dropped.
    MemberDropped,
    /// A student who was dropped is back.
    MemberRestored,
    /// A group was made, or has other members.
    GroupRecorded,
    /// A group has no members any more.
    GroupRemoved,
    /// More time was granted.
    ExtensionGranted,
    /// More time was taken back.
    ExtensionRevoked,
    /// Somebody became staff of a course, or has another role.
    StaffRecorded,
    /// Somebody is no longer staff of a course.
    StaffRemoved,
    /// Staff chose which claim counts.
    CountingChosen,
    /// Staff took that back: the rule says again which claim counts.
    CountingUnchosen,
    /// The people who run Blackboard said that it could not be reached.
    OutageAllowed,
    /// Staff handed in for a student.
    HandedInOnBehalf,
    /// Claims were erased.
    Erased,
    /// Blackboard was copied into a backup.
    BackedUp,
    /// Blackboard was restored from a backup.
    Restored,
    /// Old entries went into an archive.
    Pruned,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::LogBegun,
        Self::Started,
        Self::AuditKeyMade,
        Self::CourseRecorded,
        Self::AssignmentRecorded,
        Self::RosterImported,
        Self::MemberAdded,
        Self::MemberDropped,
        Self::MemberRestored,
        Self::GroupRecorded,
        Self::GroupRemoved,
        Self::ExtensionGranted,
        Self::ExtensionRevoked,
        Self::StaffRecorded,
        Self::StaffRemoved,
        Self::CountingChosen,
        Self::CountingUnchosen,
        Self::OutageAllowed,
        Self::HandedInOnBehalf,
        Self::Erased,
        Self::BackedUp,
        Self::Restored,
        Self::Pruned,
    ];

    /// Its name in entries.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogBegun => "log-begun",
            Self::Started => "started",
            Self::AuditKeyMade => "audit-key-made",
            Self::CourseRecorded => "course-recorded",
            Self::AssignmentRecorded => "assignment-recorded",
            Self::RosterImported => "roster-imported",
            Self::MemberAdded => "member-added",
            Self::MemberDropped => "member-dropped",
            Self::MemberRestored => "member-restored",
            Self::GroupRecorded => "group-recorded",
            Self::GroupRemoved => "group-removed",
            Self::ExtensionGranted => "extension-granted",
            Self::ExtensionRevoked => "extension-revoked",
            Self::StaffRecorded => "staff-recorded",
            Self::StaffRemoved => "staff-removed",
            Self::CountingChosen => "counting-chosen",
            Self::CountingUnchosen => "counting-unchosen",
            Self::OutageAllowed => "outage-allowed",
            Self::HandedInOnBehalf => "handed-in-on-behalf",
            Self::Erased => "erased",
            Self::BackedUp => "backed-up",
            Self::Restored => "restored",
            Self::Pruned => "pruned",
        }
    }
}

impl From<Deed> for DeedName {
    fn from(deed: Deed) -> Self {
        Self(deed.name())
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no deed of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no deed {0:?}; there are: {all}", all = Deed::ALL.map(Deed::name).join(", "))]
pub struct UnknownDeed(String);

impl FromStr for Deed {
    type Err = UnknownDeed;

    fn from_str(text: &str) -> Result<Self, UnknownDeed> {
        let known = Self::ALL.into_iter().find(|deed| deed.name() == text);
        known.ok_or_else(|| UnknownDeed(text.to_owned()))
    }
}
