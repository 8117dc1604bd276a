//! Blackboard, the course server: it verifies who asks, opens sessions, and keeps messages (steps 3 to 6).
//!
//! It implements the server's side of `docs/PROTOCOL.md` over HTTPS: `POST /v1/challenges`, `POST /v1/sessions`,
//! `POST /v1/messages`, and as a client the enrolment of its own key (EST, RFC 7030).
//!
//! [`start`] makes a [`Running`] Blackboard from a [`Config`]; what happens is told to an [`Observer`]. Nothing is kept
//! for strangers: challenges and sessions are tokens, sealed under a ring of keys that all replicas share.
//!
//! Not here: the protocol itself (claim-core), certificates (claim-pki), SQL (claim-store), TLS and HTTP (claim-http),
//! and anything that prints or reads the command line.

mod admin;
mod api;
mod audit;
mod authenticated;
mod backup;
mod blackboard;
mod changes;
mod clocks;
mod config;
mod counters;
mod courses;
mod credential;
mod cuhk;
mod enrol;
mod error;
mod event;
mod evidence;
mod folder;
mod gate;
mod generations;
mod inventory;
mod lodging;
mod log;
mod media;
mod offers;
mod people;
mod rebuild;
mod request;
mod retention;
mod revocations;
mod routes;
mod sealing;
mod server;
mod start_error;
mod storage;
mod student_view;
mod watching;

pub use admin::{
    AdminError, Audit, Courses, LodgedClaim, Messages, audit, courses, courses_with, messages,
};
pub use backup::{Outcome, backup, restore};
pub use claim_audit::{
    ArchiveError, AuditError, AuditKeyError, AuditReport, AuditSources, Finding, KeptCheckpoint,
    Pruned,
};
pub use claim_http::{Clock, ExternalTls, KeyPassphrase};
pub use claim_store::blackboard::audit::Deed;
pub use claim_store::blackboard::{
    AllowedOutage, Changed, ClaimOutline, Erasable, NewCourse, OldMessages, OutageRow, Refused,
    StoredMessage,
};
pub use claim_store::{BackupError, Copied, Scrubbed, Taken};
pub use config::{
    Config, DATABASE_FILE, DEFAULT_LIMITS, DEFAULT_PORT, DEFAULT_UPLOAD_SECONDS, Quotas,
};
pub use credential::NotOurs;
pub use cuhk::CuhkError;
pub use event::{ClockNews, Event, Observer, WaitingFor};
pub use rebuild::{Brought, LogRebuild, RebuildError};
pub use request::{Requested, request};
pub use retention::{
    Due, DueClaims, Erased, Hold, KEEP_AT_LEAST, Retention, RetentionError, Rule, Step,
};
pub use routes::openapi;
pub use sealing::WrappingKeyError;
pub use server::{Running, start};
pub use start_error::StartError;
