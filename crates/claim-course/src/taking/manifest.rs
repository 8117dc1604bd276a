//! The list of what was taken: for the next time, for whoever checks it, and for people.

use claim_core::claim::{ClaimId, FileName, Holder};
use claim_core::{AssignmentRef, Digest, Origin, Sid, Timestamp};
use serde::{Deserialize, Serialize};

use super::Layout;
use crate::model::GroupName;

/// What lies in a folder, and what should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The form of this list.
    pub taken: Version,
    /// From where.
    pub blackboard: Origin,
    /// For what.
    #[serde(with = "crate::text")]
    pub assignment: AssignmentRef,
    /// How it is laid out.
    pub layout: Layout,
    /// Whether claims are there too that do not count.
    pub all: bool,
    /// When, by Blackboard's clock.
    pub taken_at: Timestamp,
    /// By whom.
    pub taken_by: String,
    /// Whether all that should be there is.
    pub complete: bool,
    /// How many claims should be there.
    pub expected: usize,
    /// The claims that are there.
    pub claims: Vec<TakenClaim>,
    /// Everybody on the roster, and everybody whom a claim names.
    pub students: Vec<Student>,
    /// What is not there though it should be.
    pub failed: Vec<Failed>,
}

/// The form of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// The only one.
    #[serde(rename = "v1")]
    V1,
}

/// A claim that was taken. Paths are within the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenClaim {
    /// Its id.
    pub claim: ClaimId,
    /// Whether it counted then; where nothing counted, whether it was the last to be received late.
    pub counts: bool,
    /// Whom it names.
    pub sids: Holder,
    /// Who lodged it.
    pub by: String,
    /// The token's time.
    pub lodged_at: Timestamp,
    /// By how many milliseconds it is late, as it was judged then.
    pub late_ms: i64,
    /// How much is taken off for that, in percent.
    pub penalty: u8,
    /// Its folder, or how each of its files begins.
    pub place: FileName,
    /// Its receipt.
    pub receipt: FileName,
    /// The receipt's SHA-256.
    pub receipt_sha256: Digest,
    /// Whether the receipt shows that all files were received; else it is fetched again the next time.
    pub receipt_complete: bool,
    /// Its files.
    pub files: Vec<TakenFile>,
}

/// A file that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenFile {
    /// Its name in the claim.
    pub name: FileName,
    /// Where it is.
    pub path: FileName,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, as the claim lists it.
    pub sha256: Digest,
}

/// A student, and what was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Student {
    /// Who.
    pub sid: Sid,
    /// The name in the roster, or empty.
    pub name: String,
    /// Whether the student is on the roster.
    pub on_roster: bool,
    /// The group, where the assignment has groups.
    pub group: Option<GroupName>,
    /// The due time that holds.
    pub due: Option<Timestamp>,
    /// How it stands.
    pub state: State,
    /// The claim that is taken for it.
    pub claim: Option<ClaimId>,
}

/// How a student's hand-in stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Handed in, in time.
    InTime,
    /// Handed in late.
    Late,
    /// Lodged; files are missing.
    FilesMissing,
    /// Nothing that could be taken.
    Nothing,
}

/// A claim that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its id.
    pub claim: ClaimId,
    /// Whom it names.
    pub sids: Holder,
    /// Why.
    pub why: String,
}

impl State {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::InTime => "in time",
            Self::Late => "late",
            Self::FilesMissing => "files missing",
            Self::Nothing => "nothing",
        }
    }
}
