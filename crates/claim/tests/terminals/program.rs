//! One run of the program: what it prints as it prints it, what is typed, signals, and its end.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing that is waited for takes nearly as long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(45);

/// A run of the program that has not ended; it is killed when the test does not wait for it.
pub(crate) struct Program {
    pub(crate) out: Screen,
    pub(crate) err: Screen,
    input: Option<ChildStdin>,
    pid: u32,
    ended: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// The exit code; 128 and the signal's number when a signal ended it.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    /// Starts a command whose folder and environment are set.
    pub(crate) fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = Screen::of(child.stdout.take().unwrap());
        let err = Screen::of(child.stderr.take().unwrap());
        let (input, pid) = (child.stdin.take(), child.id());
        let (tell, ended) = channel();
        thread::spawn(move || tell.send(child.wait().unwrap()));
        Self { out, err, input, pid, ended, status: None }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("its input is open");
        // A program that ended before it read everything has its reasons, and its exit code.
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    /// Ends the input, as Ctrl-D does.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Sends a signal by name: `INT` is what Ctrl-C sends.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own `kill`; a program of that name is not everywhere.
        let line = format!("kill -s {name} {}", self.pid);
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Done {
        self.end_within(PATIENCE)
    }

    /// Waits for the end of what takes longer than anything usual.
    pub(crate) fn end_within(mut self, patience: Duration) -> Done {
        let status = self.ended.recv_timeout(patience);
        let status = status.unwrap_or_else(|_| {
            panic!("it goes on:\n{}\n{}", self.out.text(), self.err.text());
        });
        self.status = Some(status);
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        Done { code, out: self.out.to_the_end(), err: self.err.to_the_end() }
    }

    /// Stops it as Ctrl-C does, and expects that it ends well.
    pub(crate) fn stop(self) -> Done {
        self.signal("INT");
        self.end().expect(0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.status.is_none() && self.ended.try_recv().is_err() {
            self.signal("KILL");
            let _ = self.ended.recv_timeout(PATIENCE);
        }
    }
}

impl Done {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// Checks that it failed with this code, said this on standard error, and said what to do.
    #[track_caller]
    pub(crate) fn explains(self, code: i32, said: &[&str]) -> Self {
        let done = self.expect(code);
        for text in said {
            assert!(done.err.contains(text), "{text:?} is not in:\n{}", done.err);
        }
        assert!(done.err.contains("error: "), "{}", done.err);
        let advised = done.err.lines().any(|line| line.starts_with("  what to do: "));
        assert!(advised, "no advice:\n{}", done.err);
        done
    }

    /// Standard output as JSON documents, one a line.
    #[track_caller]
    pub(crate) fn documents(&self) -> Vec<Value> {
        let parse = |line| {
            let parsed = serde_json::from_str(line);
            parsed.unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.out.lines().map(parse).collect()
    }
}

/// What a program has printed so far.
#[derive(Clone)]
pub(crate) struct Screen(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// What was waited for last ends here.
    read: usize,
    closed: bool,
}

impl Screen {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let screen = Self(Arc::default());
        let shared = Arc::clone(&screen.0);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            loop {
                let length = stream.read(&mut piece).unwrap_or(0);
                let mut printed = shared.0.lock().unwrap();
                printed.bytes.extend_from_slice(&piece[..length]);
                printed.closed = length == 0;
                shared.1.notify_all();
                if length == 0 {
                    return;
                }
            }
        });
        screen
    }

    /// Waits until this was printed after what was waited for before.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let found = self.wait(|printed| {
            let unread = printed.bytes.get(printed.read..).unwrap_or_default();
            let at = unread.windows(text.len()).position(|window| window == text.as_bytes())?;
            printed.read += at + text.len();
            Some(())
        });
        assert!(found.is_some(), "{text:?} does not come:\n{}", self.text());
    }

    /// Waits for the next whole line that begins so, and returns it.
    #[track_caller]
    pub(crate) fn line(&self, beginning: &str) -> String {
        let found = self.wait(|printed| {
            loop {
                let unread = printed.bytes.get(printed.read..).unwrap_or_default();
                let length = unread.iter().position(|byte| *byte == b'\n')? + 1;
                let line = String::from_utf8_lossy(&unread[..length]).trim_end().to_owned();
                printed.read += length;
                if line.starts_with(beginning) {
                    return Some(line);
                }
            }
        });
        found.unwrap_or_else(|| panic!("no line begins with {beginning:?}:\n{}", self.text()))
    }

    /// Waits for the next JSON document with this `event`.
    #[track_caller]
    pub(crate) fn event(&self, name: &str) -> Value {
        loop {
            let line = self.line("{");
            let document: Value = serde_json::from_str(&line).unwrap();
            if document["event"] == name {
                return document;
            }
        }
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap().bytes).into_owned()
    }

    fn to_the_end(&self) -> String {
        self.wait(|printed| printed.closed.then_some(()));
        self.text()
    }

    /// Waits until the function finds something; `None` when nothing more can come, or not in time.
    fn wait<T>(&self, mut find: impl FnMut(&mut Printed) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let (printed, changed) = &*self.0;
        let mut printed = printed.lock().unwrap();
        loop {
            if let Some(found) = find(&mut printed) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if printed.closed || left.is_zero() {
                return None;
            }
            printed = changed.wait_timeout(printed, left).unwrap().0;
        }
    }
}
