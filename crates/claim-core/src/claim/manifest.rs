//! The manifest: what a claim says, as JSON, and the id that its bytes give it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::files::Files;
use crate::assignment::{AssignmentId, AssignmentRef, CourseId};
use crate::encoding::{Bytes, EncodingError};
use crate::json::{self, JsonError};
use crate::{Digest, Origin, PersonId, Sid, StaffId, Timestamp};

/// The longest manifest, in bytes.
pub const MAX_MANIFEST: usize = 4 * 1024 * 1024;

/// The most members of one holder.
pub const MAX_MEMBERS: usize = 64;

/// Names a claim: SHA-256 of its manifest's bytes, in lower-case hexadecimal.
///
/// Not of the signed claim, since one manifest can be signed in many ways.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ClaimId(Digest);

impl ClaimId {
    /// The id of the claim with this manifest.
    pub fn of_manifest(bytes: &[u8]) -> Self {
        Self(Digest::of(bytes))
    }

    /// Takes a digest that is an id already.
    pub fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl FromStr for ClaimId {
    type Err = EncodingError;

    fn from_str(text: &str) -> Result<Self, EncodingError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClaimId({self})")
    }
}

/// Who hands in together: one student, or the members of a group; ascending, without repetition.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "Vec<Sid>", into = "Vec<Sid>")]
#[schemars(extend("minItems" = 1, "maxItems" = MAX_MEMBERS))]
pub struct Holder(Vec<Sid>);

/// Why a list of students is no holder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// Nobody, or more than [`MAX_MEMBERS`].
    #[error("\"sids\" names {found} students where 1 to {MAX_MEMBERS} are expected")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// Not in ascending order, or somebody twice.
    #[error("\"sids\" is not in ascending order without repetition")]
    Order,
}

impl Holder {
    /// A single student.
    pub fn one(sid: Sid) -> Self {
        Self(vec![sid])
    }

    /// From the members, in ascending order.
    ///
    /// # Errors
    /// [`HolderError`].
    pub fn new(sids: Vec<Sid>) -> Result<Self, HolderError> {
        if !(1..=MAX_MEMBERS).contains(&sids.len()) {
            return Err(HolderError::Count { found: sids.len() });
        }
        if !sids.is_sorted_by(|earlier, later| earlier < later) {
            return Err(HolderError::Order);
        }
        Ok(Self(sids))
    }

    /// The members, ascending.
    pub fn sids(&self) -> &[Sid] {
        &self.0
    }

    /// Whether this person is a member.
    pub fn includes(&self, person: &PersonId) -> bool {
        matches!(person, PersonId::Student(sid) if self.0.contains(sid))
    }
}

impl TryFrom<Vec<Sid>> for Holder {
    type Error = HolderError;

    fn try_from(sids: Vec<Sid>) -> Result<Self, HolderError> {
        Self::new(sids)
    }
}

impl From<Holder> for Vec<Sid> {
    fn from(holder: Holder) -> Self {
        holder.0
    }
}

/// SIDs with commas between.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, sid)| match index {
            0 => write!(f, "{sid}"),
            _ => write!(f, ", {sid}"),
        })
    }
}

/// What a student hands in: for whom, to what, which files.
///
/// As JSON its members stand in this order; when it is read, any order will do, but none may be missing, unknown or twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    claim: Version,
    /// The origin of the Blackboard that it is for; another one's cannot take it.
    pub blackboard: Origin,
    /// The course.
    pub course: CourseId,
    /// The assignment of that course.
    pub assignment: AssignmentId,
    /// The holder's due time as Blackboard told it; `None` when there is none. The last moment that is in time.
    #[serde(deserialize_with = "nullable")]
    pub due: Option<Timestamp>,
    /// Who hands in.
    pub sids: Holder,
    /// The member of staff who hands in on their behalf; `None` when they do it themselves.
    #[serde(deserialize_with = "nullable")]
    pub by: Option<StaffId>,
    /// The last claim that was lodged for this holder and assignment; `None` when there was none.
    #[serde(deserialize_with = "nullable")]
    pub replaces: Option<ClaimId>,
    /// Signed while Blackboard could not be reached.
    pub outage: bool,
    /// Sixteen random bytes, so that ids tell nothing about files.
    pub nonce: Bytes<16>,
    /// A remark for those who mark it.
    #[serde(deserialize_with = "nullable")]
    pub note: Option<String>,
    /// The files.
    pub files: Files,
}

/// What the holder fills in; [`Manifest::new`] adds the version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each member is that of Manifest")]
pub struct ManifestMembers {
    pub blackboard: Origin,
    pub assignment: AssignmentRef,
    pub due: Option<Timestamp>,
    pub sids: Holder,
    pub by: Option<StaffId>,
    pub replaces: Option<ClaimId>,
    pub outage: bool,
    pub nonce: Bytes<16>,
    pub note: Option<String>,
    pub files: Files,
}

/// A member that may be null but not be left out.
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(d)
}

/// The member `claim`, which tells the version of all the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "v1")]
    V1,
}

/// Why bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST`] bytes.
    #[error("a manifest has at most {MAX_MANIFEST} bytes; this has {found}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Not JSON, or not with exactly the members that a manifest has, or one of them is not as it must be.
    #[error("the manifest: {0}")]
    Json(#[from] JsonError),
}

impl Manifest {
    /// A manifest of the one version there is.
    pub fn new(members: ManifestMembers) -> Self {
        let ManifestMembers { blackboard, assignment, due, sids, by, .. } = members;
        let ManifestMembers { replaces, outage, nonce, note, files, .. } = members;
        let AssignmentRef { course, assignment } = assignment;
        Self {
            claim: Version::V1,
            blackboard,
            course,
            assignment,
            due,
            sids,
            by,
            replaces,
            outage,
            nonce,
            note,
            files,
        }
    }

    /// Reads a manifest: UTF-8 without BOM, all members present, none unknown or twice.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST {
            return Err(ManifestError::TooLong { found: bytes.len() });
        }
        Ok(json::from_slice(bytes)?)
    }

    /// The bytes that are signed, and whose digest is the claim's id.
    ///
    /// # Errors
    /// [`ManifestError::TooLong`] when there are too many files, or their names are too long together.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let bytes = serde_json::to_vec(self).map_err(JsonError::from)?;
        match bytes.len() {
            0..=MAX_MANIFEST => Ok(bytes),
            found => Err(ManifestError::TooLong { found }),
        }
    }

    /// Course and assignment together.
    pub fn assignment_ref(&self) -> AssignmentRef {
        AssignmentRef { course: self.course.clone(), assignment: self.assignment.clone() }
    }

    /// Whether this person may sign it: one of the holder's members, or whoever it is `by`.
    pub fn may_sign(&self, person: &PersonId) -> bool {
        match (&self.by, person) {
            (Some(by), PersonId::Staff(staff)) => by == staff,
            (Some(_), PersonId::Student(_)) => false,
            (None, person) => self.sids.includes(person),
        }
    }
}

#[cfg(test)]
mod tests;
