//! `claim bench verify`: real receipts through the verifier, on every processor, beside the signatures that they hold.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use claim_core::receipt::{Evidence, Verdict, verify};
use claim_pki::{Ed25519SigningKey, Root, SigningKey};
use serde::Serialize;
use tokio::task::JoinSet;

use super::connection::Client;
use super::hand_in::hand_in;
use super::primitives::micros_each;
use super::site::Site;
use super::students::Student;
use super::temporary_folder;
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// So many students hand in at once, to make the receipts.
const AT_ONCE: usize = 50;

/// The signatures of ECDSA that a receipt holds: the claim, its signer's certificate, the issuing one, the token, the
/// certificates of timestamp, log and witness, the revocation list.
const ECDSA: u32 = 8;

/// Those of Ed25519: the log's and the witness's, under the checkpoint of either proof.
const ED25519: u32 = 4;

/// What came out. Times are in microseconds.
#[derive(Clone, Debug, Serialize)]
struct Report {
    receipts: usize,
    bytes: usize,
    seconds: f64,
    threads: usize,
    verified: u64,
    per_second: f64,
    /// On one thread.
    each: f64,
    ecdsa_verification: f64,
    ed25519_verification: f64,
    /// The signatures alone.
    unavoidable: f64,
    ratio: f64,
}

/// Runs it.
pub(super) async fn run(seconds: u64, receipts: usize, context: &Context) -> Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let report = tokio::select! {
        report = measured(Duration::from_secs(seconds), receipts, context) => report?,
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    Ok(Exit::Done)
}

async fn measured(time: Duration, receipts: usize, context: &Context) -> Result<Report> {
    let terminal = context.terminal;
    let dir = temporary_folder(context)?;
    terminal.say("Starting CUHK and Blackboard …");
    let site = Site::start(dir.path()).await?;
    site.takes_claims().await?;
    terminal.say(&format!("Handing in {receipts} times …"));
    let made = make(&site, receipts).await?;
    let root = Arc::clone(&site.root);
    site.stop().await;
    terminal.say("Verifying …");
    tokio::task::spawn_blocking(move || judge(&made, &root, time)).await?
}

/// So many receipts, each of somebody else.
async fn make(site: &Site, receipts: usize) -> Result<Vec<Bytes>> {
    let client = Client::new(site)?;
    let students = Student::many(u32::try_from(receipts)?, &site.issuer)?;
    let mut students = students.into_iter();
    let (mut at_work, mut made) = (JoinSet::new(), Vec::new());
    while made.len() < receipts {
        while at_work.len() < AT_ONCE
            && let Some(student) = students.next()
        {
            let client = client.clone();
            at_work.spawn(async move {
                let mut connection = client.connect().await?;
                let session = client.open_session(&mut connection, &student.credential).await?;
                let receipt = hand_in(&client, &mut connection, &session, &student).await?;
                connection.close().await;
                anyhow::Ok(receipt)
            });
        }
        let next = at_work.join_next().await.ok_or_else(|| anyhow!("a hand-in was lost"))?;
        made.push(next.context("a hand-in ended early")??);
    }
    Ok(made)
}

fn judge(receipts: &[Bytes], root: &Root, time: Duration) -> Result<Report> {
    let verified = |receipt: &Bytes| {
        let evidence = Evidence { receipt, root, files: &[], witness: None, newer_lists: &[] };
        let report = verify(black_box(&evidence));
        ensure!(report.verdict() == Verdict::Verified, "a receipt does not verify: {report:?}");
        Ok(())
    };
    let mut next = receipts.iter().cycle();
    let each = micros_each(|| next.next().map_or(Ok(()), verified))?;

    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let begin = Instant::now();
    let work = |_| {
        let mut count = 0;
        for receipt in receipts.iter().cycle() {
            if begin.elapsed() >= time {
                break;
            }
            verified(receipt)?;
            count += 1;
        }
        anyhow::Ok(count)
    };
    let counts: Result<Vec<u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads).map(|number| scope.spawn(move || work(number))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<u64>>| {
            thread.join().map_err(|_| anyhow!("a thread has ended early"))?
        };
        threads.into_iter().map(join).collect()
    });
    let elapsed = begin.elapsed().as_secs_f64();
    let verified: u64 = counts?.into_iter().sum();
    let (ecdsa_verification, ed25519_verification) = signatures()?;
    let unavoidable =
        f64::from(ECDSA) * ecdsa_verification + f64::from(ED25519) * ed25519_verification;
    Ok(Report {
        receipts: receipts.len(),
        bytes: receipts.iter().map(Bytes::len).sum::<usize>() / receipts.len().max(1),
        seconds: elapsed,
        threads,
        verified,
        per_second: verified as f64 / elapsed,
        each,
        ecdsa_verification,
        ed25519_verification,
        unavoidable,
        ratio: each / unavoidable,
    })
}

/// One verification of either kind, in microseconds.
fn signatures() -> Result<(f64, f64)> {
    const MESSAGE: &[u8] = &[1; 200];
    let key = SigningKey::generate()?;
    let signature = key.sign(MESSAGE)?;
    let ecdsa = micros_each(|| Ok(key.public_key().verify(black_box(MESSAGE), &signature)?))?;
    let key = Ed25519SigningKey::generate()?;
    let signature = key.sign(MESSAGE)?;
    let ed25519 = micros_each(|| Ok(key.public_key().verify(black_box(MESSAGE), &signature)?))?;
    Ok((ecdsa, ed25519))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { receipts, bytes, threads, .. } = self;
        writeln!(f, "\n{receipts} receipts of {bytes} bytes each, of {threads} threads:")?;
        let mut line = |name: &str, text: String| writeln!(f, "  {name:<40}{text}");
        line("rate", format!("{:>8.0} a second ({} in all)", self.per_second, self.verified))?;
        line("one receipt on one thread", format!("{:>8.1} µs", self.each))?;
        let ecdsa = format!("{ECDSA} × ECDSA P-256");
        line(&ecdsa, format!("{:>8.1} µs each", self.ecdsa_verification))?;
        let ed25519 = format!("{ED25519} × Ed25519");
        line(&ed25519, format!("{:>8.1} µs each", self.ed25519_verification))?;
        line("its signatures alone", format!("{:>8.1} µs", self.unavoidable))?;
        write!(f, "  {:<40}{:>8.2}", "ratio", self.ratio)
    }
}
