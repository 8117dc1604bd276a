//! Both servers on PostgreSQL, by `--database`.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::course::{Course, SID};
use crate::program::Program;

/// Makes a cluster with two databases in the current folder, says so, and removes it when its input ends: so
/// that no server stays behind, however the test ends. Keys meant for the test are not for it.
const KEEPER: &str = "trap '' INT TERM HUP; set -e; PATH=$1:$PATH; \
    initdb --username=claim --auth=trust --encoding=UTF8 --no-locale --no-sync --pgdata=data >log; \
    pg_ctl -D data -w -l log -o \"-c listen_addresses= -c fsync=off -k $PWD\" start >log 2>&1 </dev/null; \
    for name in cuhk blackboard; do createdb -h \"$PWD\" -U claim $name; done; \
    echo ready; read -r word || true; pg_ctl -D data -m immediate stop >log";

/// A cluster of PostgreSQL that listens on a socket in its own folder.
pub(crate) struct Cluster {
    folder: TempDir,
    keeper: Option<Program>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("claim-pg").tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(programs());
        command.current_dir(folder.path()).env("PWD", folder.path()).env("LC_ALL", "C");
        // PostgreSQL refuses to run as root.
        if let Some((user, group)) = account() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
            command.uid(user).gid(group);
        }
        let keeper = Program::start(command);
        keeper.out.line("ready");
        Self { folder, keeper: Some(keeper) }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?user=claim&host={}", self.folder.path().display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            keeper.end_input();
            keeper.end();
        }
    }
}

/// The folder of `initdb` and `postgres`; Debian keeps them out of PATH.
fn programs() -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = installed.map(|version| version.path().join("bin"));
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<_> = std::env::split_paths(&in_path).collect();
    let mut candidates = told.into_iter().chain(installed).chain(in_path);
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "createdb"].iter().all(|name| Path::is_file(&folder.join(name)))
    };
    candidates.find(complete).expect("the Debian package `postgresql` is needed for this test")
}

fn account() -> Option<(u32, u32)> {
    let ask = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().ok()
    };
    (ask(&["-u"]) == Some(0)).then(|| {
        let found = ["postgres", "nobody"]
            .iter()
            .find_map(|name| Some((ask(&["-u", name])?, ask(&["-g", name])?)));
        found.expect("the user `postgres` or `nobody` is there to run PostgreSQL")
    })
}

#[test]
fn both_servers_on_postgresql() {
    let cluster = Cluster::start();
    let (cuhk_url, blackboard_url) = (cluster.url("cuhk"), cluster.url("blackboard"));
    let course = Course::new();
    let folder = &course.folder;
    let start = || {
        let cuhk = folder.start(&["cuhk", "--database", &cuhk_url]);
        cuhk.out.line("CUHK listens on ");
        let blackboard = folder.start(&["blackboard", "--database", &blackboard_url]);
        blackboard.out.line("Blackboard listens on ");
        (cuhk, blackboard)
    };
    let (cuhk, blackboard) = start();
    course.enrol(SID);
    folder.run(&["student", "say", "kept elsewhere"]).expect(0);
    for server in [cuhk, blackboard] {
        server.signal("KILL");
        server.end().expect(128 + 9);
    }
    let (cuhk, blackboard) = start();
    folder.run(&["student", "say", "and again"]).expect(0);

    let messages = ["blackboard", "messages", "--json", "--database", &blackboard_url];
    let texts: Vec<_> =
        folder.run(&messages).expect(0).documents().iter().map(|one| one["text"].clone()).collect();
    assert_eq!(texts, ["kept elsewhere", "and again"]);
    let mut list = folder.command(&["cuhk", "list", "--json"]);
    list.env("CLAIM_DATABASE", &cuhk_url);
    let listed = Program::start(list).end().expect(0).documents();
    let of = |profile: &str| listed.iter().filter(|one| one["profile"] == profile).count();
    assert_eq!((of("server"), of("person")), (2, 1));
    assert!(!folder.has("cuhk.db") && !folder.has("blackboard.db"));
    blackboard.stop();
    cuhk.stop();
}

#[test]
fn a_database_that_cannot_be_used() {
    let course = Course::new();
    let folder = &course.folder;
    course.cuhk().stop();
    let nowhere = "postgres://claim:hunter2@localhost:1/claim";
    for command in [&["cuhk"][..], &["cuhk", "list"], &["blackboard"], &["blackboard", "messages"]]
    {
        let done = folder.run(&[command, &["--database", "mysql://localhost/claim"]].concat());
        done.explains(1, &["postgres://", "--database"]);
        let done = folder.run(&[command, &["--database", nowhere]].concat());
        assert!([1, 3].contains(&done.code), "{}", done.err);
        assert!(done.err.contains("the database"), "{}", done.err);
        assert!(!done.err.contains("hunter2"), "{}", done.err);
    }
}
