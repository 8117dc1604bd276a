//! A PostgreSQL server of the harness's own, for Blackboard's records: killed as a crash does, and started again.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command as Blocking;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long the server may take to start; after a crash it reads its log first.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long to wait before it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// Runs the server until its standard input ends, in whatever way: then it is stopped without any chance to finish.
const KEEPER: &str = "trap '' INT TERM HUP; \"$@\" </dev/null >log 2>&1 & server=$!; \
     read -r word; kill -s QUIT $server; wait $server";

/// The server. It listens on a socket in its own folder, and syncs as it does by default.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    account: Option<(u32, u32)>,
    keeper: Option<Child>,
    databases: AtomicU32,
}

impl Postgres {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// When PostgreSQL's programs are not there, or it does not start.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("claim-pg").tempdir()?;
        let account = account()?;
        if let Some((user, group)) = account {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group))?;
        }
        let (keeper, databases) = (None, AtomicU32::new(0));
        let mut server = Self { folder, programs: programs()?, account, keeper, databases };
        let mut make = server.command(&server.programs.join("initdb"));
        make.args(["--username=claim", "--auth=trust", "--encoding=UTF8", "--no-locale"]);
        let made = make.args(["--no-sync", "--pgdata=data"]).output().await?;
        if !made.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&made.stderr));
        }
        server.run().await?;
        Ok(server)
    }

    /// Starts it, after a crash too, and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn run(&mut self) -> Result<()> {
        let mut keeper = self.command(Path::new("sh"));
        keeper.args(["-c", KEEPER, "sh"]).arg(self.programs.join("postgres"));
        keeper.args(["-D", "data", "-c", "listen_addresses=", "-k"]).arg(self.folder.path());
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.keeper = Some(keeper.spawn().context("PostgreSQL does not start")?);
        let begun = Instant::now();
        loop {
            match PgConnection::connect(&self.url("postgres")).await {
                Ok(connection) => return Ok(connection.close().await?),
                Err(_) if begun.elapsed() < PATIENCE => sleep(AGAIN).await,
                Err(error) => return Err(error).context("PostgreSQL does not answer"),
            }
        }
    }

    /// Ends all its processes at once (SIGQUIT, as `pg_ctl stop -m immediate`), and waits until they are gone.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn crash(&mut self) -> Result<()> {
        let mut keeper = self.keeper.take().ok_or_else(|| anyhow!("PostgreSQL does not run"))?;
        drop(keeper.stdin.take());
        keeper.wait().await?;
        Ok(())
    }

    /// Makes an empty database, and tells its URL.
    ///
    /// # Errors
    /// When the server does not.
    pub async fn new_database(&self) -> Result<String> {
        let name = format!("claim_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&self.url("postgres")).await?;
        admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        admin.close().await?;
        Ok(self.url(&name))
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?user=claim&host={}", self.folder.path().display())
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Blocking::new(program);
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        Command::from(command)
    }
}

impl Drop for Postgres {
    /// Before its folder goes.
    fn drop(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        drop(keeper.stdin.take());
        let begun = std::time::Instant::now();
        while keeper.try_wait().is_ok_and(|ended| ended.is_none()) && begun.elapsed() < PATIENCE {
            std::thread::sleep(AGAIN);
        }
    }
}

/// The folder of `initdb` and `postgres`, which Debian keeps out of PATH; of several versions the newest.
fn programs() -> Result<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = installed.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file())
    };
    let found = folders.into_iter().find(complete);
    found.ok_or_else(|| anyhow!("PostgreSQL is needed: install the Debian package `postgresql`"))
}

/// PostgreSQL refuses to run as root: then as somebody who may nothing.
fn account() -> Result<Option<(u32, u32)>> {
    let ask = |arguments: &[&str]| -> Result<u32> {
        let output = Blocking::new("id").args(arguments).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    };
    if ask(&["-u"])? != 0 {
        return Ok(None);
    }
    let of = |name: &str| Ok::<_, anyhow::Error>((ask(&["-u", name])?, ask(&["-g", name])?));
    Ok(Some(of("postgres").or_else(|_| of("nobody"))?))
}
