//! Having a witness cosign the head (C2SP tlog-witness): whoever edits the whole log, and signs it anew, is found out,
//! because the witness has seen what was there and cosigns nothing else.

use std::path::PathBuf;
use std::time::Duration;

use claim_http::{Answer, ClientError, Clock, MirrorUrl, ReachError, send};
use claim_log::witness::{AddCheckpoint, conflicting_size, cosignature_in};
use claim_log::{
    CheckpointError, ConsistencyProof, Frontier, Hash, SignedCheckpoint, TreeSize, WitnessKey,
};
use claim_store::StoreError;
use claim_store::audit::{AuditChain, AuditRecords, EntryFilter};
use http::StatusCode;

use crate::archive::{Archive, ArchiveError};
use crate::{AuditError, Finding, PAGE};

/// The longest answer that is read, in bytes: signatures of a note, or a size.
const MAX_ANSWER: usize = 64 * 1024;

/// How long the witness may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A witness that is asked.
#[derive(Clone, Debug)]
pub struct AuditWitness {
    /// Its submission prefix: what `/add-checkpoint` is put behind.
    pub url: MirrorUrl,
    /// Its key, by which alone its answer is believed.
    pub key: WitnessKey,
}

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// The log cannot be read, or is not what was appended.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A checkpoint cannot be read or take another signature.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No client can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The witness does not answer.
    #[error("the witness does not answer: {0}")]
    Reach(#[from] ReachError),
    /// The witness has cosigned more than there is.
    #[error(
        "the witness has cosigned {known} entries of this log, and the records have {recorded}"
    )]
    Behind {
        /// What the witness has cosigned.
        known: u64,
        /// What is on record.
        recorded: u64,
    },
    /// What the witness has cosigned is not how this log begins.
    #[error("the first {known} entries are not those that the witness has cosigned")]
    Rewritten {
        /// What the witness has cosigned.
        known: u64,
    },
    /// The proof needs entries that stand in an archive.
    #[error(
        "the witness has cosigned {known} entries, and what comes after them was moved into archives"
    )]
    Archived {
        /// What the witness has cosigned.
        known: u64,
    },
    /// The witness refuses.
    #[error("the witness answered {status}: {text:?}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The beginning of what it says.
        text: String,
    },
    /// What it answered is not its cosignature.
    #[error("the answer is not a cosignature by {witness}")]
    NoCosignature {
        /// The witness's name.
        witness: String,
    },
}

impl From<StoreError> for CosignError {
    fn from(error: StoreError) -> Self {
        Self::Audit(error.into())
    }
}

impl CosignError {
    /// Whether the log is not the one that the witness knows.
    pub fn is_about_the_log(&self) -> bool {
        matches!(
            self,
            Self::Behind { .. } | Self::Rewritten { .. } | Self::Audit(AuditError::Finding(_))
        )
    }
}

/// Has the witness cosign this checkpoint of the log, keeps the cosignature in the records, and returns the checkpoint with
/// it. The log is gone through first: what is not what was appended is not shown to a witness.
///
/// # Errors
/// [`CosignError`].
pub async fn cosign(
    records: AuditRecords<'_>,
    signed: &SignedCheckpoint,
    at: &AuditWitness,
    archives: &[PathBuf],
    clock: &Clock,
) -> Result<SignedCheckpoint, CosignError> {
    let head = signed.unverified().head();
    let tree = Tree::read(records, archives, head.size.value()).await?;
    let client = MirrorUrl::client(clock, TIMEOUT)?;
    let url = at.url.join("/add-checkpoint");
    let ask = async |old: u64| -> Result<Answer, CosignError> {
        let proof = tree.proof(old, head.size).ok_or(CosignError::Archived { known: old })?;
        let old = TreeSize::try_from(old).unwrap_or(head.size);
        let request = AddCheckpoint::new(old, proof, signed.clone());
        Ok(send(client.post(&url).body(request.to_bytes()), MAX_ANSWER).await?)
    };
    let mut old = last_cosigned(records, &at.key).await?;
    // Of what was pruned meanwhile there is no proof; the witness says what it knows all the same.
    if tree.proof(old, head.size).is_none() {
        old = head.size.value();
    }
    let mut answer = ask(old).await?;
    if let Some(known) = conflict(&answer).filter(|known| *known != old) {
        if known > head.size.value() {
            return Err(CosignError::Behind { known, recorded: head.size.value() });
        }
        old = known;
        answer = ask(old).await?;
    }
    if conflict(&answer).is_some() || answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        return Err(CosignError::Rewritten { known: old });
    }
    if !answer.status.is_success() {
        let text = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        return Err(CosignError::Refused { status: answer.status, text });
    }
    let found = cosignature_in(&answer.body, signed, &at.key);
    let (signature, _) =
        found.ok_or_else(|| CosignError::NoCosignature { witness: at.key.name().to_string() })?;
    loop {
        let kept = records.checkpoint(head.size.value()).await?;
        let was = kept.map_or_else(|| signed.to_bytes(), |kept| kept.note);
        let kept = SignedCheckpoint::from_bytes(&was)?;
        if kept.unverified() != signed.unverified() {
            return Err(AuditError::from(Finding::Rewritten {
                checkpoint: "the checkpoint in the records".to_owned(),
                first: 1,
                size: head.size.value(),
            })
            .into());
        }
        let cosigned = kept.cosigned(std::slice::from_ref(&at.key));
        if cosigned.is_ok_and(|cosigned| !cosigned.is_empty()) {
            return Ok(kept);
        }
        let with = kept.with_signature(signature.clone()).map_err(CheckpointError::from)?;
        // Others may have added theirs.
        if records.replace_checkpoint(head.size.value(), &was, &with.to_bytes()).await? {
            return Ok(with);
        }
    }
}

/// How many entries the largest checkpoint on record covers that this witness has cosigned.
async fn last_cosigned(records: AuditRecords<'_>, key: &WitnessKey) -> Result<u64, StoreError> {
    let cosigned = records.checkpoints().await?.into_iter().filter(|kept| {
        let signed = SignedCheckpoint::from_bytes(&kept.note).ok();
        let cosigned = signed.and_then(|one| one.cosigned(std::slice::from_ref(key)).ok());
        cosigned.is_some_and(|cosigned| !cosigned.is_empty())
    });
    Ok(cosigned.map(|kept| kept.size).max().unwrap_or_default())
}

/// The size that the witness says it has cosigned, where that is why it refuses.
fn conflict(answer: &Answer) -> Option<u64> {
    let is_conflict = answer.status == StatusCode::CONFLICT;
    is_conflict.then(|| conflicting_size(&answer.body)).flatten().map(TreeSize::value)
}

/// The leaves of the log, but for those of which only the edge is there.
struct Tree {
    before: Frontier,
    leaves: Vec<Hash>,
}

impl Tree {
    async fn read(
        records: AuditRecords<'_>,
        archives: &[PathBuf],
        size: u64,
    ) -> Result<Self, AuditError> {
        let mut opened: Vec<Archive> =
            archives.iter().map(|path| Archive::open(path)).collect::<Result<_, ArchiveError>>()?;
        opened.sort_by_key(|archive| (archive.first(), archive.last()));
        let pruned = records.head().await?.pruned;
        let before = opened.first().map_or(&pruned, |archive| archive.before()).clone();
        let mut chain = AuditChain::after(records.log(), before.clone());
        let mut leaves = Vec::new();
        for archive in &opened {
            for entry in archive.entries()? {
                let entry = entry?;
                // Archives may overlap, and one may not have been used.
                let next = chain.frontier().size().value() + 1;
                if entry.number >= next && entry.number <= pruned.size().value() {
                    chain.take(&entry).map_err(Finding::from)?;
                    leaves.push(entry.leaf);
                }
            }
        }
        loop {
            let after = chain.frontier().size().value();
            let page = records.entries(after, &EntryFilter::default(), PAGE).await?;
            for entry in page.iter().filter(|entry| entry.number <= size) {
                chain.take(entry).map_err(Finding::from)?;
                leaves.push(entry.leaf);
            }
            if chain.frontier().size().value() == after {
                return Ok(Self { before, leaves });
            }
        }
    }

    fn proof(&self, old: u64, new: TreeSize) -> Option<ConsistencyProof> {
        let old = TreeSize::try_from(old).ok()?;
        ConsistencyProof::from_leaves(old, new, &self.before, &self.leaves)
    }
}
