//! One database, of either kind: opening it, reading, and writing in transactions.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;
use std::{fs, io};

use claim_files::{FileError, Mode, write_new};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection, Executor, Transaction};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use url::Url;

use crate::location::{Location, sqlite_url};
use crate::migrations::{self, Schema};
use crate::points::{Faults, Point};
use crate::readers::{Reader, Readers};
use crate::retry::retry;
use crate::{DatabaseUrl, StoreError};

/// The kind of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, used by one machine.
    Sqlite,
    /// A PostgreSQL server, or whatever speaks its protocol; many replicas may use it.
    Postgres,
}

/// How long to wait for a connection, at opening and from the pool.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Connections of one process; with SQLite all but one of them read.
const MOST_CONNECTIONS: u32 = 16;

/// Those of a SQLite file that read.
const MOST_READERS: usize = MOST_CONNECTIONS as usize - 1;

/// Before each use of a SQLite connection.
///
/// `busy_timeout` (in milliseconds) is how long to wait for another *process* to finish writing; `FULL` syncs
/// the log at every commit, `fullfsync` makes that true on macOS as well. `secure_delete` writes zeros over what is deleted.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA synchronous = FULL; \
     PRAGMA fullfsync = ON; PRAGMA foreign_keys = ON; \
     PRAGMA secure_delete = ON;";

/// A server may be set to acknowledge commits before they are on disk; stronger settings are left alone.
const POSTGRES_SETTINGS: &str = "SELECT set_config('synchronous_commit', 'on', false) \
     WHERE current_setting('synchronous_commit', true) = 'off'";

/// An open database with the newest schema.
pub(crate) struct Database {
    pool: AnyPool,
    /// With SQLite, a connection that stays open. Whoever closes the last one has the files beside the database removed,
    /// and on a full disk they could not be made again, without which nothing can be read.
    keeper: Mutex<Option<AnyConnection>>,
    readers: Readers,
    kind: Kind,
    /// SQLite has one writer at a time. Within this process they queue here, in order and without polling;
    /// `None` where the database sees to it.
    turn: Option<Mutex<()>>,
    faults: Faults,
}

/// A transaction that may write; what is not committed is rolled back when this is dropped.
pub(crate) struct Write<'d> {
    transaction: Transaction<'static, Any>,
    point: Point,
    faults: &'d Faults,
    _turn: Option<MutexGuard<'d, ()>>,
}

/// A connection for what cannot be in a transaction.
pub(crate) struct Alone<'d> {
    connection: PoolConnection<Any>,
    _turn: Option<MutexGuard<'d, ()>>,
}

impl Alone<'_> {
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Database {
    /// Opens the database; makes the SQLite file where there is none, readable by its owner only;
    /// brings the schema up to date.
    pub(crate) async fn open(
        url: &DatabaseUrl,
        schema: Schema,
        faults: Faults,
    ) -> Result<Self, StoreError> {
        install_drivers();

        let (url, kind) = match url.location() {
            Location::Postgres(url) => (url.clone(), Kind::Postgres),
            Location::Sqlite(path) => (prepare_file(path)?, Kind::Sqlite),
        };
        let options = quiet(AnyConnectOptions::from_url(&url)?);
        let keeper = retry!(bring_up_to_date(&options, kind, schema))?;

        let pool = AnyPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(CONNECT_WITHIN)
            // A file does not go away as a server can, and the question would cost as much as most queries.
            .test_before_acquire(kind == Kind::Postgres)
            .after_connect(move |connection, _| Box::pin(settle(connection, kind)))
            .after_release(move |connection, _| Box::pin(is_usable(connection, kind)))
            .connect_lazy_with(options);
        let readers = match kind {
            Kind::Sqlite => Readers::kept(pool.clone(), MOST_READERS),
            Kind::Postgres => Readers::pooled(pool.clone()),
        };
        let turn = (kind == Kind::Sqlite).then(|| Mutex::new(()));
        Ok(Self { pool, keeper: Mutex::new(keeper), readers, kind, turn, faults })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// A connection for statements that only read, each by itself.
    pub(crate) async fn reader(&self) -> Result<Reader<'_>, StoreError> {
        Ok(self.readers.lend().await?)
    }

    /// Starts a transaction that may write; `point` names what it makes durable.
    pub(crate) async fn begin(&self, point: Point) -> Result<Write<'_>, StoreError> {
        let turn = match &self.turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        let transaction = match self.kind {
            // A transaction that starts by reading cannot always be turned into one that writes.
            Kind::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Kind::Postgres => self.pool.begin().await?,
        };
        Ok(Write { transaction, point, faults: &self.faults, _turn: turn })
    }

    /// A connection outside any transaction, while no other write of this process is under way.
    pub(crate) async fn alone(&self) -> Result<Alone<'_>, StoreError> {
        let turn = match &self.turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        Ok(Alone { connection: self.pool.acquire().await?, _turn: turn })
    }

    /// Whether the database takes a write and makes it durable.
    ///
    /// The row of the first migration is written as it is: it is there in both databases, and whatever keeps messages
    /// or certificates from being stored (a full disk, a standby, a lost permission) keeps this one too.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        let mut write = self.begin(Point::Probe).await?;
        sqlx::query("UPDATE _sqlx_migrations SET description = description WHERE version = 1")
            .execute(write.connection())
            .await?;
        write.commit().await
    }

    pub(crate) async fn close(&self) {
        self.readers.close();
        self.pool.close().await;
        if let Some(keeper) = self.keeper.lock().await.take() {
            // It has written nothing.
            let _ = keeper.close().await;
        }
    }
}

impl Write<'_> {
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// It turned out to make more durable than it set out to.
    pub(crate) fn becomes(&mut self, point: Point) {
        self.point = point;
    }

    /// Commits; when this returns `Ok`, what was written is durable.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let Self { transaction, point, faults, _turn } = self;
        if faults.before(point).await? {
            transaction.commit().await?;
        }
        Ok(faults.after(point).await?)
    }
}

/// Lets `sqlx::Any` find both kinds of databases.
pub(crate) fn install_drivers() {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(sqlx::any::install_default_drivers);
}

/// Writes a SQLite database, as it is at one moment, into an empty file; others may write to it meanwhile.
///
/// Its schema stays what it is, be it older or newer than this program's. The copy is whole, but perhaps not on disk yet.
pub(crate) async fn copy(path: &Path, to: &Path) -> Result<(), StoreError> {
    install_drivers();
    let path = found(path)?;
    let text = |path: &Path| match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(StoreError::Path { path: path.to_owned() }),
    };
    let url = sqlite_url(&text(&path)?).map_err(|_| StoreError::Path { path: path.clone() })?;
    let mut connection = AnyConnectOptions::from_url(&url)?.connect().await?;
    settle(&mut connection, Kind::Sqlite).await?;
    sqlx::query("VACUUM INTO $1").bind(text(to)?).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Where a file is that must be there.
pub(crate) fn found(path: &Path) -> Result<PathBuf, FileError> {
    fs::canonicalize(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => FileError::Missing { path: path.to_owned() },
        _ => FileError::System { action: "find", path: path.to_owned(), source },
    })
}

/// Sees that the file is there, and returns the URL by which the driver finds it.
fn prepare_file(path: &Path) -> Result<Url, StoreError> {
    // Looked for first: on a full disk an empty file cannot be made either.
    if !path.exists() {
        match write_new(path, b"", Mode::Private) {
            Ok(()) | Err(FileError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let path = fs::canonicalize(path).map_err(|source| FileError::System {
        action: "find",
        path: path.to_owned(),
        source,
    })?;
    let Some(text) = path.to_str() else {
        return Err(StoreError::Path { path });
    };
    sqlite_url(text).map_err(|_| StoreError::Path { path: path.clone() })
}

/// Tells the log of slow statements only: to ask it about each would cost as much as some statements do.
fn quiet(mut options: AnyConnectOptions) -> AnyConnectOptions {
    let silent = options.clone().disable_statement_logging();
    options.log_settings.statements_level = silent.log_settings.statements_level;
    options
}

/// Migrates over a connection of its own, which it returns if it is to stay open, so that what is wrong shows at once and as what it is:
/// the pool would try again and again, then tell that it took too long.
async fn bring_up_to_date(
    options: &AnyConnectOptions,
    kind: Kind,
    schema: Schema,
) -> Result<Option<AnyConnection>, StoreError> {
    let connect = timeout(CONNECT_WITHIN, options.connect());
    let mut connection = connect.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    settle(&mut connection, kind).await?;
    // All steps in one transaction: of replicas that start at once, one makes the tables and the others,
    // in their next attempt, find them.
    let mut transaction = match kind {
        Kind::Sqlite => connection.begin_with("BEGIN IMMEDIATE").await?,
        Kind::Postgres => connection.begin().await?,
    };
    migrations::run(&mut transaction, schema, kind).await?;
    transaction.commit().await?;
    if kind == Kind::Sqlite {
        return Ok(Some(connection));
    }
    connection.close().await?;
    Ok(None)
}

/// Whether a connection that somebody has used can be used again.
///
/// When a write or a COMMIT fails for want of room or by an I/O error, SQLite itself rolls back; the driver's own ROLLBACK
/// then fails, and the connection counts as in a transaction for good: it could never begin another one.
async fn is_usable(connection: &mut AnyConnection, kind: Kind) -> Result<bool, sqlx::Error> {
    if kind == Kind::Postgres || !connection.is_in_transaction() {
        return Ok(true);
    }
    // Rollbacks are queued; this comes behind them.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Makes a new connection keep the promises of this crate.
async fn settle(connection: &mut AnyConnection, kind: Kind) -> Result<(), sqlx::Error> {
    match kind {
        Kind::Sqlite => {
            connection.execute(SQLITE_SETTINGS).await?;
            let mode: String =
                sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(connection).await?;
            if mode != "wal" {
                return Err(sqlx::Error::Configuration(
                    "the file system does not support SQLite's write-ahead log".into(),
                ));
            }
        }
        Kind::Postgres => {
            connection.execute(POSTGRES_SETTINGS).await?;
        }
    }
    Ok(())
}
