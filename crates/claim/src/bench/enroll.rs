//! `claim bench enroll`: certificates by one-time codes, over connections that are kept.
//!
//! CUHK and those who enrol have processors of their own where there are several.

use std::fmt;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use claim_core::encoding::base64;
use claim_core::invitation::{Invitation, Invitee};
use claim_core::{Origin, PersonId};
use claim_cuhk::{Clock, Office};
use claim_http::{PKCS10, decode_est_body, encode_est_body};
use claim_pki::{
    CertificationRequest, PublicKey, Root, SigningKey, Subject, certification_request,
    decode_certs_only,
};
use http::{Request, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;
use tokio::process::Child;
use tokio::task::JoinSet;

use super::connection::{Client, Connection, read_answer};
use super::cpu::CpuTime;
use super::io::bytes_written;
use super::load::deal;
use super::pin::pin;
use super::primitives::micros_each;
use super::site::{Started, read, start_program};
use super::temporary_folder;
use crate::cli::EnrollArgs;
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// The SID of the first student; the others follow.
const FIRST: u32 = 1_155_000_000;

/// One in so many enrols before anything counts: until caches are filled and threads started.
const WARM_UP: usize = 10;

/// What came out. Times of one certificate are in microseconds.
#[derive(Clone, Debug, Serialize)]
struct Report {
    /// How many students enrolled while it was measured.
    enrolled: usize,
    connections: usize,
    /// The seconds in which they did.
    elapsed: f64,
    per_second: f64,
    /// From the request to the answer, in milliseconds.
    median: f64,
    p99: f64,
    longest: f64,
    /// Processor time of CUHK and of those who enrol.
    server_user: f64,
    server_system: f64,
    students: f64,
    /// What CUHK sent to its storage, in bytes a certificate.
    written: u64,
    /// One signature, and one verification: the request's own.
    signature: f64,
    verification: f64,
    /// What one processor could do a second, if it did nothing else.
    bound: f64,
    /// How much of that was done.
    share: f64,
    /// CUHK's processor time beside the signature and the verification.
    ratio: f64,
    /// Whether CUHK had one processor to itself, or all of them with the students.
    processors_apart: bool,
}

/// Somebody who is about to enrol.
struct Candidate {
    key: PublicKey,
    credentials: String,
    request: Bytes,
}

/// A CUHK in a process of its own, which ends with this.
struct Authority {
    client: Client,
    child: Child,
    process: u32,
}

/// Runs it.
pub(super) async fn run(arguments: EnrollArgs, context: &Context) -> Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let report = tokio::select! {
        report = measured(&arguments, context) => report?,
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    Ok(Exit::Done)
}

async fn measured(arguments: &EnrollArgs, context: &Context) -> Result<Report> {
    let (terminal, dir) = (context.terminal, temporary_folder(context)?);
    let (count, connections) = (arguments.students, arguments.concurrency.min(arguments.students));
    terminal.say(&format!("Inviting {count} students, and making their keys and requests …"));
    let candidates = candidates(dir.path(), count).await?;
    let mut primitives = primitives()?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    // CUHK inherits the processor of whoever starts it.
    let mut processors_apart = processors > 1 && pin(0, 1).await;
    let authority = Authority::start(dir.path()).await?;
    processors_apart = processors_apart && pin(1, processors).await;

    terminal.say(&format!("Enrolling over {connections} connections …"));
    let (warm_up, rest) = split(candidates, count as usize / WARM_UP);
    let kept = authority.connect(connections as usize).await?;
    let (kept, _) = enrol(&authority, kept, deal(warm_up, connections as usize)).await?;
    let (enrolled, hands) = (rest.len(), deal(rest, connections as usize));
    let (server, students) = (CpuTime::of(authority.process)?, CpuTime::of(std::process::id())?);
    let (begin, written) = (Instant::now(), bytes_written(authority.process)?);
    let (_, mut latencies) = enrol(&authority, kept, hands).await?;
    let elapsed = begin.elapsed().as_secs_f64();
    let server = CpuTime::of(authority.process)?.since(server);
    let students = CpuTime::of(std::process::id())?.since(students);
    let written = bytes_written(authority.process)?.saturating_sub(written);
    authority.stop().await;

    let again = self::primitives()?;
    primitives = (f64::min(primitives.0, again.0), f64::min(primitives.1, again.1));
    let (signature, verification) = primitives;
    latencies.sort_unstable();
    let at = |part: f64| {
        let index = (latencies.len() as f64 * part) as usize;
        let latency = latencies.get(index.min(latencies.len().saturating_sub(1)));
        latency.map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    };
    let each = |time: Duration| time.as_secs_f64() * 1e6 / enrolled.max(1) as f64;
    let (per_second, bound) = (enrolled as f64 / elapsed, 1e6 / (signature + verification));
    Ok(Report {
        enrolled,
        connections: connections as usize,
        elapsed,
        per_second,
        median: at(0.5),
        p99: at(0.99),
        longest: at(1.0),
        server_user: each(server.user),
        server_system: each(server.system),
        students: each(students.user + students.system),
        written: written / enrolled.max(1) as u64,
        signature,
        verification,
        bound,
        share: per_second / bound,
        ratio: each(server.user + server.system) / (signature + verification),
        processors_apart,
    })
}

/// Puts so many students on the roster of a new CUHK, with a code for each, and lets each make a key and a request.
async fn candidates(dir: &Path, count: u32) -> Result<Vec<Candidate>> {
    let origin = Origin::from_user("https://localhost:9335")?;
    claim_cuhk::init(dir, None, Some(&origin), &Clock::system()).await?;
    let office = Office::open(dir, None, Clock::system()).await?;
    let mut roster = String::from("id\n");
    for number in 0..count {
        roster.push_str(&format!("{:010}\n", FIRST + number));
    }
    let invited = office.invite_roster(roster.as_bytes(), None).await?;
    office.close().await;
    let made = tokio::task::spawn_blocking(move || {
        invited.into_iter().map(|one| Candidate::new(one.id, &one.invitation)).collect()
    });
    made.await?
}

impl Candidate {
    fn new(id: PersonId, invitation: &Invitation) -> Result<Self> {
        let key = SigningKey::generate()?;
        let code = invitation.code.expose();
        let user = Invitee::Person(id.clone()).user_id();
        let request = certification_request(&key, &Subject::Person { id, name: None })?;
        Ok(Self {
            key: key.public_key().clone(),
            credentials: format!("Basic {}", base64(format!("{user}:{code}").as_bytes())),
            request: Bytes::from(encode_est_body(&request)),
        })
    }
}

impl Authority {
    async fn start(dir: &Path) -> Result<Self> {
        let arguments = ["--listen", "127.0.0.1:0"];
        let Started { process: child, listening, .. } =
            start_program("cuhk", dir, &arguments).await?;
        let process = child.id().context("CUHK has ended")?;
        let address = listening.addresses.first().copied().context("CUHK listens nowhere")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
        let root = Arc::new(Root::from_pem(&read(dir, "cuhk.cer")?)?);
        Ok(Self { client: Client::of(root, listening.origin, address)?, child, process })
    }

    async fn connect(&self, connections: usize) -> Result<Vec<Connection>> {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(self.client.connect().await?);
        }
        Ok(open)
    }

    async fn stop(mut self) {
        // It can only have ended already.
        let _ = self.child.kill().await;
    }
}

/// Everybody enrols, those of one hand one after the other over one connection.
async fn enrol(
    authority: &Authority,
    connections: Vec<Connection>,
    hands: Vec<Vec<Candidate>>,
) -> Result<(Vec<Connection>, Vec<Duration>)> {
    let mut at_work = JoinSet::new();
    let hands = hands.into_iter().chain(std::iter::repeat_with(Vec::new));
    for (mut connection, hand) in connections.into_iter().zip(hands) {
        let client = authority.client.clone();
        at_work.spawn(async move {
            let mut latencies = Vec::with_capacity(hand.len());
            for candidate in hand {
                let begun = Instant::now();
                candidate.enrol(&client, &mut connection).await?;
                latencies.push(begun.elapsed());
            }
            anyhow::Ok((connection, latencies))
        });
    }
    let (mut connections, mut latencies) = (Vec::new(), Vec::new());
    while let Some(done) = at_work.join_next().await {
        let (connection, took) = done.map_err(|_| anyhow!("a student was lost"))??;
        connections.push(connection);
        latencies.extend(took);
    }
    Ok((connections, latencies))
}

impl Candidate {
    /// Steps 1 and 2.
    async fn enrol(self, client: &Client, connection: &mut Connection) -> Result<()> {
        let uri = client.origin().join("/.well-known/est/simpleenroll");
        let request = Request::post(uri)
            .header(header::CONTENT_TYPE, PKCS10)
            .header(header::AUTHORIZATION, self.credentials)
            .body(Full::new(self.request))?;
        let answer = connection.send(request).await?;
        let status = answer.status();
        let content = read_answer(answer.into_body()).await?;
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&content));
        let der = decode_est_body(&content).map_err(|_| anyhow!("the answer is not base64"))?;
        let certificates = decode_certs_only(&der)?;
        let [certificate] = certificates.as_slice() else {
            return Err(anyhow!("{} certificates came", certificates.len()));
        };
        ensure!(certificate.public_key()? == self.key, "the certificate is for another key");
        Ok(())
    }
}

/// One signature over a certificate's worth of bytes, and one verification of a request, in microseconds on this thread.
fn primitives() -> Result<(f64, f64)> {
    let key = SigningKey::generate()?;
    let id: PersonId = format!("{FIRST:010}").parse()?;
    let request = certification_request(&key, &Subject::Person { id, name: None })?;
    let message = CertificationRequest::from_der(&request)?.der().to_vec();
    let signature = key.sign(&message)?;
    let signing = micros_each(|| {
        black_box(key.sign(black_box(&message))?);
        Ok(())
    })?;
    let verifying = micros_each(|| {
        key.public_key().verify(black_box(&message), &signature)?;
        Ok(())
    })?;
    Ok((signing, verifying))
}

fn split<T>(mut all: Vec<T>, first: usize) -> (Vec<T>, Vec<T>) {
    let rest = all.split_off(first.min(all.len()));
    (all, rest)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{} students enrolled by their codes, over {} kept connections:",
            self.enrolled, self.connections
        )?;
        let mut line = |name: &str, text: String| writeln!(f, "  {name:<40}{text}");
        line("certificates a second", format!("{:>8.0}", self.per_second))?;
        let latencies = (self.median, self.p99, self.longest);
        line(
            "from the request to the certificate",
            format!(
                "{:>8.1} ms half of them, {:.1} ms 99 %, {:.1} ms the longest",
                latencies.0, latencies.1, latencies.2
            ),
        )?;
        let server = (self.server_user, self.server_system);
        line(
            "CUHK's processor time each",
            format!("{:>8.0} µs user, {:.0} µs system", server.0, server.1),
        )?;
        line("students' processor time each", format!("{:>8.0} µs", self.students))?;
        line("CUHK's bytes to the storage each", format!("{:>8}", self.written))?;
        let raw = (self.signature, self.verification);
        line(
            "one signature, one verification",
            format!("{:>8.1} µs, {:.1} µs: {:.0} a second", raw.0, raw.1, self.bound),
        )?;
        line("of these, certificates", format!("{:>8.0} %", self.share * 100.0))?;
        line("CUHK's time beside them, ratio", format!("{:>8.1}", self.ratio))?;
        let apart = if self.processors_apart {
            "CUHK has one processor, the students have the others."
        } else {
            "CUHK and the students share the processors."
        };
        write!(f, "{apart}")
    }
}
