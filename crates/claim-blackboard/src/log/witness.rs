//! Asking the witness to cosign each published checkpoint (C2SP tlog-witness v1.0.0).

use std::sync::Arc;
use std::time::Duration;

use claim_core::{Origin, Timestamp};
use claim_http::{Answer, ClientError, ReachError, send};
use claim_log::note::NoteSignature;
use claim_log::witness::{AddCheckpoint, conflicting_size};
use claim_log::{CheckpointError, ConsistencyProof, SignedCheckpoint, TreeSize};
use claim_store::blackboard::CosignedRow;
use tokio::time::{sleep, timeout};

use super::{Log, LogError};
use crate::error::chain;
use crate::evidence::Evidence;

/// The longest answer that is read, in bytes: signatures of a note, or a size.
const MAX_ANSWER: usize = 64 * 1024;

/// How often it is looked whether another replica has published.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The pauses after a failure: each twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where the witness is, and how it is reached.
pub(crate) struct WitnessAt {
    pub(crate) origin: Origin,
    pub(crate) client: reqwest::Client,
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
    #[error("the witness answered {status}: {text:?}")]
    Refused { status: http::StatusCode, text: String },
    #[error("the witness's answer is not its cosignature")]
    NoCosignature,
}

impl From<CheckpointError> for CosignError {
    fn from(error: CheckpointError) -> Self {
        Self::Log(error.into())
    }
}

/// Has checkpoints cosigned as they are published, until it is dropped. While the witness is away proofs wait.
pub(crate) async fn keep_cosigning(
    log: &Log,
    evidence: &Arc<Evidence>,
    witness: &WitnessAt,
    now: impl Fn() -> Timestamp,
) {
    let mut published = log.published.subscribe();
    let mut pause = FIRST_PAUSE;
    loop {
        published.mark_unchanged();
        match cosign(log, evidence, witness, now()).await {
            Ok(size) => {
                pause = FIRST_PAUSE;
                log.cosigned.send_replace(size);
                // Nothing more is published than what was just looked at: then this ends by the time-out.
                let _ = timeout(LOOK_EVERY, published.changed()).await;
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the witness has not cosigned; proofs wait");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Has the published checkpoint cosigned, unless it is already; returns the size that is cosigned.
async fn cosign(
    log: &Log,
    evidence: &Evidence,
    witness: &WitnessAt,
    now: Timestamp,
) -> Result<u64, CosignError> {
    let last = log.store.last_cosigned().await.map_err(LogError::from)?;
    let last = last.map_or(0, |row| row.size);
    let Some((_, row)) = log.head().await? else { return Ok(last) };
    if row.published_size <= last {
        return Ok(last);
    }
    let checkpoint = SignedCheckpoint::from_bytes(&row.checkpoint)?;
    let mut answer = ask(log, witness, last, &checkpoint).await?;
    if answer.status == http::StatusCode::CONFLICT
        && let Some(known) = conflicting_size(&answer.body)
    {
        // It has seen more, or less, of this log than our records tell.
        answer = ask(log, witness, known.value(), &checkpoint).await?;
    }
    if !answer.status.is_success() {
        let text = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        return Err(CosignError::Refused { status: answer.status, text });
    }
    let cosigned = with_cosignature(checkpoint, evidence, &answer.body)?;
    let row = CosignedRow { size: row.published_size, checkpoint: cosigned.to_bytes() };
    log.store.keep_cosigned(&row, now).await.map_err(LogError::from)?;
    Ok(row.size)
}

async fn ask(
    log: &Log,
    witness: &WitnessAt,
    old: u64,
    checkpoint: &SignedCheckpoint,
) -> Result<Answer, CosignError> {
    let old = TreeSize::try_from(old).map_err(LogError::from)?;
    let new = checkpoint.unverified().head().size;
    let tiles = ConsistencyProof::tiles(old, new).map_err(LogError::from)?;
    let tiles = log.tiles(tiles).await?;
    let proof = ConsistencyProof::from_tiles(old, new, &tiles).map_err(LogError::from)?;
    let request = AddCheckpoint::new(old, proof, checkpoint.clone());
    let url = witness.origin.join("/witness/add-checkpoint");
    Ok(send(witness.client.post(url).body(request.to_bytes()), MAX_ANSWER).await?)
}

/// The checkpoint with the cosignature in the answer, which must be by the witness that the root has certified.
fn with_cosignature(
    checkpoint: SignedCheckpoint,
    evidence: &Evidence,
    answer: &[u8],
) -> Result<SignedCheckpoint, CosignError> {
    let text = std::str::from_utf8(answer).map_err(|_| CosignError::NoCosignature)?;
    let key = evidence.witness.as_verifier();
    let ours =
        |signature: &NoteSignature| signature.name() == key.name() && signature.id() == key.id();
    let signature = text.lines().filter_map(|line| line.parse().ok()).find(ours);
    let signature = signature.ok_or(CosignError::NoCosignature)?;
    let cosigned = checkpoint.with_signature(signature).map_err(|_| CosignError::NoCosignature)?;
    match cosigned.cosigned(std::slice::from_ref(&evidence.witness)) {
        Ok(verified) if !verified.is_empty() => Ok(cosigned),
        _ => Err(CosignError::NoCosignature),
    }
}
