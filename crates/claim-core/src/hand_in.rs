//! What Blackboard answers to those who hand in (PROTOCOL.md §9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::assignment::{AssignmentId, AssignmentRef, CourseId};
use crate::claim::{ClaimId, FileEntry, Files, Holder};
use crate::encoding::{Base64, base64_bytes, optional_base64_bytes};
use crate::late::LatePolicy;
use crate::{PersonId, Sid, StaffId, Timestamp};

/// The media type of signed claims and withdrawals.
pub const CMS: &str = "application/cms";

/// The media type of pieces of files.
pub const OCTETS: &str = "application/octet-stream";

/// The media type of receipts.
pub const ZIP: &str = "application/zip";

/// The longest that `?wait=` makes the answer with a receipt wait, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 20;

/// The answer to `GET /v1/assignments`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assignments {
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// What this person may hand in to.
    pub assignments: Vec<Assignment>,
    /// What this person's group might hand in to, if there were one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_group: Vec<WithoutGroup>,
}

/// An assignment that is handed in by groups, for somebody who is in none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithoutGroup {
    /// The course.
    pub course: CourseId,
    /// The assignment in it.
    pub assignment: AssignmentId,
    /// What people call it.
    pub title: String,
    /// The last moment that is in time.
    pub due: Option<Timestamp>,
    /// The course's time zone, by its IANA name.
    pub zone: String,
    /// Who can be asked for a group: ids of staff.
    pub ask: Vec<String>,
}

/// An assignment as one holder has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assignment {
    /// The course.
    pub course: CourseId,
    /// The assignment in it.
    pub assignment: AssignmentId,
    /// What people call it.
    pub title: String,
    /// The holder's due time, the last moment that is in time.
    pub due: Option<Timestamp>,
    /// The due time of those without an extension, where this holder has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_from: Option<Timestamp>,
    /// What becomes of late claims.
    #[serde(default)]
    pub late: LatePolicy,
    /// The last moment at which a claim is taken at all.
    pub until: Option<Timestamp>,
    /// The course's time zone, by its IANA name.
    pub zone: String,
    /// How long the files may follow after lodging, in seconds.
    pub upload_seconds: i64,
    /// What a claim may be at most.
    pub limits: Limits,
    /// The holder: this person, or the group that this person belongs to.
    pub sids: Holder,
    /// What the group is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What `replaces` of the next claim must be.
    pub last_claim: Option<ClaimId>,
    /// All claims that name this person, newest first.
    pub claims: Vec<ClaimSummary>,
}

impl Assignment {
    /// Course and assignment together.
    pub fn reference(&self) -> AssignmentRef {
        AssignmentRef { course: self.course.clone(), assignment: self.assignment.clone() }
    }
}

/// What a claim for an assignment may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// How many files.
    pub files: u64,
    /// How many bytes in all files together.
    pub bytes: u64,
    /// How many claims of one holder.
    pub attempts: u64,
}

/// One of the holder's claims in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimSummary {
    /// Its id.
    pub claim: ClaimId,
    /// The token's time.
    pub lodged_at: Timestamp,
    /// By how many milliseconds it is late as it is judged now; 0 when in time.
    pub late_ms: i64,
    /// The due time that both signed.
    #[serde(default)]
    pub due: Option<Timestamp>,
    /// By how many milliseconds it is late by that due time, as the receipt says; only where it is judged otherwise now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_late_ms: Option<i64>,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<PersonId>,
    /// What has become of it.
    pub state: ClaimState,
    /// Whether it is the one that counts.
    pub counts: bool,
    /// Why staff chose this one to count, where they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// The member of staff who handed it in on the holder's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<StaffId>,
}

/// What has become of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClaimState {
    /// Files are missing.
    Waiting,
    /// All files are durable.
    Received,
    /// Another claim was lodged before all files were there.
    Superseded,
    /// The upload window passed before all files were there.
    Lapsed,
    /// Withdrawn by the holder.
    Withdrawn,
}

/// A claim as Blackboard has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimStatus {
    /// Its id.
    pub claim: ClaimId,
    /// What has become of it.
    pub state: ClaimState,
    /// The token's time.
    pub lodged_at: Timestamp,
    /// The due time that both signed.
    pub due: Option<Timestamp>,
    /// By how many milliseconds it was late by that due time; 0 when in time.
    pub late_ms: i64,
    /// By how many milliseconds it is late as it is judged now; only where that is not the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_late_ms: Option<i64>,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<PersonId>,
    /// The token: a TimeStampResp in DER.
    #[serde(with = "base64_bytes")]
    #[schemars(with = "Base64")]
    pub timestamp: Vec<u8>,
    /// Until when files may follow.
    pub upload_until: Timestamp,
    /// When the last file was durable.
    pub received_at: Option<Timestamp>,
    /// The pieces that are not durable yet.
    pub missing: Vec<MissingPieces>,
    /// Whether it is the one that counts.
    pub counts: bool,
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// The signed claim as it is stored; only in the answer to one that was there already.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_base64_bytes")]
    #[schemars(with = "Option<Base64>")]
    pub cms: Option<Vec<u8>>,
    /// CUHK's timestamp, where the claim was signed in an outage: late or not is judged by its time. A TimeStampResp
    /// in DER.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_base64_bytes")]
    #[schemars(with = "Option<Base64>")]
    pub outage: Option<Vec<u8>>,
}

/// A run of pieces of one file: its number, the first and the last index, all counted from zero.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct MissingPieces(pub u64, pub u64, pub u64);

/// Names one piece of a claim: the file's number and the piece's index, both counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PieceRef {
    /// Which file.
    pub file: u64,
    /// Which piece of it.
    pub index: u64,
}

impl PieceRef {
    /// Reads the two last segments of a piece's address: decimal without leading zeros.
    pub fn from_segments(file: &str, index: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok().filter(|n: &u64| n.to_string() == text);
        Some(Self { file: number(file)?, index: number(index)? })
    }

    /// The file in the claim that this piece belongs to, if there is such a piece.
    pub fn file_in(self, files: &Files) -> Option<&FileEntry> {
        let entry = files.entries().get(usize::try_from(self.file).ok()?)?;
        (self.index < entry.piece_count()).then_some(entry)
    }
}

impl MissingPieces {
    /// Joins pieces, which come in ascending order, to runs.
    pub fn runs(pieces: impl IntoIterator<Item = PieceRef>) -> Vec<Self> {
        let mut runs: Vec<Self> = Vec::new();
        for PieceRef { file, index } in pieces {
            match runs.last_mut() {
                Some(run) if run.0 == file && run.2.checked_add(1) == Some(index) => run.2 = index,
                _ => runs.push(Self(file, index, index)),
            }
        }
        runs
    }

    /// The pieces of the run that the claim has, in ascending order.
    pub fn pieces(self, files: &Files) -> impl Iterator<Item = PieceRef> {
        let Self(file, first, last) = self;
        let entry = usize::try_from(file).ok().and_then(|file| files.entries().get(file));
        let end = entry.map_or(0, FileEntry::piece_count).min(last.saturating_add(1));
        (first..end).map(move |index| PieceRef { file, index })
    }
}

/// By how many milliseconds a claim lodged then is late: 0 when in time or without a due time.
pub fn late_ms(lodged_at: Timestamp, due: Option<Timestamp>) -> i64 {
    due.map_or(0, |due| lodged_at.millis_since(due).max(0))
}

/// The content of a withdrawal.
pub fn withdrawal_content(claim: ClaimId) -> Vec<u8> {
    format!("claim v1 withdrawal\n{claim}\n").into_bytes()
}

/// The members that a refusal carries when a claim does not fit Blackboard's records any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RecordMembers {
    /// With `holder-changed`: the members.
    pub sids: Option<Vec<Sid>>,
    /// With `due-changed`: the due time, or null.
    #[serde(default, deserialize_with = "some")]
    pub due: Option<Option<Timestamp>>,
    /// With `replaces-changed`: the last claim's id, or null.
    #[serde(default, deserialize_with = "some")]
    pub last_claim: Option<Option<ClaimId>>,
}

/// A member that may be null is told from one that is not there.
fn some<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::claim::{FileHasher, PIECE};

    fn files() -> Files {
        let entry = |name: &str, size: usize| {
            let mut hasher = FileHasher::new();
            hasher.update(&vec![0; size]);
            hasher.finish(name.to_owned().try_into().unwrap()).unwrap()
        };
        Files::new(vec![
            entry("large", PIECE as usize * 2 + 1),
            entry("empty", 0),
            entry("small", 1),
        ])
        .unwrap()
    }

    #[test]
    fn addresses_of_pieces() {
        let files = files();
        let piece = |file, index| PieceRef { file, index };
        assert_eq!(PieceRef::from_segments("0", "12"), Some(piece(0, 12)));
        for (file, index) in [("00", "1"), ("+1", "0"), ("", "0"), ("1", "-0"), ("x", "0")] {
            assert_eq!(PieceRef::from_segments(file, index), None, "{file}/{index}");
        }
        assert_eq!(PieceRef::from_segments("0", "18446744073709551616"), None);
        for (at, there) in [
            ((0, 2), true),
            ((0, 3), false),
            ((1, 0), false),
            ((2, 0), true),
            ((3, 0), false),
            ((u64::MAX, u64::MAX), false),
        ] {
            assert_eq!(piece(at.0, at.1).file_in(&files).is_some(), there, "{at:?}");
        }
    }

    #[test]
    fn runs_of_pieces() {
        let pieces = [(0, 0), (0, 1), (0, 3), (1, 4), (1, 5)];
        let runs = MissingPieces::runs(pieces.map(|(file, index)| PieceRef { file, index }));
        assert_eq!(runs, [MissingPieces(0, 0, 1), MissingPieces(0, 3, 3), MissingPieces(1, 4, 5)]);
        let files = files();
        let count = |run: MissingPieces| run.pieces(&files).count();
        assert_eq!(count(MissingPieces(0, 1, 2)), 2);
        // What a server says must not make the program count for ever.
        assert_eq!(count(MissingPieces(0, 0, u64::MAX)), 3);
        assert_eq!(count(MissingPieces(9, 0, u64::MAX)), 0);
        assert_eq!(count(MissingPieces(0, 2, 1)), 0);
    }

    #[test]
    fn late_or_not() {
        let at = Timestamp::from_millis;
        assert_eq!(late_ms(at(1_000), Some(at(1_000))), 0);
        assert_eq!(late_ms(at(1_001), Some(at(1_000))), 1);
        assert_eq!(late_ms(at(5), Some(at(1_000))), 0);
        assert_eq!(late_ms(at(5), None), 0);
    }

    #[test]
    fn null_is_told_from_absent() {
        let read = |json: &str| serde_json::from_str::<RecordMembers>(json).unwrap();
        assert_eq!(read("{}"), RecordMembers::default());
        assert_eq!(read(r#"{"due":null}"#).due, Some(None));
        assert_eq!(read(r#"{"last_claim":null}"#).last_claim, Some(None));
    }
}
