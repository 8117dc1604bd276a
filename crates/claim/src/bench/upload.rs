//! `claim bench upload`: one large file and many small ones, with what they cost the server.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use claim_core::claim::{ClaimId, FileEntry, FileHasher, FileName, Files};
use claim_core::hand_in::{Assignments, CMS, OCTETS};
use claim_core::json;
use claim_core::student::Session;
use http::StatusCode;
use rand_core::Rng;
use serde::Serialize;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::connection::{Ask, Client};
use super::cpu::CpuTime;
use super::hand_in::{expect, sign};
use super::io::{bytes_written, memory, reset_peak};
use super::primitives::{Bulk, bulk};
use super::site::Site;
use super::students::{Student, system_rng};
use super::temporary_folder;
use crate::cli::UploadArgs;
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// The assignment that the files are for: the one that is always there takes fewer.
const ASSIGNMENT: &str = "bench/upload";

/// A piece, in bytes.
const PIECE: usize = 4 * 1024 * 1024;

/// A small file, in bytes.
const SMALL: usize = 20_000;

/// So many pieces are on their way at once, as those of the student program.
const AT_ONCE: u64 = 4;

/// Everything.
#[derive(Clone, Debug, Serialize)]
struct Report {
    primitives: Bulk,
    uploads: Vec<Upload>,
    /// How many processors server and student shared.
    processors: usize,
}

/// One claim's files. Times are in seconds, sizes in bytes.
#[derive(Clone, Debug, Serialize)]
struct Upload {
    files: usize,
    bytes: u64,
    requests: usize,
    elapsed: f64,
    server_user: f64,
    server_system: f64,
    student_user: f64,
    student_system: f64,
    /// What the server sent to its storage.
    written: u64,
    memory_before: u64,
    memory_peak: u64,
    parts: Parts,
    /// One decryption and one digest of every byte.
    unavoidable: f64,
    /// The server's user time beside that.
    ratio: f64,
}

/// Where the time went, in seconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Parts {
    /// To decrypt every byte once, as measured alone.
    tls: f64,
    /// To hash every byte once, as measured alone.
    hashing: f64,
    /// The rest of the server's user time.
    other: f64,
    /// The server's system time.
    system: f64,
    /// Of all requests together, the time in which neither side computed for them: waiting for the storage, the network
    /// or a processor.
    waiting: f64,
}

impl Parts {
    fn new(primitives: &Bulk, bytes: u64, elapsed: f64, server: CpuTime, student: CpuTime) -> Self {
        let (tls, hashing) = primitives.parts(bytes);
        let (user, system) = (server.user.as_secs_f64(), server.system.as_secs_f64());
        let computing = user + system + (student.user + student.system).as_secs_f64();
        Self {
            tls,
            hashing,
            other: (user - tls - hashing).max(0.0),
            system,
            waiting: (elapsed * AT_ONCE as f64 - computing).max(0.0),
        }
    }
}

/// The files of one claim, all of them cut out of the same random bytes.
struct Source {
    names: Vec<FileEntry>,
    size: usize,
    random: Bytes,
}

/// Runs it.
pub(super) async fn run(arguments: UploadArgs, context: &Context) -> Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let report = tokio::select! {
        report = measured(&arguments, context) => report?,
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    Ok(Exit::Done)
}

async fn measured(arguments: &UploadArgs, context: &Context) -> Result<Report> {
    let terminal = context.terminal;
    let dir = temporary_folder(context)?;
    terminal.say("Starting CUHK and Blackboard …");
    let site = Site::start(dir.path()).await?;
    site.takes_claims().await?;
    add_assignment(dir.path()).await?;
    terminal.say("Measuring the primitives …");
    let primitives = tokio::task::spawn_blocking(bulk).await??;
    let mut uploads = Vec::new();
    let sources = [
        (1, usize::try_from(arguments.megabytes)? * 1024 * 1024),
        (usize::try_from(arguments.files)?, SMALL),
    ];
    for (number, (files, size)) in (0..).zip(sources) {
        if files * size == 0 {
            continue;
        }
        terminal.say(&format!("Handing in: {files} × {size} bytes …"));
        let source = tokio::task::spawn_blocking(move || Source::new(files, size)).await??;
        let student = Student::new(number, &site.issuer)?;
        uploads.push(upload(&site, student, source, &primitives).await?);
    }
    site.stop().await;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Report { primitives, uploads, processors })
}

/// One that takes as much as there can be.
async fn add_assignment(dir: &Path) -> Result<()> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let mut command = Command::new(program);
    command.args(["blackboard", "assignment", "add", ASSIGNMENT, "--max-files", "10000"]);
    command.args(["--max-bytes", &(1_u64 << 40).to_string(), "--dir"]).arg(dir);
    let output = command.stdin(Stdio::null()).output().await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the assignment could not be added: {errors}");
    Ok(())
}

impl Source {
    fn new(files: usize, size: usize) -> Result<Self> {
        let mut random = vec![0; PIECE + files];
        system_rng().fill_bytes(&mut random);
        let random = Bytes::from(random);
        let mut source = Self { names: Vec::new(), size, random };
        for number in 0..files {
            let mut hasher = FileHasher::new();
            for index in 0..source.pieces() {
                hasher.update(&source.piece(number, index));
            }
            let name = FileName::normalised(&format!("data/{number:05}.bin"))?;
            source.names.push(hasher.finish(name)?);
        }
        Ok(source)
    }

    fn pieces(&self) -> usize {
        self.size.div_ceil(PIECE)
    }

    /// A piece of a file: each file begins one byte later, so no two are the same.
    fn piece(&self, file: usize, index: usize) -> Bytes {
        let length = PIECE.min(self.size - index * PIECE);
        self.random.slice(file..file + length)
    }
}

async fn upload(
    site: &Site,
    student: Student,
    source: Source,
    primitives: &Bulk,
) -> Result<Upload> {
    let client = Client::new(site)?;
    let mut connection = client.connect().await?;
    let session = client.open_session(&mut connection, &student.credential).await?;
    let ask = Ask { method: "GET", target: "/v1/assignments", content: None };
    let (status, content) = client.ask(&mut connection, &session, ask).await?;
    expect(status, StatusCode::OK, &content)?;
    let assignments: Assignments = json::from_slice(&content)?;
    let wanted = assignments
        .assignments
        .iter()
        .find(|assignment| assignment.reference().to_string() == ASSIGNMENT)
        .context("the assignment is not there")?;
    let (claim, cms) = sign(&session, &student, wanted, Files::new(source.names.clone())?)?;
    let cms = Bytes::from(cms);
    let ask = Ask { method: "POST", target: "/v1/claims", content: Some((CMS, &cms)) };
    let (status, content) = client.ask(&mut connection, &session, ask).await?;
    expect(status, StatusCode::CREATED, &content)?;
    connection.close().await;

    let (process, myself) = (site.process(), std::process::id());
    reset_peak(process)?;
    let before = memory(process)?.now;
    let (begin, written) = (Instant::now(), bytes_written(process)?);
    let (server, student) = (site.cpu()?, CpuTime::of(myself)?);
    let (files, size) = (source.names.len(), source.size);
    let requests = send(&client, session, claim, source).await?;
    let elapsed = begin.elapsed().as_secs_f64();
    let (server, student) = (site.cpu()?.since(server), CpuTime::of(myself)?.since(student));

    let bytes = files as u64 * size as u64;
    let unavoidable = primitives.seconds(bytes);
    let server_user = server.user.as_secs_f64();
    Ok(Upload {
        files,
        bytes,
        requests,
        elapsed,
        server_user,
        server_system: server.system.as_secs_f64(),
        student_user: student.user.as_secs_f64(),
        student_system: student.system.as_secs_f64(),
        written: bytes_written(process)?.saturating_sub(written),
        memory_before: before,
        memory_peak: memory(process)?.peak,
        parts: Parts::new(primitives, bytes, elapsed, server, student),
        unavoidable,
        ratio: server_user / unavoidable,
    })
}

/// All pieces, some at once, each of these over a connection of its own.
async fn send(client: &Client, session: Session, claim: ClaimId, source: Source) -> Result<usize> {
    let (session, source) = (Arc::new(session), Arc::new(source));
    let all = source.names.len() * source.pieces();
    let mut at_work = JoinSet::new();
    for worker in 0..usize::try_from(AT_ONCE)? {
        let (client, session, source) = (client.clone(), Arc::clone(&session), Arc::clone(&source));
        at_work.spawn(async move {
            let mut connection = client.connect().await?;
            for number in (worker..all).step_by(usize::try_from(AT_ONCE)?) {
                let (file, index) = (number / source.pieces(), number % source.pieces());
                let piece = source.piece(file, index);
                let target = format!("/v1/claims/{claim}/files/{file}/{index}");
                let ask = Ask { method: "PUT", target: &target, content: Some((OCTETS, &piece)) };
                let (status, content) = client.ask(&mut connection, &session, ask).await?;
                expect(status, StatusCode::NO_CONTENT, &content)?;
            }
            connection.close().await;
            anyhow::Ok(())
        });
    }
    while let Some(done) = at_work.join_next().await {
        done.map_err(|_| anyhow!("an upload ended early"))??;
    }
    Ok(all)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bulk { decryption, digest } = self.primitives;
        writeln!(f, "\nOn one thread, for a GiB:")?;
        writeln!(f, "  {:<40}{decryption:>8.2} s", "decryption, AES-128-GCM in TLS records")?;
        writeln!(f, "  {:<40}{digest:>8.2} s", "SHA-256")?;
        for upload in &self.uploads {
            upload.fmt(f)?;
        }
        write!(f, "\nServer and student together on {} processors.", self.processors)
    }
}

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: f64 = 1024.0 * 1024.0;
        let (bytes, requests) = (self.bytes as f64, self.requests as f64);
        writeln!(
            f,
            "\n{} files, {:.0} MiB in {} requests:",
            self.files,
            bytes / MIB,
            self.requests
        )?;
        let mut line = |name: &str, text: String| writeln!(f, "  {name:<40}{text}");
        let rate = (bytes / 1e6 / self.elapsed, requests / self.elapsed);
        line("rate", format!("{:>8.0} MB/s, {:.0} requests a second", rate.0, rate.1))?;
        let processor = |user: f64, system: f64| {
            let each = (user + system) / requests * 1e6;
            let gib = (user + system) / bytes * 1024.0 * MIB;
            format!(
                "{user:>8.2} s user, {system:.2} system; {each:.0} µs a request, {gib:.2} s a GiB"
            )
        };
        line("student's processor time", processor(self.student_user, self.student_system))?;
        line("server's processor time", processor(self.server_user, self.server_system))?;
        let parts = [
            ("  TLS: decryption", self.parts.tls),
            ("  hashing", self.parts.hashing),
            ("  the rest of the user time", self.parts.other),
            ("  system", self.parts.system),
            ("  beside it, requests waiting", self.parts.waiting),
        ];
        for (name, seconds) in parts {
            let (gib, file) = (seconds / bytes * 1024.0 * MIB, seconds / self.files as f64 * 1e6);
            line(name, format!("{gib:>8.2} s a GiB, {file:.0} µs a file"))?;
        }
        line("decryption and digest alone", format!("{:>8.2} s", self.unavoidable))?;
        line("ratio of the server's user time", format!("{:>8.2}", self.ratio))?;
        line("server's bytes to the storage", format!("{:>8.0} MiB", self.written as f64 / MIB))?;
        let (before, peak) = (self.memory_before as f64 / MIB, self.memory_peak as f64 / MIB);
        line("server's memory, before and at most", format!("{before:>8.0} MiB, {peak:.0} MiB"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_parts_make_up_the_whole() {
        let cpu = |user, system| CpuTime {
            user: Duration::from_millis(user),
            system: Duration::from_millis(system),
        };
        let primitives = Bulk { decryption: 0.125, digest: 0.5 };
        let parts = Parts::new(&primitives, 2 << 30, 3.0, cpu(2_250, 1_500), cpu(750, 500));
        let Parts { tls, hashing, other, system, waiting } = parts;
        assert_eq!([tls, hashing, other, system], [0.25, 1.0, 1.0, 1.5]);
        // Four at once for three seconds, in five of which somebody computed.
        assert_eq!(waiting, 7.0);
    }

    #[test]
    fn pieces_are_those_that_were_listed() {
        let source = Source::new(2, PIECE + 5).unwrap();
        assert_eq!(source.pieces(), 2);
        assert_eq!(source.piece(1, 1).len(), 5);
        for (file, entry) in source.names.iter().enumerate() {
            for index in 0..2 {
                let digest = claim_core::Digest::of(&source.piece(file, index));
                assert_eq!(entry.piece_digest(index as u64), Some(digest));
            }
        }
        assert_ne!(source.names[0].sha256(), source.names[1].sha256());
    }
}
