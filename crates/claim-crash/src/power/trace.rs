//! What `strace` writes, line by line, as calls on files.

use std::collections::HashMap;
use std::path::PathBuf;

use super::Moment;

/// The calls that are traced: all that change files or make them durable.
pub(super) const CALLS: &str = "trace=openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,\
     fallocate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync";

/// A call that was done, or, of the two halves of a sync, begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Opened, with or without making it, perhaps emptied.
    Open { path: PathBuf, create: bool, truncate: bool },
    /// Written; at the end where no offset is given.
    Write { path: PathBuf, offset: Option<usize>, octets: Vec<u8> },
    /// Cut or stretched.
    Truncate { path: PathBuf, length: usize },
    /// Another name in place of this one.
    Rename { from: PathBuf, to: PathBuf },
    /// Another name beside this one.
    Link { from: PathBuf, to: PathBuf },
    /// A name gone.
    Remove { path: PathBuf },
    /// A folder made.
    Folder { path: PathBuf },
    /// A sync begins: what is written from here on it need not cover.
    SyncBegins { thread: u32, path: PathBuf },
    /// It has ended well.
    SyncEnds { thread: u32 },
}

/// The calls of a server, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub(super) calls: Vec<(Moment, Call)>,
}

/// The trace has a line that is not understood. Nothing is guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError(String);

impl std::fmt::Display for TraceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: String = self.0.chars().take(300).collect();
        write!(f, "the trace has a line that is not understood: {start}")
    }
}

impl std::error::Error for TraceError {}

impl Trace {
    /// Reads what `strace -f -y -T -ttt -xx` has written.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut trace = Self::default();
        let mut unfinished: HashMap<u32, String> = HashMap::new();
        for line in text.lines() {
            let wrong = || TraceError(line.to_owned());

            let (thread, rest) = line.trim_start().split_once(' ').ok_or_else(wrong)?;
            let thread: u32 = thread.parse().map_err(|_| wrong())?;
            let (time, rest) = rest.trim_start().split_once(' ').ok_or_else(wrong)?;
            let time: f64 = time.parse().map_err(|_| wrong())?;

            let rest = rest.trim_start();
            if rest.starts_with("+++") || rest.starts_with("---") {
                continue;
            }
            if let Some(start) = rest.strip_suffix("<unfinished ...>") {
                let start = start.trim_end().to_owned();
                if let Some(path) = synced(&start) {
                    let call = Call::SyncBegins { thread, path };
                    trace.calls.push((Moment(time), call));
                }
                unfinished.insert(thread, start);
                continue;
            }
            let (whole, resumed) = match rest.strip_prefix("<... ") {
                None => (rest.to_owned(), false),
                Some(rest) => {
                    let (_, end) = rest.split_once("resumed>").ok_or_else(wrong)?;
                    let start = unfinished.remove(&thread).ok_or_else(wrong)?;
                    (format!("{start}{end}"), true)
                }
            };
            trace.add(thread, time, &whole, resumed).ok_or_else(wrong)?;
        }
        Ok(trace)
    }

    /// One whole call; `None` when it is not understood. What failed has done nothing.
    fn add(&mut self, thread: u32, time: f64, line: &str, resumed: bool) -> Option<()> {
        let (call, result) =
            line.rsplit_once(") = ").or_else(|| line.rsplit_once(")  = ")).or_else(|| {
                let place = line.rfind(" = ")?;
                Some((line.get(..place)?.trim_end().strip_suffix(')')?, line.get(place + 3..)?))
            })?;
        if result.starts_with('-') || result.starts_with('?') {
            return Some(());
        }
        let took = result.rsplit_once('<').and_then(|(_, took)| took.strip_suffix('>'));
        let took: f64 = took.and_then(|took| took.parse().ok()).unwrap_or_default();
        let done = Moment(if resumed { time } else { time + took });
        let (name, arguments) = call.split_once('(')?;
        let arguments = Arguments::of(arguments);
        let call = match name {
            "openat" => opened(arguments.path_at(0)?, arguments.plain(2)?),
            "open" => opened(arguments.text(0)?, arguments.plain(1)?),
            "creat" => Call::Open { path: arguments.text(0)?, create: true, truncate: true },
            "write" => {
                Call::Write { path: arguments.file(0)?, offset: None, octets: arguments.octets(1)? }
            }
            "pwrite64" => Call::Write {
                path: arguments.file(0)?,
                offset: Some(arguments.plain(3)?.parse().ok()?),
                octets: arguments.octets(1)?,
            },
            "ftruncate" => Call::Truncate {
                path: arguments.file(0)?,
                length: arguments.plain(1)?.parse().ok()?,
            },
            "rename" => Call::Rename { from: arguments.text(0)?, to: arguments.text(1)? },
            "renameat" | "renameat2" => {
                Call::Rename { from: arguments.path_at(0)?, to: arguments.path_at(2)? }
            }
            "link" => Call::Link { from: arguments.text(0)?, to: arguments.text(1)? },
            "linkat" => Call::Link { from: arguments.path_at(0)?, to: arguments.path_at(2)? },
            "unlink" | "rmdir" => Call::Remove { path: arguments.text(0)? },
            "unlinkat" => Call::Remove { path: arguments.path_at(0)? },
            "mkdir" => Call::Folder { path: arguments.text(0)? },
            "mkdirat" => Call::Folder { path: arguments.path_at(0)? },
            "fsync" | "fdatasync" => {
                if !resumed {
                    let path = arguments.file(0)?;
                    self.calls.push((done, Call::SyncBegins { thread, path }));
                }
                Call::SyncEnds { thread }
            }
            // To sockets and pipes; on files the servers do not use them, and if they did it had to be told.
            "writev" | "pwritev" | "pwritev2" => {
                return arguments.file(0)?.is_relative().then_some(());
            }
            _ => return None,
        };
        self.calls.push((done, call));
        Some(())
    }
}

fn opened(path: PathBuf, flags: &str) -> Call {
    Call::Open { path, create: flags.contains("O_CREAT"), truncate: flags.contains("O_TRUNC") }
}

/// The file of a sync that has only begun.
fn synced(start: &str) -> Option<PathBuf> {
    let (name, arguments) = start.split_once('(')?;
    matches!(name, "fsync" | "fdatasync").then(|| Arguments::of(arguments).file(0)).flatten()
}

/// The arguments of a call, as they are written. With `-xx` every string is hexadecimal, so commas only separate.
struct Arguments<'a>(Vec<&'a str>);

impl<'a> Arguments<'a> {
    fn of(text: &'a str) -> Self {
        Self(text.split(", ").collect())
    }

    fn plain(&self, place: usize) -> Option<&'a str> {
        self.0.get(place).copied()
    }

    fn octets(&self, place: usize) -> Option<Vec<u8>> {
        let text = self.plain(place)?.strip_prefix('"')?.strip_suffix('"')?;
        unescaped(text)
    }

    fn text(&self, place: usize) -> Option<PathBuf> {
        String::from_utf8(self.octets(place)?).ok().map(PathBuf::from)
    }

    /// The file behind a descriptor: `3<\x2f…>`.
    fn file(&self, place: usize) -> Option<PathBuf> {
        let (_, rest) = self.plain(place)?.split_once('<')?;
        let path = unescaped(rest.trim_end_matches("(deleted)").strip_suffix('>')?);
        // A socket or a pipe is written as it is: it is no path from the root.
        Some(path.and_then(|path| String::from_utf8(path).ok()).unwrap_or_default().into())
    }

    /// A folder's descriptor and a path from there.
    fn path_at(&self, place: usize) -> Option<PathBuf> {
        Some(self.file(place)?.join(self.text(place + 1)?))
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len() / 4);
    for part in text.split("\\x").skip(1) {
        octets.push(u8::from_str_radix(part, 16).ok()?);
    }
    (octets.len() * 4 == text.len()).then_some(octets)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn lines_of_strace() {
        let text = "7 1.5 write(3<\\x2f\\x61>, \"\\x68\\x69\", 2) = 2 <0.25>\n\
                    7 2.0 fsync(3<\\x2f\\x61> <unfinished ...>\n\
                    8 2.1 link(\"\\x2f\\x61\", \"\\x2f\\x62\") = -1 EEXIST (File exists) <0.1>\n\
                    8 2.2 writev(5<socket:[1]>, [{iov_base=\"\\x00\", iov_len=1}], 1) = 1 <0.1>\n\
                    7 2.5 <... fsync resumed>)             = 0 <0.5>\n\
                    7 3.0 +++ killed by SIGKILL +++\n";
        let calls = Trace::parse(text).unwrap().calls;
        let (a, thread) = (PathBuf::from("/a"), 7);
        assert_eq!(
            calls,
            [
                (
                    Moment(1.75),
                    Call::Write { path: a.clone(), offset: None, octets: b"hi".to_vec() }
                ),
                (Moment(2.0), Call::SyncBegins { thread, path: a }),
                (Moment(2.5), Call::SyncEnds { thread }),
            ]
        );
        assert!(Trace::parse("7 1.0 sendfile(3, 4) = 1 <0.1>").is_err());
    }
}
