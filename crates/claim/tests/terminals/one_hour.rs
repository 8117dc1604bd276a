//! OPERATIONS.md, "Two servers, one hour": the very text, run.
//!
//! Every fenced block of that section is used, in order. What stands behind its language says where: `shell cuhk` is run
//! at that machine, `toml cuhk FILE` is written there, and `text` is what the block before it printed, where `…` stands
//! for anything, and a line with nothing else for any number of lines.
//!
//! A machine is a folder here. What is put in place of what the document says:
//!
//! | in the document | here |
//! |---|---|
//! | `cuhk.example:9335`, `blackboard.example:3141`, and these ports elsewhere | `localhost` with free ports |
//! | `0.0.0.0:`, `[::]:` | the loopback addresses |
//! | paths below `/usr/local/bin`, `/etc/systemd`, `/var/lib`, `/mnt/safe`, `~` | the same below the machine's folder |
//! | `target/release/claim`, `contrib/` | the program that is tested, this repository's |
//! | `useradd`, `runuser -u USER --`, owners in `install`, `scp` | nobody, whoever tests, nobody, a copy |
//! | `systemctl`, `journalctl` | the test starts what the unit starts, reloads it by SIGHUP, and has what it prints |
//!
//! `y` is typed wherever something is asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::course::free_port;
use crate::program::{Done, Program};

const HEADING: &str = "## Two servers, one hour";

/// Folders that a machine has for itself.
const OWN: [&str; 5] = ["/usr/local/bin", "/etc/systemd/system", "/var/lib", "/mnt/safe", "~/"];

/// One fenced block: what stands behind the three backticks, and what is in it.
struct Block {
    said: Vec<String>,
    text: String,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The blocks of the section.
fn blocks() -> Vec<Block> {
    let document = fs::read_to_string(repository().join("docs/OPERATIONS.md")).unwrap();
    let section = document.split(HEADING).nth(1).expect("OPERATIONS.md has the section");
    let section = section.split("\n## ").next().unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in section.lines() {
        match line.strip_prefix("```") {
            Some(said) if !open => {
                let said = said.split_whitespace().map(str::to_owned).collect();
                blocks.push(Block { said, text: String::new() });
                open = true;
            }
            Some(_) => open = false,
            None if open => {
                let text = &mut blocks.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open);
    blocks
}

/// All machines, and what runs at them.
struct Site {
    root: TempDir,
    ports: Vec<(&'static str, u16)>,
    running: Vec<(String, Program)>,
}

impl Site {
    fn new() -> Self {
        let ports = ["9335", "9336", "3141", "3142"].map(|port| (port, free_port())).to_vec();
        let site = Self { root: tempfile::tempdir().unwrap(), ports, running: Vec::new() };
        for machine in ["cuhk", "blackboard", "student"] {
            for folder in OWN {
                fs::create_dir_all(site.own(machine, folder)).unwrap();
            }
            fs::create_dir_all(site.own(machine, "~/work")).unwrap();
        }
        let fakes = site.root.path().join("fakes");
        fs::create_dir(&fakes).unwrap();
        for (name, script) in [
            ("useradd", "exit 0"),
            ("runuser", "shift 3; exec \"$@\""),
            (
                "install",
                "a=(); while [ $# -gt 0 ]; do case $1 in -o|-g) shift ;; *) a+=(\"$1\") ;; esac; shift; done\n\
                 exec /usr/bin/install \"${a[@]}\"",
            ),
            // The machine's name has become its folder's.
            ("scp", "exec cp \"${1#*:}\" \"$2\""),
        ] {
            let path = fakes.join(name);
            fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        site
    }

    /// What a machine has in the place of a path.
    fn own(&self, machine: &str, path: &str) -> PathBuf {
        let path = path.strip_prefix("~/").map_or(path.to_owned(), |rest| format!("/home/{rest}"));
        self.root.path().join(machine).join(path.trim_start_matches('/'))
    }

    /// What stands in the document, as it is at a machine here.
    fn here(&self, machine: &str, text: &str) -> String {
        let mut text = text.to_owned();
        // What is copied from another machine is in its folder.
        for other in ["cuhk", "blackboard"] {
            let folder = self.root.path().join(other);
            text = text.replace(
                &format!("root@{other}.example:"),
                &format!("elsewhere:{}@", folder.display()),
            );
        }
        for path in OWN {
            let own = format!("{}", self.own(machine, path).display());
            let own = if path == "~/" { format!("{own}/") } else { own };
            text = text.replace(path, &own);
        }
        // Nothing of this machine stands before a path of another one.
        for other in ["cuhk", "blackboard"] {
            let folder = self.root.path().join(other);
            let here = self.root.path().join(machine);
            text = text.replace(
                &format!("{}@{}", folder.display(), here.display()),
                &folder.display().to_string(),
            );
        }
        text = text.replace("target/release/claim", env!("CARGO_BIN_EXE_claim"));
        text = text.replace("contrib/", &format!("{}/contrib/", repository().display()));
        for (address, loopback) in [
            ("0.0.0.0:", "127.0.0.1:"),
            ("[::]:", "[::1]:"),
            ("cuhk.example:", "localhost:"),
            ("blackboard.example:", "localhost:"),
        ] {
            text = text.replace(address, loopback);
        }
        for (said, port) in &self.ports {
            text = text.replace(&format!(":{said}"), &format!(":{port}"));
        }
        text
    }

    fn command(&self, machine: &str, program: &str) -> Command {
        let mut command = Command::new(program);
        let system = std::env::var("PATH").unwrap();
        let bin = self.own(machine, "/usr/local/bin");
        let mut path =
            format!("{}:{}:{system}", self.root.path().join("fakes").display(), bin.display());
        if machine == "student" {
            let built = Path::new(env!("CARGO_BIN_EXE_claim")).parent().unwrap();
            path = format!("{}:{path}", built.display());
        }
        let home = self.own(machine, "~/");
        command.env_clear().env("PATH", path).env("HOME", &home).current_dir(home.join("work"));
        command
    }

    /// Runs a block; whatever needs systemd is done by the test.
    fn run(&mut self, machine: &str, text: &str) -> String {
        let (mut printed, mut lines) = (String::new(), Vec::new());
        for line in text.lines() {
            match line.strip_prefix("systemctl ") {
                None => lines.push(line.to_owned()),
                Some(what) => {
                    printed.push_str(&self.script(machine, &lines));
                    lines.clear();
                    self.systemctl(machine, what);
                }
            }
        }
        printed.push_str(&self.script(machine, &lines));
        printed
    }

    fn script(&self, machine: &str, lines: &[String]) -> String {
        if lines.is_empty() {
            return String::new();
        }
        let mut command = self.command(machine, "bash");
        // What asks does so on standard error, between the lines that it prints.
        let script = format!("exec 2>&1\n{}\n", self.here(machine, &lines.join("\n")));
        command.args(["-c", &format!("set -e\n{script}")]);
        let mut program = Program::start(command);
        program.send(b"y\n");
        program.end_input();
        let Done { code, out, err } = program.end();
        assert!(code == 0 || code == 5, "{script}\nended with {code}:\n{out}{err}");
        out
    }

    fn systemctl(&mut self, machine: &str, what: &str) {
        match what.split_whitespace().collect::<Vec<_>>()[..] {
            ["daemon-reload"] => {}
            ["enable", "--now", unit] => self.start(machine, unit),
            ["reload", unit] => self.program(unit).signal("HUP"),
            _ => panic!("the test does not know systemctl {what}"),
        }
    }

    /// Starts what a unit starts.
    fn start(&mut self, machine: &str, unit: &str) {
        let path = self.own(machine, &format!("/etc/systemd/system/{unit}.service"));
        let text = fs::read_to_string(path).unwrap();
        let setting = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            self.here(machine, found.unwrap())
        };
        let (start, folder) = (setting("ExecStart="), setting("WorkingDirectory="));
        let mut words = start.split_whitespace();
        let mut command = self.command(machine, words.next().unwrap());
        command.args(words).current_dir(folder);
        let program = Program::start(command);
        program.out.shows(" listens on ");
        self.running.push((unit.to_owned(), program));
    }

    fn program(&self, unit: &str) -> &Program {
        &self.running.iter().find(|(name, _)| name == unit).unwrap().1
    }

    /// Waits until a unit has printed that.
    fn journal(&self, unit: &str, expected: &str) {
        let program = self.program(unit);
        let is_there = || {
            let printed = format!("{}{}", program.out.text(), program.err.text());
            expected
                .lines()
                .filter(|line| *line != "…")
                .all(|line| printed.lines().any(|printed| line_fits(line, printed)))
        };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(45);
        while !is_there() {
            assert!(
                std::time::Instant::now() < deadline,
                "{expected}\ndoes not come:\n{}{}",
                program.out.text(),
                program.err.text()
            );
            thread::yield_now();
        }
    }
}

/// Whether a line is as the document shows it.
fn line_fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether lines are as the document shows them.
pub(crate) fn fits(shown: &[&str], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((&"…", rest)) => (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..])),
        Some((line, rest)) => lines
            .split_first()
            .is_some_and(|(first, others)| line_fits(line, first) && fits(rest, others)),
    }
}

#[test]
fn two_servers_one_hour() {
    let mut site = Site::new();
    let mut printed: Vec<(String, String)> = Vec::new();
    let mut journal = None;
    let mut compared = 0;
    for block in blocks() {
        let said: Vec<_> = block.said.iter().map(String::as_str).collect();
        match said[..] {
            ["shell", ref machines @ ..] if !machines.is_empty() => {
                journal = block
                    .text
                    .trim()
                    .strip_prefix("journalctl -u ")
                    .map(|unit| unit.split_whitespace().next().unwrap().to_owned());
                printed.clear();
                if journal.is_none() {
                    let run =
                        |machine: &&str| ((*machine).to_owned(), site.run(machine, &block.text));
                    printed = machines.iter().map(run).collect();
                }
            }
            ["toml" | "csv", machine, path] => {
                fs::write(site.own(machine, path), site.here(machine, &block.text)).unwrap();
            }
            ["text"] => {
                compared += 1;
                if let Some(unit) = &journal {
                    site.journal(unit, &site.here("", &block.text));
                }
                for (machine, printed) in &printed {
                    let shown = site.here(machine, &block.text);
                    let (shown, lines): (Vec<_>, Vec<_>) =
                        (shown.lines().collect(), printed.lines().collect());
                    assert!(fits(&shown, &lines), "shown:\n{}\nprinted:\n{printed}", block.text);
                }
            }
            _ => panic!("a block {said:?} is for nobody"),
        }
    }
    assert!(compared > 10 && site.running.len() == 2, "{compared}");
    for (_, program) in site.running.drain(..) {
        program.stop();
    }
}

#[test]
fn what_the_document_shows_is_compared_line_by_line() {
    for (shown, printed, expected) in [
        ("a\nb", "a\nb", true),
        ("a\nb", "a", false),
        ("a", "a\nb", false),
        ("a … c", "a b c", true),
        ("a … c", "a b d", false),
        ("…\nc", "a\nb\nc", true),
        ("a\n…", "a", true),
        ("…\nd", "a\nb\nc", false),
    ] {
        let (shown, printed): (Vec<_>, Vec<_>) =
            (shown.lines().collect(), printed.lines().collect());
        assert_eq!(fits(&shown, &printed), expected, "{shown:?} {printed:?}");
    }
}
