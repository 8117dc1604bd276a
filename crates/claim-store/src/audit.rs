//! Audit logs: what a server has done, in the very transaction that did it.
//!
//! Each entry is a leaf of a Merkle tree (RFC 9162 §2.1), whose head a checkpoint signs (C2SP tlog-checkpoint). What is
//! hashed, with `lp` as in docs/PROTOCOL.md and numbers in decimal:
//!
//! - `personal` = SHA-256(lp(salt, actor, subject, details)), with a salt of 16 random octets;
//! - the leaf's data = lp(context, number, at, deed, authentication, credential, serial, digest, personal).
//!
//! The context is `claim.cuhk/audit/v1` or `claim.blackboard/audit/v1`: an entry of the one log is none of the other.
//! So an entry whose personal part was erased still stands in the tree by what is left of it, and one of which nothing is
//! left by its leaf.
//!
//! Appending takes the last row of the tree's edge, not the tree. The row of the head is taken last in a transaction and
//! held until its end: entries are numbered in the order of commits, without gaps.
//!
//! Not here: what each server does that leaves an entry ([`crate::cuhk::audit::Deed`], [`crate::blackboard::audit::Deed`]); archives, signatures and going
//! through all of a log (claim-audit).

mod append;
mod by;
mod chain;
mod deed;
mod entry;
mod erase;
mod leaf;
mod log;
mod prune;
mod reading;

pub(crate) use append::{COLUMNS, Recorder, number};
pub use by::{Authentication, By, UnknownAuthentication};
pub use chain::{AuditChain, WrongEntry};
pub use deed::DeedName;
pub(crate) use entry::Concern;
pub use entry::{AuditEntry, Entry};
pub(crate) use erase::erase_personal;
pub use log::AuditLog;
pub use prune::Pruning;
pub(crate) use prune::take_out_entries;
pub(crate) use reading::read;
pub use reading::{AuditCheckpoint, AuditHead, AuditRecords, EntryFilter};
