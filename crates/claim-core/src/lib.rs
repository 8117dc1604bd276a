//! The protocol of Claim, complete and on its own: types, messages, key schedule, signatures, tokens, and the
//! exchange as typestates for both sides.
//!
//! It implements `docs/PROTOCOL.md`, with HPKE (RFC 9180), HKDF (RFC 5869), HTTP Message Signatures (RFC 9421),
//! Content-Digest (RFC 9530) and problem details (RFC 9457).
//!
//! It never does I/O, reads no clock, is not async and has no globals: time and randomness are arguments
//! (the crypto library's own KEM and ECDSA nonces excepted). Certificates and their validation are in claim-pki;
//! HTTP, storage and the programs are above.

mod assignment;
pub mod blackboard;
pub mod certificates;
pub mod claim;
mod device;
mod digest;
pub mod encoding;
pub mod hand_in;
pub mod invitation;
pub mod json;
pub mod late;
pub mod messages;
pub mod outage;
mod problem;
pub mod receipt;
pub mod revoking;
pub mod ring;
mod sealed;
mod secret;
pub mod signing;
pub mod student;
mod text;
mod token;
pub mod transcript;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wycheproof;

pub use assignment::{AssignmentError, AssignmentId, AssignmentRef, CourseId, Slug};
pub use claim_pki::{
    NameError, Origin, OriginError, OriginHost, PersonId, Sid, StaffId, Timestamp, TimestampError,
};
pub use device::{DeviceName, DeviceNameError};
pub use digest::{Digest, Hasher};
pub use problem::{GivenBy, Problem, ProblemType};
pub use sealed::TokenError;
pub use secret::Secret;
pub use text::{Escaped, EscapedJson};
