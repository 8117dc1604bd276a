//! Whether to cosign.

use super::AddCheckpoint;
use crate::checkpoint::{CheckpointError, LogKey, LogSigned, WitnessSigner};
use crate::note::{NoteSignature, PosixTime, SigningFailed};
use crate::tree::{ConsistencyError, TreeHead, TreeSize};

/// What a witness does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Remember the checkpoint, then cosign it.
    Accept(Accepted),
    /// Do not cosign.
    Refuse(Refusal),
}

/// A checkpoint that the witness may cosign, once it has durably taken the place of the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    old: TreeSize,
    checkpoint: LogSigned,
}

/// Why the witness does not cosign, and what it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    kind: RefusalKind,
    evidence: Option<Box<SplitView>>,
}

/// The reason of a [`Refusal`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusalKind {
    /// No log of that origin is known to the witness (404).
    #[error("this witness does not know the log {origin:?}")]
    UnknownLog {
        /// The origin in the checkpoint.
        origin: String,
    },
    /// The log has not signed the checkpoint (403).
    #[error("the checkpoint is not signed by its log: {0}")]
    NotSigned(CheckpointError),
    /// The old size is larger than the checkpoint's (400).
    #[error("the old size {old} is larger than the checkpoint's, {new}")]
    Shrinking {
        /// The old size of the request.
        old: TreeSize,
        /// The size of the checkpoint.
        new: TreeSize,
    },
    /// The last checkpoint that was cosigned has another size than the request takes it to have (409).
    #[error("the last checkpoint that was cosigned has {size} entries")]
    Conflict {
        /// The size of the last one.
        size: TreeSize,
    },
    /// The checkpoint has the size of the last one, but another root (409): the log shows two histories.
    #[error(
        "another checkpoint of {size} entries was cosigned before; the log shows two histories"
    )]
    Split {
        /// The size of both.
        size: TreeSize,
    },
    /// That the log has only grown is not proven (422).
    #[error("that the log has only grown is not proven: {0}")]
    InvalidProof(ConsistencyError),
}

/// Two checkpoints of the same size with different roots, both signed by the log: proof, for anybody who has the log's
/// key, that it shows two histories.
///
/// Keep both [signed](LogSigned::signed) texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitView {
    first: LogSigned,
    second: LogSigned,
}

impl SplitView {
    /// The evidence of two checkpoints, if they are one: same key, same size, different roots.
    pub fn of(first: &LogSigned, second: &LogSigned) -> Option<Self> {
        let (one, other) = (first.head(), second.head());
        let split = first.key() == second.key() && one.size == other.size && one.root != other.root;
        split.then(|| Self { first: first.clone(), second: second.clone() })
    }

    /// The checkpoint that was seen first.
    pub const fn first(&self) -> &LogSigned {
        &self.first
    }

    /// The other.
    pub const fn second(&self) -> &LogSigned {
        &self.second
    }
}

/// Decides whether to cosign: the checks of tlog-witness v1.0.0, "add-checkpoint", in its order.
///
/// `key` is that of the log whose [origin](AddCheckpoint::origin) the request names, `None` when there is none; `last`
/// the last checkpoint of that log that this witness cosigned, `None` when there was none.
pub fn decide(key: Option<&LogKey>, last: Option<&LogSigned>, request: &AddCheckpoint) -> Decision {
    match examine(key, last, request) {
        Ok(accepted) => Decision::Accept(accepted),
        Err(refusal) => Decision::Refuse(refusal),
    }
}

fn examine(
    key: Option<&LogKey>,
    last: Option<&LogSigned>,
    request: &AddCheckpoint,
) -> Result<Accepted, Refusal> {
    let without_evidence = |kind| Refusal { kind, evidence: None };
    let origin = || RefusalKind::UnknownLog { origin: request.origin().to_owned() };
    let key = key.ok_or_else(|| without_evidence(origin()))?;
    let checkpoint = request
        .checkpoint()
        .log_signed(key)
        .map_err(|error| without_evidence(RefusalKind::NotSigned(error)))?;
    // Whatever else is wrong with the request: the log has signed this, and it is evidence against it.
    let evidence = last.and_then(|last| SplitView::of(last, &checkpoint)).map(Box::new);
    match grown(last, request, checkpoint.head()) {
        Ok(()) => Ok(Accepted { old: request.old(), checkpoint }),
        Err(kind) => Err(Refusal { kind, evidence }),
    }
}

/// Whether the log has only grown since the last checkpoint.
fn grown(
    last: Option<&LogSigned>,
    request: &AddCheckpoint,
    new: TreeHead,
) -> Result<(), RefusalKind> {
    let old = request.old();
    // "The old size MUST be equal to or lower than the checkpoint size."
    if old > new.size {
        return Err(RefusalKind::Shrinking { old, new: new.size });
    }
    // "The witness MUST check that the old size matches the size of the latest checkpoint it cosigned [...] (or zero if
    // it never cosigned a checkpoint for that origin)."
    let known = last.map_or(TreeHead::EMPTY, LogSigned::head);
    if old != known.size {
        return Err(RefusalKind::Conflict { size: known.size });
    }
    request.proof().verify(&known, &new).map_err(|error| match error {
        // "If the old size matches the checkpoint size, the witness MUST check that the root hashes are also identical."
        ConsistencyError::Forked { size, .. } => RefusalKind::Split { size },
        error => RefusalKind::InvalidProof(error),
    })
}

impl Accepted {
    /// The size that the last checkpoint must still have when this one takes its place.
    pub const fn old(&self) -> TreeSize {
        self.old
    }

    /// The checkpoint that becomes the last one: what the witness has to remember.
    pub const fn checkpoint(&self) -> &LogSigned {
        &self.checkpoint
    }

    /// Cosigns. The checkpoint must be durable as the last one before this is called: what was cosigned and forgotten
    /// makes the witness cosign two histories.
    ///
    /// # Errors
    /// [`SigningFailed`].
    pub fn cosign(
        &self,
        signer: &WitnessSigner,
        now: PosixTime,
    ) -> Result<NoteSignature, SigningFailed> {
        signer.cosign(&self.checkpoint, now)
    }
}

impl Refusal {
    /// The reason.
    pub const fn kind(&self) -> &RefusalKind {
        &self.kind
    }

    /// The evidence that the log shows two histories, if the request brought it: to be kept, whatever the reason is.
    pub fn evidence(&self) -> Option<&SplitView> {
        self.evidence.as_deref()
    }

    /// The status of the answer.
    pub const fn status(&self) -> u16 {
        match self.kind {
            RefusalKind::Shrinking { .. } => 400,
            RefusalKind::NotSigned(_) => 403,
            RefusalKind::UnknownLog { .. } => 404,
            RefusalKind::Conflict { .. } | RefusalKind::Split { .. } => 409,
            RefusalKind::InvalidProof(_) => 422,
        }
    }

    /// The media type of the answer's body.
    pub const fn content_type(&self) -> &'static str {
        match self.kind {
            RefusalKind::Conflict { .. } | RefusalKind::Split { .. } => "text/x.tlog.size",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The body of the answer: for 409 the size of the last checkpoint, else the reason in words, and a newline.
    pub fn body(&self) -> String {
        match &self.kind {
            RefusalKind::Conflict { size } | RefusalKind::Split { size } => format!("{size}\n"),
            kind => format!("{kind}\n"),
        }
    }
}

#[cfg(test)]
mod tests;
