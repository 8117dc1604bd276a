//! A folder to work in, with ports of its own, and the program started in it.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use crate::program::{Done, Program};

pub(crate) const SID: &str = "1155123456";
pub(crate) const OTHER_SID: &str = "0955000001";

/// Seconds that a server may take to stop: so many that a test sees when it does not stop by itself.
const PATIENT: u32 = 3600;

/// A folder in which people work, and a home of theirs.
pub(crate) struct Folder {
    root: TempDir,
    dir: PathBuf,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("work");
        fs::create_dir(&dir).unwrap();
        Self { root, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The home of whoever works here; outside of the folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// A file that nobody else can read.
    pub(crate) fn write_private(&self, name: &str, content: &str) {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(self.path(name));
        file.as_mut().unwrap().write_all(content.as_bytes()).unwrap();
    }

    /// The same, whatever is there.
    pub(crate) fn secret(&self, name: &str, content: impl AsRef<[u8]>) {
        self.write(name, content);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<_> =
            fs::read_dir(&self.dir).unwrap().map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }

    /// The program in this folder, in an environment that says nothing to it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(Path::new(env!("CARGO_BIN_EXE_claim")));
        command.args(arguments);
        command
    }

    /// The same on a terminal of its own, as `script` makes one; `\x03` is Ctrl-C there.
    pub(crate) fn on_a_terminal(&self, arguments: &str) -> Command {
        let mut command = self.bare(Path::new("script"));
        // The shell steps aside: it would take Ctrl-C for itself too.
        let line = format!("exec {} {arguments}", env!("CARGO_BIN_EXE_claim"));
        command.args(["-q", "-e", "-f", "-c", &line, "/dev/null"]).env("TERM", "xterm");
        command
    }

    fn bare(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(&self.dir).env("HOME", self.home()).env("TZ", "HKT-8");
        // Where SoftHSM looks for its tokens, in the tests that have any.
        command.env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        Program::start(self.command(arguments))
    }

    /// Runs it to its end, with nothing to read.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, "")
    }

    /// Runs it to its end, with this to read.
    pub(crate) fn run_with(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Done {
        let mut program = self.start(arguments);
        program.send(input.as_ref());
        program.end_input();
        program.end()
    }
}

/// A folder whose `claim.toml` names free ports, so that the programs need no options.
pub(crate) struct Course {
    pub(crate) folder: Folder,
    pub(crate) cuhk: String,
    pub(crate) blackboard: String,
}

impl Course {
    pub(crate) fn new() -> Self {
        let (cuhk_port, blackboard_port) = (free_port(), free_port());
        let course = Self {
            folder: Folder::new(),
            cuhk: format!("https://localhost:{cuhk_port}"),
            blackboard: format!("https://localhost:{blackboard_port}"),
        };
        let Self { folder, cuhk, blackboard } = &course;
        folder.write(
            "claim.toml",
            format!(
                "[cuhk.limits]\ndrain-timeout = {PATIENT}\n\
                 [blackboard.limits]\ndrain-timeout = {PATIENT}\n\
                 [cuhk]\nlisten = [\"127.0.0.1:{cuhk_port}\", \"[::1]:{cuhk_port}\"]\n\
                 [blackboard]\nlisten = [\"127.0.0.1:{blackboard_port}\", \"[::1]:{blackboard_port}\"]\n\
                 cuhk = \"{cuhk}\"\n\
                 [student]\ncuhk = \"{cuhk}\"\nblackboard = \"{blackboard}\"\n"
            ),
        );
        course
    }

    /// `claim cuhk`, serving.
    pub(crate) fn cuhk(&self) -> Program {
        let program = self.folder.start(&["cuhk"]);
        program.out.line("CUHK listens on ");
        program
    }

    /// `claim blackboard`, serving.
    pub(crate) fn blackboard(&self) -> Program {
        let program = self.folder.start(&["blackboard"]);
        program.out.line("Blackboard listens on ");
        program
    }

    /// Both servers, serving.
    pub(crate) fn servers(&self) -> (Program, Program) {
        (self.cuhk(), self.blackboard())
    }

    /// Enrols without questions.
    pub(crate) fn enrol(&self, sid: &str) {
        self.folder.run(&["student", "enroll", "--sid", sid]).expect(0);
    }
}

/// A port that nobody listens on, below those that the system hands out by itself.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run at the same time begin at different places.
    let begin = u16::try_from(std::process::id() % 180).unwrap() * 64;
    loop {
        let port = 20_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        // A machine without IPv6 has nobody there either.
        let taken = TcpListener::bind((Ipv6Addr::LOCALHOST, port))
            .is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse);
        if free && !taken {
            return port;
        }
    }
}

/// Whether a text has a terminal's escape sequences in it.
pub(crate) fn has_escapes(text: &str) -> bool {
    text.contains('\u{1b}')
}
