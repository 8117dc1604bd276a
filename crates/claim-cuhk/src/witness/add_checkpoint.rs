//! `add-checkpoint`: look up, decide, remember, and only then cosign.

use claim_core::{Origin, Timestamp};
use claim_log::note::KeyName;
use claim_log::witness::{Accepted, AddCheckpoint, Decision, Refusal, SplitView, decide};
use claim_log::{LogKey, LogSigned, SignedCheckpoint};
use claim_pki::{Certificate, VerifiedLog};
use claim_store::StoreError;
use claim_store::cuhk::WitnessedCheckpoint;

use super::posix;
use crate::ceremony::LOG;
use crate::event::Event;
use crate::state::Cuhk;

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

/// A log whose key CUHK has certified.
struct Known {
    key: LogKey,
    /// Whether it may have new checkpoints cosigned: its certificate is valid and not revoked.
    good: bool,
}

/// Answers a request.
pub(crate) async fn add_checkpoint(cuhk: &Cuhk, body: &[u8]) -> Result<Reply, AddError> {
    let request = match AddCheckpoint::from_bytes(body) {
        Ok(request) => request,
        Err(error) => return Ok(Reply::text(400, format!("{error}\n"))),
    };
    let origin = request.origin();
    let known = known_keys(cuhk, origin).await?;
    let key = signer_of(&known, request.checkpoint());
    for _ in 0..ATTEMPTS {
        let last = last(cuhk, origin, &known).await?;
        let accepted = match decide(key, last.as_ref(), &request) {
            Decision::Accept(accepted) => accepted,
            Decision::Refuse(refusal) => return refused(cuhk, origin, &refusal).await,
        };
        if remember(cuhk, origin, last.as_ref(), &accepted).await? {
            let now = posix(cuhk.desk.clock.now()).ok_or(AddError::Signing)?;
            let signer = cuhk.witness.signer();
            let line = accepted.cosign(signer, now).map_err(|_| AddError::Signing)?;
            return Ok(Reply::text(200, format!("{line}\n")));
        }
    }
    Err(AddError::Crowded { origin: origin.to_owned() })
}

/// All keys of this log that CUHK has certified, the newest first.
async fn known_keys(cuhk: &Cuhk, origin: &str) -> Result<Vec<Known>, StoreError> {
    let server = origin
        .strip_suffix("/log")
        .and_then(|authority| format!("https://{authority}").parse::<Origin>().ok());
    let (Some(server), Ok(name)) = (server, origin.parse::<KeyName>()) else {
        return Ok(Vec::new());
    };
    let mut known = Vec::new();
    for record in cuhk.desk.store.certificates_of(LOG, server.as_str()).await? {
        let revoked = cuhk.desk.store.revocation(&record.serial).await?.is_some();
        let now = cuhk.desk.clock.now();
        if let Some((log, current)) = record.certificate.and_then(|der| verified(cuhk, &der, now)) {
            let key = LogKey::new(name.clone(), *log.public_key().as_bytes());
            known.push(Known { key, good: current && !revoked });
        }
    }
    Ok(known)
}

/// The log of a certificate on record, and whether that is valid now.
fn verified(cuhk: &Cuhk, der: &[u8], now: Timestamp) -> Option<(VerifiedLog, bool)> {
    let certificate = Certificate::from_der(der).ok()?;
    let root = cuhk.desk.authority.root();
    let log = root.verify_log(der, certificate.not_before()).ok()?;
    let current = log.valid_at(now);
    Some((log, current))
}

/// The key that has signed the checkpoint; else the newest, by which it is refused.
fn signer_of<'k>(known: &'k [Known], checkpoint: &SignedCheckpoint) -> Option<&'k LogKey> {
    let mut good = known.iter().filter(|known| known.good).map(|known| &known.key);
    let newest = good.clone().next();
    good.find(|key| checkpoint.log_signed(key).is_ok()).or(newest)
}

/// The last checkpoint of this log that was cosigned; an older key of the log may have signed it.
async fn last(cuhk: &Cuhk, origin: &str, known: &[Known]) -> Result<Option<LogSigned>, AddError> {
    let Some(stored) = cuhk.desk.store.witnessed(origin).await? else { return Ok(None) };
    let foreign = || AddError::Record { origin: origin.to_owned() };
    let checkpoint = SignedCheckpoint::from_bytes(&stored.checkpoint).map_err(|_| foreign())?;
    let signed = known.iter().find_map(|known| checkpoint.log_signed(&known.key).ok());
    signed.map(Some).ok_or_else(foreign)
}

/// Makes the checkpoint the last one, durably, if the last one is still the one that was decided on.
async fn remember(
    cuhk: &Cuhk,
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
    cuhk.desk.store.witness(origin, old, &new, cuhk.desk.clock.now()).await
}

/// Keeps what the refused request proves against the log, before it is answered.
async fn refused(cuhk: &Cuhk, origin: &str, refusal: &Refusal) -> Result<Reply, AddError> {
    tracing::debug!(reason = %refusal.kind(), origin, "not cosigned");
    if let Some(evidence) = refusal.evidence() {
        keep(cuhk, origin, evidence).await?;
    }
    Ok(Reply {
        status: refusal.status(),
        content_type: refusal.content_type(),
        body: refusal.body(),
    })
}

async fn keep(cuhk: &Cuhk, origin: &str, evidence: &SplitView) -> Result<(), StoreError> {
    let size = evidence.first().head().size.value();
    let notes = [evidence.first(), evidence.second()].map(|one| one.signed().to_bytes());
    let now = cuhk.desk.clock.now();
    cuhk.desk.store.put_split_view(origin, size, notes.each_ref().map(Vec::as_slice), now).await?;
    cuhk.tell(Event::LogSplit { origin: origin.to_owned(), size });
    Ok(())
}

impl Reply {
    fn text(status: u16, body: String) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }
}
