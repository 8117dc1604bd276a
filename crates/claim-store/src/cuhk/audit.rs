//! The audit log: what CUHK has done, in the very transaction that did it.
//!
//! Each entry is a leaf of a Merkle tree (RFC 9162 §2.1), whose head a checkpoint signs (C2SP tlog-checkpoint). What is
//! hashed, with `lp` as in docs/PROTOCOL.md and numbers in decimal:
//!
//! - `personal` = SHA-256(lp(salt, actor, subject, details)), with a salt of 16 random octets;
//! - the leaf's data = lp("claim.cuhk/audit/v1", number, at, deed, authentication, credential, serial, digest, personal).
//!
//! So an entry whose personal part was erased still stands in the tree by what is left of it, and one of which nothing is
//! left by its leaf.
//!
//! Appending takes the last row of the tree's edge, not the tree. The row of the head is taken last in a transaction and
//! held until its end: entries are numbered in the order of commits, without gaps.

mod append;
mod by;
mod chain;
mod deed;
mod entry;
mod leaf;
mod prune;
mod reading;

pub(super) use append::Recorder;
pub use by::{Authentication, By};
pub use chain::{AuditChain, WrongEntry};
pub use deed::{Deed, UnknownDeed};
pub use entry::{AuditEntry, Entry};
pub use prune::Pruning;
pub use reading::{AuditCheckpoint, AuditHead, EntryFilter};
