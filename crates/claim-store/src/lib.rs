//! Durable storage for the servers: one set of queries on SQLite and on PostgreSQL.
//!
//! [`cuhk`] keeps people, invitations and certificates; [`blackboard`] keeps the sealing ring,
//! messages, assignments, claims and the log's entries; [`WitnessStore`] keeps what a witness of logs has seen.
//! When a function that writes returns `Ok`, what it wrote is durable: SQLite runs with `synchronous=FULL`,
//! PostgreSQL with `synchronous_commit` at least `on`. What races is settled by unique constraints and single statements,
//! so many replicas may share one PostgreSQL database, also a distributed one that only speaks its protocol:
//! correct under READ COMMITTED and SERIALIZABLE, without advisory locks and LISTEN.
//!
//! Times are milliseconds since 1970 in UTC, as [`claim_pki::Timestamp`] counts; the caller brings them, also the clock of the audit log.
//!
//! Not here: any decision (who may enrol, which key seals), the formats of what is stored, and secrets in the
//! clear: codes come hashed, sealing keys wrapped.

pub mod audit;
mod backup;
mod batch;
pub mod blackboard;
pub mod cuhk;
mod database;
mod disk;
mod error;
mod location;
mod look;
mod migrations;
mod objects;
mod points;
mod readers;
mod retry;
mod room;
mod row;
mod scrub;
mod witness;
mod writer;

pub use backup::{
    Backup, BackupError, CheckedBackup, Copied, CopiedRecords, Restoring, check_restored,
};
pub use database::Kind;
pub use disk::DiskFault;
pub use error::StoreError;
pub use location::{DatabaseUrl, DatabaseUrlError};
pub use look::{Growth, LogNumbers, Look, Records, RosterNumbers, SchemaVersion};
pub use objects::{ObjectError, ObjectName, Objects, Taken};
pub use points::{Faults, Injector, Moment, Point, UnknownPoint, Verdict};
pub use room::{Need, NoRoom, Room, Space};
pub use scrub::Scrubbed;
pub use witness::{WitnessRecords, WitnessStore, WitnessedCheckpoint};
