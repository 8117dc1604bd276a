//! What can go wrong with a database, grouped by what can be done about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use claim_files::FileError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use crate::DiskFault;
use crate::points::Injected;

/// What went wrong with a database, grouped by what can be done about it.
///
/// It can be cloned because one failed transaction may answer many who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached, is starting, or others held it for too long.
    ///
    /// The outcome of a write is not known, unless it is asked for again: every write here may be repeated.
    #[error("the database cannot be used at the moment; it is safe to try again")]
    Unavailable {
        /// What the driver said.
        source: Arc<sqlx::Error>,
    },
    /// More writes wait than may; nothing was written.
    #[error("too many writes are waiting; it is safe to try again")]
    Busy,
    /// The store was closed before this was written; nothing was written.
    #[error("the store is closed")]
    Closed,
    /// Its disk is full; nothing was written.
    #[error("the database's disk is full; make room, then it goes on by itself")]
    Full {
        /// What the driver said.
        source: Arc<sqlx::Error>,
    },
    /// Its disk does not read or write, or only reads. Whether something was written is not known; it may be repeated.
    #[error("the database's disk does not do its work; look at it, then it goes on by itself")]
    Disk {
        /// What the driver said.
        source: Arc<sqlx::Error>,
    },
    /// The database itself says that it is damaged.
    #[error("the database is damaged; stop, and restore it from a backup")]
    Damaged {
        /// What the driver said.
        source: Arc<sqlx::Error>,
    },
    /// A row holds something that this program never writes.
    #[error("the database holds something in {table}.{column} that this program never wrote there")]
    Foreign {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A newer program has worked with it.
    #[error(
        "the database has schema {found}, this program knows schemas up to {known}: start a newer one"
    )]
    NewerSchema {
        /// The newest schema it has had.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// Its schema came about in another way than this program's.
    #[error(
        "the database's schema {version} is another than this program's: it belongs to another server or program"
    )]
    OtherSchema {
        /// The schema that differs.
        version: i64,
    },
    /// The file cannot be made or found.
    #[error(transparent)]
    File(Arc<FileError>),
    /// The driver takes paths in UTF-8 only.
    #[error("the path {path:?} is not UTF-8; choose another folder for the database")]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// No certificate was reserved under this serial number.
    #[error("no certificate was reserved with serial number {serial:?}")]
    UnknownSerial {
        /// The serial number that was asked for.
        serial: String,
    },
    /// PostgreSQL's text cannot hold it, so neither database takes it.
    #[error("{column} has a NUL character")]
    NulCharacter {
        /// The column it was meant for.
        column: &'static str,
    },
    /// The database refused, or was refused: wrong password, no such database, missing rights, TLS.
    #[error("the database refused")]
    Refused {
        /// What the driver said.
        source: Arc<sqlx::Error>,
    },
}

impl StoreError {
    /// Whether the same call may well succeed later, without anyone's changing anything.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Busy)
    }

    /// What is wrong with the disk, where that is why.
    pub fn disk_fault(&self) -> Option<DiskFault> {
        match self {
            Self::Full { .. } => Some(DiskFault::NoRoom),
            Self::Disk { .. } => Some(DiskFault::Failing),
            other => DiskFault::behind(other),
        }
    }

    /// Whether another transaction got in the way: nothing was written, and trying again at once makes sense.
    pub(crate) fn lost_a_race(&self) -> bool {
        let (Self::Unavailable { source } | Self::Refused { source }) = self else {
            return false;
        };
        match code(source) {
            // serialization_failure, deadlock_detected.
            Some(Code::Postgres(code)) if matches!(&*code, "40001" | "40P01") => true,
            // Foreign keys fail when the row they need is deleted between two statements, and the next attempt
            // finds it missing; of those who make the same table at once, only one does.
            Some(Code::Postgres(code)) => {
                matches!(&*code, "23503" | "23505" | "42P07" | "42710")
            }
            // A plain BUSY comes after the whole busy time-out: whoever holds the lock does not race, but sits on it.
            Some(Code::Sqlite { primary: sqlite::BUSY, extended }) => extended != sqlite::BUSY,
            Some(Code::Sqlite { primary, .. }) => primary == sqlite::LOCKED,
            None => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let class = class(&error);
        let source = Arc::new(error);
        match class {
            Class::Unavailable => Self::Unavailable { source },
            Class::Full => Self::Full { source },
            Class::Disk => Self::Disk { source },
            Class::Damaged => Self::Damaged { source },
            Class::Refused => Self::Refused { source },
        }
    }
}

impl From<Injected> for StoreError {
    /// As a disk fails: it is full, or nobody can tell what became of it.
    fn from(injected: Injected) -> Self {
        sqlx::Error::Io(injected.into()).into()
    }
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        Self::File(Arc::new(error))
    }
}

impl StoreError {
    /// Sorts why the migrations did not run; `known` is the newest schema of this program.
    pub(crate) fn from_migration(error: MigrateError, known: i64) -> Self {
        match error {
            MigrateError::VersionMissing(found) => Self::NewerSchema { found, known },
            MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => {
                Self::OtherSchema { version }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => sqlx::Error::from(other).into(),
        }
    }
}

enum Class {
    Unavailable,
    Full,
    Disk,
    Damaged,
    Refused,
}

/// The primary result codes of SQLite that are told apart (<https://sqlite.org/rescode.html>).
mod sqlite {
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const NOMEM: u32 = 7;
    pub(super) const READONLY: u32 = 8;
    pub(super) const INTERRUPT: u32 = 9;
    pub(super) const IOERR: u32 = 10;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CANTOPEN: u32 = 14;
    pub(super) const PROTOCOL: u32 = 15;
    pub(super) const NOTADB: u32 = 26;

    /// A full disk shows like this when the shared-memory file beside the database cannot grow.
    pub(super) const IOERR_SHMSIZE: u32 = 4874;
}

enum Code {
    /// SQLSTATE.
    Postgres(String),
    Sqlite {
        primary: u32,
        extended: u32,
    },
}

fn code(error: &sqlx::Error) -> Option<Code> {
    let error = error.as_database_error()?;
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return Some(Code::Postgres(error.code().to_owned()));
    }
    let code = error.try_downcast_ref::<SqliteError>().and_then(|_| error.code())?;
    let extended: u32 = code.parse().ok()?;
    Some(Code::Sqlite { primary: extended & 0xff, extended })
}

fn class(error: &sqlx::Error) -> Class {
    use sqlx::Error;

    match code(error) {
        Some(Code::Sqlite { extended: sqlite::IOERR_SHMSIZE, .. }) => Class::Full,
        Some(Code::Sqlite { primary, .. }) => match primary {
            sqlite::FULL => Class::Full,
            sqlite::CORRUPT | sqlite::NOTADB => Class::Damaged,
            sqlite::BUSY
            | sqlite::LOCKED
            | sqlite::NOMEM
            | sqlite::INTERRUPT
            | sqlite::PROTOCOL => Class::Unavailable,
            // A disk that was remounted for reading only shows like the last two.
            sqlite::IOERR | sqlite::CANTOPEN | sqlite::READONLY => Class::Disk,
            _ => Class::Refused,
        },
        // https://www.postgresql.org/docs/current/errcodes-appendix.html
        Some(Code::Postgres(code)) => match code.as_str() {
            "53100" => Class::Full,
            "58030" => Class::Disk,
            "XX001" | "XX002" => Class::Damaged,
            // read_only_sql_transaction, lock_not_available: as after a failover, until it is over.
            "25006" | "55P03" => Class::Unavailable,
            // Connections, transactions rolled back, resources, operators, system errors.
            code if ["08", "40", "53", "57", "58"].iter().any(|c| code.starts_with(c)) => {
                Class::Unavailable
            }
            _ => Class::Refused,
        },
        None => match error {
            // The server's certificate does not hold: no later attempt will change that.
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Class::Refused,
            Error::Io(error) => match DiskFault::of(error) {
                Some(DiskFault::NoRoom) => Class::Full,
                Some(DiskFault::Failing) => Class::Disk,
                None => Class::Unavailable,
            },
            Error::Protocol(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
                Class::Unavailable
            }
            _ => Class::Refused,
        },
    }
}
