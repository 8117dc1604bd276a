//! What is said of each operation, for the OpenAPI document and for those who hold answers against it.

mod claims;
mod courses;
mod log;
mod messages;
mod pages;
mod sessions;
mod watched;

use claim_core::ProblemType::{
    self, CertificateRevoked, ClockSkew, ContentTooLarge, DigestMismatch, InternalError,
    MalformedRequest, Overloaded, RequestTimeout, SessionExpired, SessionInvalid,
    SignatureMalformed, SignatureWrong, StorageFull, StorageUnavailable, UnsupportedMediaType,
};

pub(super) use claims::{
    ASSIGNMENTS, CLAIM, LODGE, LODGE_STAMPED, PIECE, PUT_PIECE, RECEIPT, WITHDRAW,
};
pub(super) use courses::{CHANGE, COURSE, COURSES, HAND_INS, MEMBERS, STUDENT_VIEW};
pub(super) use log::{CHECKPOINT, ENTRIES, PARTIAL_ENTRIES, PARTIAL_TILE, TILE};
pub(super) use messages::MESSAGE;
pub(super) use pages::{HOME, OPENAPI, PROBLEM, PROBLEMS};
pub(super) use sessions::{CHALLENGE, SESSION};
pub(super) use watched::{CHANGES, EVENTS, OWN_CHANGES};

/// What everything may be refused with.
const ANY: &[ProblemType] = &[MalformedRequest, InternalError, Overloaded];

/// What whatever asks the storage may be refused with.
const STORED: &[ProblemType] = &[StorageUnavailable, StorageFull];

/// What whatever reads content may be refused with.
const READ: &[ProblemType] = &[RequestTimeout, ContentTooLarge, UnsupportedMediaType];

/// What every request of step 6 may be refused with: also one that should have no content may come with some.
const SIGNED: &[ProblemType] = &[
    SessionInvalid,
    SessionExpired,
    SignatureMalformed,
    SignatureWrong,
    ClockSkew,
    CertificateRevoked,
    DigestMismatch,
];
