//! `add-checkpoint`: look up, decide, remember, and only then cosign.

use claim_core::Timestamp;
use claim_log::note::PosixTime;
use claim_log::witness::{Accepted, AddCheckpoint, Decision, Refusal, SplitView, decide};
use claim_log::{LogKey, LogSigned, SignedCheckpoint};
use claim_store::{DiskFault, StoreError, WitnessedCheckpoint};

use crate::host::Host;

/// How often another request for the same log may come first before this one is given up.
const ATTEMPTS: usize = 8;

/// The answer to a request, as tlog-witness has it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// Why there is no answer: it is not the fault of the one who asks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the last checkpoint on record of {origin:?} is not readable with the keys of that log"
    )]
    Record { origin: String },
    #[error("{ATTEMPTS} other requests for {origin:?} came first")]
    Crowded { origin: String },
    #[error("the checkpoint cannot be cosigned: the clock or the cryptographic library fails")]
    Signing,
}

impl AddError {
    /// What is wrong with the disk, where that is why.
    pub(crate) fn disk_fault(&self) -> Option<DiskFault> {
        match self {
            Self::Store(error) => error.disk_fault(),
            Self::Record { .. } | Self::Crowded { .. } | Self::Signing => None,
        }
    }
}

/// A key of a log that the witness knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// The key.
    pub key: LogKey,
    /// Whether it may have new checkpoints cosigned. Those that it signed before count in any case.
    pub good: bool,
}

/// Answers a request.
pub(crate) async fn add_checkpoint(host: &impl Host, body: &[u8]) -> Result<Reply, AddError> {
    let request = match AddCheckpoint::from_bytes(body) {
        Ok(request) => request,
        Err(error) => return Ok(Reply::text(400, format!("{error}\n"))),
    };
    let origin = request.origin();
    let known = host.known(origin).await?;
    let key = signer_of(&known, request.checkpoint());
    for _ in 0..ATTEMPTS {
        let last = last(host, origin, &known).await?;
        let accepted = match decide(key, last.as_ref(), &request) {
            Decision::Accept(accepted) => accepted,
            Decision::Refuse(refusal) => return refused(host, origin, &refusal).await,
        };
        if remember(host, origin, last.as_ref(), &accepted).await? {
            let now = posix(host.clock().now()).ok_or(AddError::Signing)?;
            let signer = host.witness().signer();
            let line = accepted.cosign(signer, now).map_err(|_| AddError::Signing)?;
            return Ok(Reply::text(200, format!("{line}\n")));
        }
    }
    Err(AddError::Crowded { origin: origin.to_owned() })
}

/// The key that has signed the checkpoint; else the newest, by which it is refused.
fn signer_of<'k>(known: &'k [KnownLog], checkpoint: &SignedCheckpoint) -> Option<&'k LogKey> {
    let mut good = known.iter().filter(|known| known.good).map(|known| &known.key);
    let newest = good.clone().next();
    good.find(|key| checkpoint.log_signed(key).is_ok()).or(newest)
}

/// The last checkpoint of this log that was cosigned; an older key of the log may have signed it.
async fn last(
    host: &impl Host,
    origin: &str,
    known: &[KnownLog],
) -> Result<Option<LogSigned>, AddError> {
    let Some(stored) = host.records().last(origin).await? else { return Ok(None) };
    let foreign = || AddError::Record { origin: origin.to_owned() };
    let checkpoint = SignedCheckpoint::from_bytes(&stored.checkpoint).map_err(|_| foreign())?;
    let signed = known.iter().find_map(|known| checkpoint.log_signed(&known.key).ok());
    signed.map(Some).ok_or_else(foreign)
}

/// Makes the checkpoint the last one, durably, if the last one is still the one that was decided on.
async fn remember(
    host: &impl Host,
    origin: &str,
    last: Option<&LogSigned>,
    accepted: &Accepted,
) -> Result<bool, StoreError> {
    let checkpoint = accepted.checkpoint();
    let new = WitnessedCheckpoint {
        size: checkpoint.head().size.value(),
        checkpoint: checkpoint.signed().to_bytes(),
    };
    let old = last.map(|last| last.head().size.value());
    host.records().swap(origin, old, &new, host.clock().now()).await
}

/// Keeps what the refused request proves against the log, before it is answered.
async fn refused(host: &impl Host, origin: &str, refusal: &Refusal) -> Result<Reply, AddError> {
    tracing::debug!(reason = %refusal.kind(), origin, "not cosigned");
    if let Some(evidence) = refusal.evidence() {
        keep(host, origin, evidence).await?;
    }
    Ok(Reply {
        status: refusal.status(),
        content_type: refusal.content_type(),
        body: refusal.body(),
    })
}

async fn keep(host: &impl Host, origin: &str, evidence: &SplitView) -> Result<(), StoreError> {
    let size = evidence.first().head().size.value();
    let notes = [evidence.first(), evidence.second()].map(|one| one.signed().to_bytes());
    let now = host.clock().now();
    host.records().put_split_view(origin, size, notes.each_ref().map(Vec::as_slice), now).await?;
    host.split(origin, size);
    Ok(())
}

impl Reply {
    fn text(status: u16, body: String) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }
}

/// The time as a cosignature has it; `None` before 1970 and at its first second.
fn posix(now: Timestamp) -> Option<PosixTime> {
    u64::try_from(now.as_seconds()).ok()?.try_into().ok()
}
