//! How a Blackboard gets the keys of its evidence certified where the root is: a request file, and its answer.
//!
//! The request is text: a line `claim request v1`, a line `origin: https://…`, then two certification requests in PEM,
//! the timestamp key's and the log key's, each signed by its own key. The answer is three certificates in PEM:
//! timestamp, log, witness. Both are carried by hand, or left in the folder that both servers share.
//!
//! A witness elsewhere asks in the same way: `claim witness request v1`, `name: …`, one certification request; the answer
//! is its certificate.

mod answer;
mod authority;
mod request;
mod witness;

pub use answer::{
    EvidenceAnswer, EvidenceAnswerError, EvidencePart, VerifiedEvidence, VerifyEvidenceError,
};
pub use authority::{
    AuthorityAnswer, AuthorityAnswerError, AuthorityRequest, AuthorityRequestError,
};
pub use request::{EvidenceRequest, EvidenceRequestError};
pub use witness::{WitnessRequest, WitnessRequestError};
