//! A PostgreSQL cluster of our own: made, started, and at the end stopped and removed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test panics to fail")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::watch;

/// Runs the server until its standard input ends, which it does when the test ends in whatever way: then
/// stops the server and, unless told to keep it, removes its folder. Keys meant for the test are not for it.
const KEEPER: &str = "trap '' INT TERM HUP; \"$@\" </dev/null 2>&1 & server=$!; exec >/dev/null; \
     read -r word; kill -s QUIT $server; wait $server; [ \"$word\" = keep ] || rm -r \"$PWD\"";

/// What the server says when it takes connections.
const READY: &str = "database system is ready to accept connections";

/// Nothing that is waited for takes nearly as long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running cluster that listens on a socket in its own folder and, unless told to, nowhere else.
pub(crate) struct Cluster {
    keeper: Option<Child>,
    /// What the server has said since it was started last.
    said: watch::Receiver<String>,
    folder: PathBuf,
    programs: PathBuf,
    account: Option<Account>,
    settings: Vec<String>,
    port: u16,
}

/// PostgreSQL refuses to run as root, so then it runs as somebody who may nothing.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Cluster {
    /// The cluster that all tests share; each makes databases of its own in it.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        let cluster = SHARED.get_or_init(Self::start);
        cluster.answers().await;
        cluster
    }

    /// Makes and starts a cluster.
    pub(crate) fn start() -> Self {
        let mut cluster = Self::make();
        cluster.run();
        cluster
    }

    /// Makes a cluster that does not run yet.
    pub(crate) fn make() -> Self {
        let programs = programs();
        let account = account();
        let folder = tempfile::Builder::new().prefix("claim-pg").tempdir().unwrap().keep();
        let (keeper, said) = (None, watch::channel(String::new()).1);
        let (settings, port) = (Vec::new(), 5432);
        let cluster = Self { keeper, said, folder, programs, account, settings, port };
        cluster.give(&cluster.folder);
        let made = cluster
            .command(&cluster.programs.join("initdb"))
            .args(["--username=claim", "--auth=trust", "--encoding=UTF8", "--no-locale"])
            .args(["--no-sync", "--pgdata=data"])
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        cluster
    }

    /// Listens on this port instead of the usual one, which otherwise only names the socket.
    pub(crate) fn use_port(&mut self, port: u16) {
        self.port = port;
    }

    /// Adds a setting, as in `postgresql.conf`.
    pub(crate) fn set(&mut self, setting: &str) {
        self.settings.extend(["-c".to_owned(), setting.to_owned()]);
    }

    /// Adds a file that only the server can read, and returns its path.
    pub(crate) fn add_file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        claim_files::write_new(&path, content.as_bytes(), claim_files::Mode::Private).unwrap();
        self.give(&path);
        path
    }

    /// Starts the server of a cluster that is made.
    pub(crate) fn run(&mut self) {
        let mut keeper = self
            .command(Path::new("sh"))
            .args(["-c", KEEPER, "sh"])
            .arg(self.programs.join("postgres"))
            .args(["-D", "data", "-c", "listen_addresses=", "-c", "max_connections=300", "-k"])
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .args(&self.settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.said = listen(keeper.stdout.take().unwrap());
        self.keeper = Some(keeper);
    }

    /// Waits until the server takes connections.
    pub(crate) async fn answers(&self) {
        let mut said = self.said.clone();
        let ready = said.wait_for(|said| said.contains(READY));
        let ready = tokio::time::timeout(PATIENCE, ready).await;
        let ready = ready.is_ok_and(|ready| ready.is_ok());
        assert!(ready, "the PostgreSQL server does not start: {}", *self.said.borrow());
    }

    /// Makes an empty database and returns its name.
    pub(crate) async fn new_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("claim_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&self.url("postgres")).await.unwrap();
        admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        admin.close().await.unwrap();
        name
    }

    /// The URL of a database in this cluster.
    pub(crate) fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres:///{database}?user=claim&port={}&host={folder}", self.port)
    }

    /// Ends all server processes without any chance to finish, as a crash does, and waits until they are gone.
    pub(crate) fn crash(&mut self) {
        self.stop("keep\n");
    }

    fn stop(&mut self, word: &str) {
        if let Some(mut keeper) = self.keeper.take() {
            if let Some(mut input) = keeper.stdin.take() {
                let _ = input.write_all(word.as_bytes());
            }
            let _ = keeper.wait();
        }
    }

    /// A program that runs in the folder, as the account.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("PWD", &self.folder).env("LC_ALL", "C");
        if let Some(Account { user, group }) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    fn give(&self, path: &Path) {
        if let Some(Account { user, group }) = self.account {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop("");
    }
}

/// Reads what the server says until it ends; whoever waits for a word of it learns of each line.
fn listen(output: ChildStdout) -> watch::Receiver<String> {
    let (tell, said) = watch::channel(String::new());
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            tell.send_modify(|said| said.extend([&line, "\n"]));
        }
    });
    said
}

/// The folder of `initdb` and `postgres`.
fn programs() -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut candidates: Vec<PathBuf> = told.into_iter().collect();
    // Debian keeps them out of PATH; the newest first.
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<_> = installed.map(|version| version.path().join("bin")).collect();
    installed.sort();
    candidates.extend(installed.into_iter().rev());
    let path = std::env::var_os("PATH").unwrap_or_default();
    candidates.extend(std::env::split_paths(&path));
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres"].iter().all(|program| Path::is_file(&folder.join(program)))
    };
    candidates.into_iter().find(complete).expect(
        "PostgreSQL 13 or newer is needed to test on it: install the Debian package `postgresql`",
    )
}

fn account() -> Option<Account> {
    let ask = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if ask(&["-u"]).expect("`id -u` tells who runs the tests") != 0 {
        return None;
    }
    let account = ["postgres", "nobody"]
        .iter()
        .find_map(|name| Some(Account { user: ask(&["-u", name])?, group: ask(&["-g", name])? }));
    Some(
        account
            .expect("PostgreSQL does not run as root: the user `postgres` or `nobody` is needed"),
    )
}
