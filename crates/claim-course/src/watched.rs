//! What happens in a course, as staff watches it (PROTOCOL.md §12).

use claim_core::claim::{ClaimId, Holder};
use claim_core::hand_in::ClaimState;
use claim_core::{AssignmentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most events in one answer.
pub const MAX_EVENTS: u32 = 200;

/// The answer to `GET /v1/courses/{course}/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watched {
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// What happened, in the order of the log; nothing, where nothing happened while it was waited.
    pub events: Vec<HandInEvent>,
    /// What `after` of the next request is.
    pub next: u64,
}

/// Something that happened to a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandInEvent {
    /// Its place in the log: that of the entry that says so.
    pub leaf: u64,
    /// What happened.
    pub event: Happened,
    /// For which assignment.
    pub assignment: AssignmentId,
    /// The claim.
    pub claim: ClaimId,
    /// Whom it names.
    pub sids: Holder,
    /// Who lodged it.
    pub by: String,
    /// The token's time.
    pub lodged_at: Timestamp,
    /// By how many milliseconds it is late, as it is judged now.
    pub late_ms: i64,
    /// What had become of it when Blackboard read it.
    pub state: ClaimState,
    /// When its last file was durable.
    pub received_at: Option<Timestamp>,
}

/// What can happen to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// It was lodged.
    Lodged,
    /// All its files are durable.
    Received,
    /// It was withdrawn.
    Withdrawn,
}
