//! The protocol.
mod problem;
pub use claim_pki::{Origin, PersonId, Sid, StaffId, Timestamp};
pub use problem::{GivenBy, Problem, ProblemType};
