//! The points at which something becomes durable, by name, and what a test may do at them.
//!
//! Every transaction that writes and every object that is kept names its point; there is no other way to begin one.
//! The servers of the program are made with [`Faults::none`], which asks nobody. Whoever tests that nothing acknowledged is
//! lost gives an [`Injector`] when the store is made. No setting, argument or variable of the program leads to one.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use rustix::io::Errno;

/// Something that becomes durable at once or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// CUHK: the roster as it was imported; people taken off it or put back.
    Roster,
    /// CUHK: codes given out, with whom they are for, and codes ended.
    Invitation,
    /// CUHK: a code that is about to leave by mail. Not among [`Point::ALL`], as no round has a mail server: a test of the
    /// program kills it there.
    Mailing,
    /// CUHK: what became of that mail. Not among [`Point::ALL`] either.
    Mailed,
    /// CUHK: a key that waits for its person's sign-in, and how far that is. Not among [`Point::ALL`], as no round has an
    /// identity provider: a test of CUHK starts it anew after each.
    SignIn,
    /// CUHK: a key that its person has confirmed, with the right to one certificate. Not among [`Point::ALL`] either.
    SignInConfirmed,
    /// CUHK: what became of the mail that tells somebody of a new certificate. Not among [`Point::ALL`] either.
    Announced,
    /// CUHK: a serial number reserved by a code, which it spends.
    CodeSpent,
    /// CUHK: a serial number reserved without a code, as for a renewal.
    Reservation,
    /// CUHK: a signed certificate, before it is given out.
    Certificate,
    /// CUHK: a revocation.
    Revocation,
    /// CUHK: the next revocation list.
    RevocationList,
    /// Both: entries of the audit log that are about nothing in the database: a start, a refusal, a backup.
    Audit,
    /// Both: a signed checkpoint of the audit log. Not among [`Point::ALL`]: whoever loses it signs it again.
    AuditCheckpoint,
    /// Both: entries of the audit log, and certificates of CUHK, that stand in an archive, taken out. Not among [`Point::ALL`]: a test of the program
    /// kills it before, and does it again.
    Pruning,
    /// CUHK: people erased, with all that names them, or codes and mails that are over. Not among [`Point::ALL`]: each is one
    /// transaction, which a test of the store breaks, and what was not done is found again.
    Forgotten,
    /// CUHK, the witness: the checkpoint that is about to be cosigned.
    Witness,
    /// CUHK, the witness: the proof that a log has signed two trees of one size.
    SplitView,
    /// CUHK, the witness: checkpoints of former days, of which one a day stays.
    WitnessThinned,
    /// A witness that is not CUHK: its key, before anything is signed with it.
    WitnessKey,
    /// Blackboard: messages.
    Message,
    /// Blackboard: claims lodged, with their tokens and log entries.
    Lodge,
    /// Blackboard: a piece of a file, as an object.
    Chunk,
    /// Blackboard: pieces marked as durable.
    Piece,
    /// Blackboard: the last piece of a claim marked, and with it the claim received.
    Completion,
    /// Blackboard: a withdrawal.
    Withdrawal,
    /// Blackboard: the mark of the minute; upload windows that move, claims that lapse.
    Minute,
    /// Blackboard: the empty log.
    LogBegin,
    /// Blackboard: the log's next head, and the leaves of the entries under it.
    Batch,
    /// Blackboard: entries of the log that its records had lost, and the head that they lead to, by a command. Not
    /// among [`Point::ALL`]: no round has that command yet.
    LogRebuilt,
    /// Blackboard: a file of the log, as an object.
    Tile,
    /// Blackboard: the checkpoint of a tree whose files are all written.
    Checkpoint,
    /// Blackboard: a checkpoint with the witness's signature.
    Cosignature,
    /// Blackboard: a witness with its certificate, before its first cosignature.
    WitnessMet,
    /// Blackboard: a course as it was set up or changed: assignments, roster, groups, extensions, staff, choices.
    Course,
    /// Blackboard: an outage, as staff says by a command.
    OutageAllowed,
    /// Blackboard: claims that are no longer shown, since they are being erased, by a command. Not among [`Point::ALL`]: no
    /// round is as long as a retention; a test of the store breaks it at each step.
    ErasureBegun,
    /// Blackboard: an object that is no longer there. Not among [`Point::ALL`] either.
    ObjectErased,
    /// Blackboard: the records of a claim, or old messages, that are no longer there. Not among [`Point::ALL`] either.
    Erased,
    /// Blackboard: the keys that seal sessions.
    Ring,
    /// Both: the write that changes nothing, by which the storage is tried.
    Probe,
}

impl Point {
    /// All that the rounds of the crash table must hit.
    pub const ALL: [Self; 29] = [
        Self::Roster,
        Self::Invitation,
        Self::CodeSpent,
        Self::Reservation,
        Self::Certificate,
        Self::Revocation,
        Self::RevocationList,
        Self::Audit,
        Self::Witness,
        Self::SplitView,
        Self::WitnessThinned,
        Self::WitnessKey,
        Self::Message,
        Self::Lodge,
        Self::Chunk,
        Self::Piece,
        Self::Completion,
        Self::Withdrawal,
        Self::Minute,
        Self::LogBegin,
        Self::Batch,
        Self::Tile,
        Self::Checkpoint,
        Self::Cosignature,
        Self::WitnessMet,
        Self::Course,
        Self::OutageAllowed,
        Self::Ring,
        Self::Probe,
    ];

    /// Its name in tables and orders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Roster => "roster",
            Self::Invitation => "invitation",
            Self::Mailing => "mailing",
            Self::Mailed => "mailed",
            Self::SignIn => "sign-in",
            Self::SignInConfirmed => "sign-in-confirmed",
            Self::Announced => "announced",
            Self::CodeSpent => "code-spent",
            Self::Reservation => "reservation",
            Self::Certificate => "certificate",
            Self::Revocation => "revocation",
            Self::RevocationList => "revocation-list",
            Self::Audit => "audit",
            Self::AuditCheckpoint => "audit-checkpoint",
            Self::Pruning => "pruning",
            Self::Forgotten => "forgotten",
            Self::Witness => "witness",
            Self::SplitView => "split-view",
            Self::WitnessThinned => "witness-thinned",
            Self::WitnessKey => "witness-key",
            Self::Message => "message",
            Self::Lodge => "lodge",
            Self::Chunk => "chunk",
            Self::Piece => "piece",
            Self::Completion => "completion",
            Self::Withdrawal => "withdrawal",
            Self::Minute => "minute",
            Self::LogBegin => "log-begin",
            Self::Batch => "batch",
            Self::LogRebuilt => "log-rebuilt",
            Self::Tile => "tile",
            Self::Checkpoint => "checkpoint",
            Self::Cosignature => "cosignature",
            Self::WitnessMet => "witness-met",
            Self::Course => "course",
            Self::OutageAllowed => "outage-allowed",
            Self::ErasureBegun => "erasure-begun",
            Self::ObjectErased => "object-erased",
            Self::Erased => "erased",
            Self::Ring => "ring",
            Self::Probe => "probe",
        }
    }
}

/// There is no point of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no durable point {0:?}")]
pub struct UnknownPoint(String);

impl FromStr for Point {
    type Err = UnknownPoint;

    fn from_str(text: &str) -> Result<Self, UnknownPoint> {
        let known = Self::ALL.into_iter().find(|point| point.name() == text);
        known.ok_or_else(|| UnknownPoint(text.to_owned()))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// When a point is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// All is prepared and nothing is durable.
    Before,
    /// It is durable, and nobody has been told.
    After,
}

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What should.
    Proceed,
    /// An I/O error: before, nothing becomes durable; after, it is durable and the caller is told that it failed.
    Fail,
    /// The same, and the error is that there is no room.
    NoRoom,
    /// Before: nothing becomes durable, and the caller is told that it is. After: as [`Verdict::Proceed`].
    ///
    /// A server that answers too early looks like this; a harness must see it.
    Pretend,
}

/// Who decides what happens at a point.
pub trait Injector: Send + Sync + 'static {
    /// A point is reached. Whoever never answers holds up this one write, with the locks that it has.
    fn reached(
        &self,
        point: Point,
        moment: Moment,
    ) -> Pin<Box<dyn Future<Output = Verdict> + Send>>;
}

/// What may go wrong at the points of a store: nothing, unless a test has given an [`Injector`].
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<dyn Injector>>);

/// A fault was injected.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a test has made {point} fail")]
pub(crate) struct Injected {
    point: Point,
    errno: Errno,
}

impl Faults {
    /// Nothing goes wrong that does not go wrong by itself.
    pub fn none() -> Self {
        Self(None)
    }

    /// What this injector decides.
    pub fn by(injector: Arc<dyn Injector>) -> Self {
        Self(Some(injector))
    }

    /// Before something becomes durable: whether it shall.
    pub(crate) async fn before(&self, point: Point) -> Result<bool, Injected> {
        let Some(injector) = &self.0 else { return Ok(true) };
        match injector.reached(point, Moment::Before).await {
            Verdict::Proceed => Ok(true),
            Verdict::Pretend => Ok(false),
            Verdict::Fail => Err(Injected { point, errno: Errno::IO }),
            Verdict::NoRoom => Err(Injected { point, errno: Errno::NOSPC }),
        }
    }

    /// After it has become durable.
    pub(crate) async fn after(&self, point: Point) -> Result<(), Injected> {
        let Some(injector) = &self.0 else { return Ok(()) };
        match injector.reached(point, Moment::After).await {
            Verdict::Proceed | Verdict::Pretend => Ok(()),
            Verdict::Fail => Err(Injected { point, errno: Errno::IO }),
            Verdict::NoRoom => Err(Injected { point, errno: Errno::NOSPC }),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(injected)" } else { "Faults(none)" })
    }
}

impl From<Injected> for io::Error {
    /// As the system says it.
    fn from(injected: Injected) -> Self {
        injected.errno.into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn each_point_has_a_name_of_its_own() {
        for point in Point::ALL {
            assert_eq!(point.name().parse::<Point>().unwrap(), point);
        }
        assert!("no-such".parse::<Point>().is_err());
    }
}
