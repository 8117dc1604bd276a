//! What CUHK does, by name.

use std::fmt;
use std::str::FromStr;

use crate::audit::DeedName;

/// Something that leaves an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Deed {
    /// The log begins; its details count what was on record before.
    LogBegun,
    /// CUHK has started; the details name its settings, and which of them are others than at the last start.
    Started,
    /// A root was made, or is in use for the first time since there is a log.
    RootMade,
    /// An issuing certificate was made, or is in use for the first time since there is a log.
    IssuingMade,
    /// The key that signs the log's checkpoints was made.
    AuditKeyMade,
    /// A certificate was signed, and went on record to be given out.
    Issued,
    /// Something was refused, once or a number of times within a minute.
    Refused,
    /// A certificate was revoked.
    Revoked,
    /// A revocation list was made, or taken over from a root elsewhere.
    ListMade,
    /// Somebody was invited.
    Invited,
    /// A mail server has taken an invitation.
    InvitationMailed,
    /// An invitation was ended before its time.
    InvitationEnded,
    /// A person who was signed in by the university confirmed a key, which may be certified now.
    SignInConfirmed,
    /// A person who was signed in by the university denied a key.
    SignInDenied,
    /// A person was put on the roster, or something of a person there was changed.
    PersonRecorded,
    /// A person was taken off the roster.
    PersonRemoved,
    /// A person was put back on the roster.
    PersonRestored,
    /// The records were copied into a backup.
    BackedUp,
    /// The records were restored from a backup.
    Restored,
    /// Old entries and certificates went into an archive.
    Pruned,
    /// Persons were erased from the records, or codes and mails that were over; the details count, and name nobody.
    Erased,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::LogBegun,
        Self::Started,
        Self::RootMade,
        Self::IssuingMade,
        Self::AuditKeyMade,
        Self::Issued,
        Self::Refused,
        Self::Revoked,
        Self::ListMade,
        Self::Invited,
        Self::InvitationMailed,
        Self::InvitationEnded,
        Self::SignInConfirmed,
        Self::SignInDenied,
        Self::PersonRecorded,
        Self::PersonRemoved,
        Self::PersonRestored,
        Self::BackedUp,
        Self::Restored,
        Self::Pruned,
        Self::Erased,
    ];

    /// Its name in entries.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogBegun => "log-begun",
            Self::Started => "started",
            Self::RootMade => "root-made",
            Self::IssuingMade => "issuing-made",
            Self::AuditKeyMade => "audit-key-made",
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
            Self::ListMade => "list-made",
            Self::Invited => "invited",
            Self::InvitationMailed => "invitation-mailed",
            Self::InvitationEnded => "invitation-ended",
            Self::SignInConfirmed => "sign-in-confirmed",
            Self::SignInDenied => "sign-in-denied",
            Self::PersonRecorded => "person-recorded",
            Self::PersonRemoved => "person-removed",
            Self::PersonRestored => "person-restored",
            Self::BackedUp => "backed-up",
            Self::Restored => "restored",
            Self::Pruned => "pruned",
            Self::Erased => "erased",
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
