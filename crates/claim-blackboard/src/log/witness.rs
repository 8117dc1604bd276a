//! Asking one witness to cosign checkpoints (C2SP tlog-witness v1.0.0), at its own pace.
//!
//! Each witness is asked in a task of its own: one that is slow or away keeps nobody else waiting. All of them are led over
//! the same checkpoints, so that a proof, which has one checkpoint, can have the cosignatures of all: whoever comes later
//! begins with those that others have cosigned already, unless it is too far behind.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use claim_core::{Origin, Timestamp};
use claim_http::{Answer, ClientError, Nudged, ReachError, send};
use claim_log::note::{NoteSignature, PosixTime};
use claim_log::witness::{AddCheckpoint, conflicting_size, cosignature_in};
use claim_log::{
    CheckpointError, ConsistencyProof, LogKey, Resource, SignedCheckpoint, TileSet, TreeSize,
};
use claim_pki::{Certificate, CertificateError, Root};
use claim_store::blackboard::NewCosignature;
use tokio::time::{Instant, timeout};

use super::witnesses::{MeetError, Met, Place};
use super::{Behind, Log, LogError};
use crate::clocks::{Clocks, Exchange};
use crate::error::chain;
use crate::event::{Event, Observer};

/// The longest answer that is read, in bytes: signatures of a note, a size, or a certificate.
const MAX_ANSWER: usize = 64 * 1024;

/// How often it is looked whether another replica has published.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The pauses after a failure: each twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a witness is not asked for its time, while there is nothing else to ask it for.
const TIME_EVERY: Duration = Duration::from_secs(10 * 60);

/// How long an answer may take before receipts stop waiting for this witness.
const SOON: Duration = Duration::from_secs(2);

/// How many checkpoints that others have cosigned a witness catches up with. One that is further behind goes on with the
/// newest: what is handed in now is worth more to it than proofs that have long been fetched.
const MOST_BEHIND: u64 = 1000;

/// A witness that is asked.
pub(crate) struct WitnessAt {
    pub(crate) origin: Origin,
    pub(crate) client: reqwest::Client,
    pub(crate) place: Place,
    /// Whether it is CUHK, by whose clock it is settled whether a leap of the system's is followed.
    pub(crate) is_cuhk: bool,
}

/// What asking takes besides.
pub(crate) struct Asking<'a> {
    pub(crate) log: &'a Log,
    pub(crate) log_key: &'a LogKey,
    pub(crate) root: &'a Root,
    pub(crate) clocks: &'a Clocks,
    pub(crate) observer: &'a Observer,
}

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CosignError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("it answered {status}: {text:?}")]
    Refused { status: http::StatusCode, text: String },
    #[error("its certificate cannot be read: {0}")]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Meet(#[from] MeetError),
    #[error("its answer is not its cosignature")]
    NoCosignature,
    #[error("the log has not begun")]
    NoLog,
    /// Records that were restored from a copy, or a second log with this key.
    #[error("it has cosigned {known} entries of this log, and the records have {recorded}")]
    LogBehind { known: u64, recorded: u64 },
}

impl From<CheckpointError> for CosignError {
    fn from(error: CheckpointError) -> Self {
        Self::Log(error.into())
    }
}

impl From<claim_store::StoreError> for CosignError {
    fn from(error: claim_store::StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// What one look at the log came to.
enum Step {
    /// There is nothing that it has not cosigned. `asked`: it was spoken to.
    UpToDate { asked: bool },
    /// It has cosigned, or been passed over, another checkpoint.
    Further,
}

/// Has checkpoints cosigned as they are published, until it is dropped. While the witness is away, nothing waits for it.
pub(crate) async fn keep_cosigning(asking: &Asking<'_>, at: &WitnessAt, mut nudged: Nudged) {
    let witnesses = &asking.log.witnesses;
    let mut published = asking.log.published.subscribe();
    let mut state = State { met: None, floor: 0, compared: None };
    let (mut pause, mut away) = (FIRST_PAUSE, false);
    loop {
        published.mark_unchanged();
        let (outcome, soon) = step_watched(asking, at, &mut state).await;
        match outcome {
            Ok(step) => {
                pause = FIRST_PAUSE;
                if std::mem::take(&mut away) {
                    (asking.observer)(Event::WitnessBack { origin: at.origin.clone() });
                }
                if matches!(step, Step::Further | Step::UpToDate { asked: true }) {
                    witnesses.is_prompt(at.place, soon);
                }
                asking.log.tell_cosigned(0);
                if matches!(step, Step::UpToDate { .. }) {
                    // Nothing more is published than what was just looked at: then this ends by the time-out.
                    let _ = timeout(LOOK_EVERY, published.changed()).await;
                }
            }
            Err(error) => {
                late(asking, at);
                let reason = chain(&error);
                if !std::mem::replace(&mut away, true) {
                    let origin = at.origin.clone();
                    (asking.observer)(Event::WitnessAway { origin, reason });
                } else {
                    tracing::debug!(witness = %at.origin, error = %reason, "still not cosigned");
                }
                if matches!(error, CosignError::NoCosignature) {
                    // It may have taken a new key.
                    state.met = None;
                }
                nudged.or_after(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// One step, and whether it ended soon. While it does not, nobody waits for this witness any more.
async fn step_watched(
    asking: &Asking<'_>,
    at: &WitnessAt,
    state: &mut State,
) -> (Result<Step, CosignError>, bool) {
    let mut step = std::pin::pin!(step(asking, at, state));
    match timeout(SOON, &mut step).await {
        Ok(outcome) => (outcome, true),
        Err(_) => {
            late(asking, at);
            (step.await, false)
        }
    }
}

/// Tells those who wait for receipts not to wait for this witness.
fn late(asking: &Asking<'_>, at: &WitnessAt) {
    if asking.log.witnesses.is_prompt(at.place, false) {
        asking.log.tell_cosigned(0);
    }
}

/// What is known of one witness from one step to the next.
struct State {
    /// Who it is, once its certificate was seen.
    met: Option<Arc<Met>>,
    /// What it says that it has cosigned, where our records have less.
    floor: u64,
    /// When it was last asked what it has seen of the log, or for a cosignature: both tell its time, too.
    compared: Option<Instant>,
}

/// Has the next checkpoint cosigned, if there is one.
async fn step(asking: &Asking<'_>, at: &WitnessAt, state: &mut State) -> Result<Step, CosignError> {
    let log = asking.log;
    let mut asked = false;
    let met = match &state.met {
        Some(met) => Arc::clone(met),
        None => {
            asked = true;
            let met = Arc::new(meet(asking, at).await?);
            (state.met, state.floor) = (Some(Arc::clone(&met)), 0);
            met
        }
    };
    let is_fresh = state.compared.is_some_and(|at| at.elapsed() < TIME_EVERY);
    let settles = at.is_cuhk && asking.clocks.have_leapt();
    if !is_fresh || settles {
        compare(asking, at, &met).await?;
        (state.compared, asked) = (Some(Instant::now()), true);
    }
    let name = met.key.to_string();
    let recorded = log.store.last_cosigned_by(&name).await?;
    log.tell_cosigned(recorded);
    let last = recorded.max(state.floor);
    log.witnesses.has_cosigned(at.place, last);
    let Some(next) = next(log, last).await? else { return Ok(Step::UpToDate { asked }) };
    let size = next.unverified().head().size.value();
    let (mut answer, mut exchange) = ask(asking, at, last, &next).await?;
    if answer.status == http::StatusCode::CONFLICT
        && let Some(known) = conflicting_size(&answer.body)
    {
        // It has seen more, or less, of this log than our records tell.
        let known = known.value();
        if known > size {
            return passed_over(asking, at, state, known).await;
        }
        (answer, exchange) = ask(asking, at, known, &next).await?;
    }
    let (signature, time) = cosignature(&next, &met, &accepted(answer)?)?;
    compare_clocks(asking, at, exchange, time);
    state.compared = Some(Instant::now());
    let signature = signature.to_string();
    let cosignature = NewCosignature {
        witness: &name,
        size,
        checkpoint: &next.to_bytes(),
        signature: signature.as_bytes(),
    };
    log.store.keep_cosignature(&cosignature, asking.clocks.now()).await?;
    log.witnesses.has_cosigned(at.place, size);
    log.tell_cosigned(size);
    Ok(Step::Further)
}

/// Asks what the witness has seen of the log, by the checkpoint that is published: only where it has seen no more than is on
/// record, and nothing else, may the log grow. What it cosigns anew tells its time.
async fn compare(asking: &Asking<'_>, at: &WitnessAt, met: &Met) -> Result<(), CosignError> {
    let log = asking.log;
    log.standing.begun().await;
    let row = log.store.log_head().await?.ok_or(CosignError::NoLog)?;
    let published = SignedCheckpoint::from_bytes(&row.checkpoint)?;
    let (answer, exchange) = ask(asking, at, row.published_size, &published).await?;
    let known = match answer.status {
        http::StatusCode::CONFLICT => conflicting_size(&answer.body).map(TreeSize::value),
        _ => None,
    };
    let Some(known) = known else {
        let (_, time) = cosignature(&published, met, &accepted(answer)?)?;
        compare_clocks(asking, at, exchange, time);
        log.is_level();
        return Ok(());
    };
    // Another replica may have appended while it was asked.
    let recorded = log.store.log_head().await?.map_or(0, |row| row.size);
    // It was asked about a tree of this size, and has seen another one of it.
    let is_another = known == row.published_size;
    if known > recorded || is_another {
        return Err(behind(asking, at, Behind { known, recorded }));
    }
    log.is_level();
    Ok(())
}

/// Stops the log, and has it told once.
fn behind(asking: &Asking<'_>, at: &WitnessAt, behind: Behind) -> CosignError {
    let Behind { known, recorded } = behind;
    if asking.log.is_behind(behind) {
        (asking.observer)(Event::LogBehind { witness: at.origin.clone(), known, recorded });
    }
    CosignError::LogBehind { known, recorded }
}

/// The witness cannot go back: it goes on behind what it has cosigned.
async fn passed_over(
    asking: &Asking<'_>,
    at: &WitnessAt,
    state: &mut State,
    known: u64,
) -> Result<Step, CosignError> {
    let recorded = asking.log.store.log_head().await?.map_or(0, |row| row.size);
    if known > recorded {
        return Err(behind(asking, at, Behind { known, recorded }));
    }
    // Its cosignature of that very tree is not on record: one that took a new key gave it to whoever did not know the key
    // yet. So it is asked for that one again, where there is no larger.
    state.floor = known.saturating_sub(1);
    Ok(Step::Further)
}

/// The checkpoint that a witness is to cosign next, when it has cosigned this size: the first that another has, unless
/// there are too many; else the one that another is being asked for; else the newest.
async fn next(log: &Log, last: u64) -> Result<Option<SignedCheckpoint>, CosignError> {
    if log.store.cosigned_after(last, MOST_BEHIND).await?.is_none()
        && let Some(row) = log.store.cosigned_after(last, 0).await?
    {
        return Ok(Some(SignedCheckpoint::from_bytes(&row.checkpoint)?));
    }
    let Some(row) = log.store.log_head().await? else { return Ok(None) };
    if row.published_size <= last {
        return Ok(None);
    }
    // Two of them that come one after the other, while the log grows, must not get two different ones.
    let chosen = log.chosen(last, row.published_size, &row.checkpoint);
    Ok(Some(SignedCheckpoint::from_bytes(&chosen)?))
}

/// Gets to know the witness: its certificate must come from the root.
///
/// Who shows it does not matter: nobody else can make the cosignatures.
async fn meet(asking: &Asking<'_>, at: &WitnessAt) -> Result<Met, CosignError> {
    let certificate = certificate(&at.client, &at.origin).await?;
    let met = Met::verify(certificate, asking.root, asking.log_key, asking.clocks.now())?;
    // Durable before its first cosignature is: receipts must have its certificate.
    asking.log.store.put_witness(&met.key.to_string(), met.certificate.der()).await?;
    asking.log.witnesses.meet(Arc::new(met.clone()));
    Ok(met)
}

async fn certificate(
    client: &reqwest::Client,
    origin: &Origin,
) -> Result<Certificate, CosignError> {
    let url = origin.join("/witness/certificate");
    let pem = accepted(send(client.get(url), MAX_ANSWER).await?)?;
    Ok(Certificate::from_pem(&String::from_utf8_lossy(&pem))?)
}

/// What a witness knows of a log whose checkpoint it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knows {
    /// Nothing that this tree does not have; it has cosigned it.
    This,
    /// A larger tree.
    More {
        /// Its size.
        size: TreeSize,
    },
    /// Another tree of the same size.
    Another,
}

/// Asks a witness what it has seen of the log, by the checkpoint of a tree whose tiles somebody has. `verify` takes its
/// certificate.
pub(crate) async fn what_it_knows(
    client: &reqwest::Client,
    origin: &Origin,
    checkpoint: &SignedCheckpoint,
    verify: impl FnOnce(Certificate) -> Result<Met, MeetError>,
    tile: impl AsyncFn(Resource) -> Option<Vec<u8>>,
) -> Result<Knows, CosignError> {
    let met = verify(certificate(client, origin).await?)?;
    let size = checkpoint.unverified().head().size;
    let mut answer = post(client, origin, size, ConsistencyProof::empty(), checkpoint).await?;
    if answer.status == http::StatusCode::CONFLICT
        && let Some(known) = conflicting_size(&answer.body)
    {
        match known.cmp(&size) {
            Ordering::Greater => return Ok(Knows::More { size: known }),
            Ordering::Equal => return Ok(Knows::Another),
            Ordering::Less => {}
        }
        let mut tiles = TileSet::default();
        for wanted in ConsistencyProof::tiles(known, size).map_err(LogError::from)? {
            if let Some(octets) = tile(Resource::Tile(wanted)).await {
                tiles.insert(wanted, &octets).map_err(LogError::from)?;
            }
        }
        let proof = ConsistencyProof::from_tiles(known, size, &tiles).map_err(LogError::from)?;
        answer = post(client, origin, known, proof, checkpoint).await?;
    }
    cosignature(checkpoint, &met, &accepted(answer)?)?;
    Ok(Knows::This)
}

/// Its answer, and from when to when it was waited for.
async fn ask(
    asking: &Asking<'_>,
    at: &WitnessAt,
    old: u64,
    checkpoint: &SignedCheckpoint,
) -> Result<(Answer, Exchange), CosignError> {
    let log = asking.log;
    let old = TreeSize::try_from(old).map_err(LogError::from)?;
    let new = checkpoint.unverified().head().size;
    let tiles = ConsistencyProof::tiles(old, new).map_err(LogError::from)?;
    let tiles = log.tiles(tiles).await?;
    let proof = ConsistencyProof::from_tiles(old, new, &tiles).map_err(LogError::from)?;
    let sent = asking.clocks.now();
    let answer = post(&at.client, &at.origin, old, proof, checkpoint).await?;
    Ok((answer, Exchange { sent, received: asking.clocks.now() }))
}

async fn post(
    client: &reqwest::Client,
    origin: &Origin,
    old: TreeSize,
    proof: ConsistencyProof,
    checkpoint: &SignedCheckpoint,
) -> Result<Answer, CosignError> {
    let request = AddCheckpoint::new(old, proof, checkpoint.clone());
    let url = origin.join("/witness/add-checkpoint");
    Ok(send(client.post(url).body(request.to_bytes()), MAX_ANSWER).await?)
}

/// Compares the time of its cosignature with ours.
fn compare_clocks(asking: &Asking<'_>, at: &WitnessAt, exchange: Exchange, time: PosixTime) {
    let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX);
    let told = Timestamp::from_seconds(seconds);
    asking.clocks.compare(&at.origin, at.is_cuhk, exchange, told);
}

fn accepted(answer: Answer) -> Result<bytes::Bytes, CosignError> {
    if answer.status.is_success() {
        return Ok(answer.body);
    }
    let text = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
    Err(CosignError::Refused { status: answer.status, text })
}

/// The cosignature in the answer with its time, which must be by the witness that the root has certified.
fn cosignature(
    checkpoint: &SignedCheckpoint,
    met: &Met,
    answer: &[u8],
) -> Result<(NoteSignature, PosixTime), CosignError> {
    cosignature_in(answer, checkpoint, &met.key).ok_or(CosignError::NoCosignature)
}
