//! Proofs that stand alone (C2SP tlog-proof@v1): that an entry is in the log, under a checkpoint with its signatures.

use crate::checkpoint::{
    CheckpointError, Cosigned, LogKey, LogSigned, SignedCheckpoint, WitnessKey,
};
use crate::note::{MAX_NOTE_LENGTH, VerifyError};
use crate::text::{decode_base64, decode_hash, encode_base64};
use crate::tree::{InclusionError, InclusionProof, LeafIndex, MAX_PROOF_HASHES};
use crate::{Hash, leaf_hash};

/// The most octets of extra data that are read.
pub const MAX_EXTRA_LENGTH: usize = 64 * 1024;

/// The most octets a proof can have. Whoever reads one from outside stops there.
pub const MAX_PROOF_LENGTH: usize =
    MAX_NOTE_LENGTH + 2 * MAX_EXTRA_LENGTH + 64 * (MAX_PROOF_HASHES + 2);

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof that some entry is in a log, none of which has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    extra: Option<Vec<u8>>,
    index: LeafIndex,
    inclusion: InclusionProof,
    checkpoint: SignedCheckpoint,
}

/// Why octets are not a proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFormatError {
    /// There are more octets than a proof may have.
    #[error("a proof has at most {MAX_PROOF_LENGTH} octets, this one has {octets}")]
    TooLong {
        /// How many there are.
        octets: usize,
    },
    /// It does not begin as a proof does.
    #[error("a proof begins with the line {HEADER}")]
    Header,
    /// There is no blank line before the checkpoint, or what stands before it is not UTF-8.
    #[error("the proof has no blank line before its checkpoint")]
    NoCheckpoint,
    /// The extra data is empty, too long or not in base64.
    #[error(
        "the extra line of the proof is not `extra` and base64 of 1 to {MAX_EXTRA_LENGTH} octets"
    )]
    Extra,
    /// The line with the index is missing or malformed.
    #[error("the proof has no line with `index` and a decimal number below 2^63")]
    Index,
    /// A line that should be a hash is none.
    #[error("line {line} of the proof is not a hash of 32 octets in base64")]
    Hash {
        /// The number of the line, from 1.
        line: usize,
    },
    /// There are more hashes than any proof can have.
    #[error("a proof has at most {MAX_PROOF_HASHES} hashes")]
    TooManyHashes,
    /// The checkpoint is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Why a proof does not prove that the entry is in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The checkpoint is not the log's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A witness that is known did not make the cosignature that names it.
    #[error(transparent)]
    Cosignature(VerifyError),
    /// The witness has the key of the log: the log would vouch for itself.
    #[error("the witness {} has the key of the log itself", .witness.name())]
    WitnessIsLog {
        /// The witness.
        witness: Box<WitnessKey>,
    },
    /// The entry is not in the tree, not at this index, or the hashes are not the right ones.
    #[error(transparent)]
    Inclusion(#[from] InclusionError),
}

/// An entry that is proven to be in the log. Only [`LogProof::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    index: LeafIndex,
    checkpoint: LogSigned,
    cosigned: Vec<Cosigned>,
}

impl LogProof {
    /// Puts a proof together, without extra data.
    ///
    /// Nothing is checked: [verify](Self::verify) it before you hand it out.
    pub const fn new(
        index: LeafIndex,
        inclusion: InclusionProof,
        checkpoint: SignedCheckpoint,
    ) -> Self {
        Self { extra: None, index, inclusion, checkpoint }
    }

    /// The extra data: whatever somebody wrote there, it is not authenticated.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The index that the proof claims, not verified.
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The hashes.
    pub const fn inclusion(&self) -> &InclusionProof {
        &self.inclusion
    }

    /// The checkpoint, not verified.
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Reads a proof; each proof has exactly one form.
    ///
    /// # Errors
    /// [`ProofFormatError`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, ProofFormatError> {
        if octets.len() > MAX_PROOF_LENGTH {
            return Err(ProofFormatError::TooLong { octets: octets.len() });
        }
        // The lines before the checkpoint are not empty: the first empty line ends them.
        let end = octets.windows(2).position(|pair| pair == b"\n\n");
        let end = end.ok_or(ProofFormatError::NoCheckpoint)?;
        let (before, checkpoint) = octets.split_at(end);
        let before = std::str::from_utf8(before).map_err(|_| ProofFormatError::NoCheckpoint)?;
        let mut lines = before.split('\n').zip(1..).peekable();
        if lines.next().is_none_or(|(line, _)| line != HEADER) {
            return Err(ProofFormatError::Header);
        }
        let extra = lines
            .next_if(|(line, _)| line.starts_with("extra"))
            .map(|(line, _)| parse_extra(line))
            .transpose()?;
        let index = lines
            .next()
            .and_then(|(line, _)| line.strip_prefix("index ")?.parse().ok())
            .ok_or(ProofFormatError::Index)?;
        let mut hashes: Vec<Hash> = Vec::new();
        for (line, number) in lines {
            if hashes.len() == MAX_PROOF_HASHES {
                return Err(ProofFormatError::TooManyHashes);
            }
            hashes.push(decode_hash(line).ok_or(ProofFormatError::Hash { line: number })?);
        }
        let inclusion = InclusionProof::new(hashes).map_err(|_| ProofFormatError::TooManyHashes)?;
        let checkpoint = checkpoint.get(2..).ok_or(ProofFormatError::NoCheckpoint)?;
        let checkpoint = SignedCheckpoint::from_bytes(checkpoint)?;
        Ok(Self { extra, index, inclusion, checkpoint })
    }

    /// The proof as it is stored and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", encode_base64(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in self.inclusion.hashes() {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        let mut octets = text.into_bytes();
        octets.extend_from_slice(&self.checkpoint.to_bytes());
        octets
    }

    /// Verifies, in the order of tlog-proof, that this entry is in the log with this key, and by which of these
    /// witnesses the checkpoint is cosigned.
    ///
    /// How many cosignatures are enough, and when they must be from, is for the caller to decide: there may be none.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(
        &self,
        entry: &[u8],
        log: &LogKey,
        witnesses: &[WitnessKey],
    ) -> Result<Logged, ProofError> {
        let leaf = leaf_hash(entry);
        let checkpoint = self.checkpoint.log_signed(log)?;
        if let Some(witness) = witnesses.iter().find(|witness| witness.public() == log.public()) {
            return Err(ProofError::WitnessIsLog { witness: Box::new(witness.clone()) });
        }
        let cosigned = self.checkpoint.cosigned(witnesses).map_err(ProofError::Cosignature)?;
        self.inclusion.verify(self.index, &leaf, &checkpoint.head())?;
        Ok(Logged { index: self.index, checkpoint, cosigned })
    }
}

fn parse_extra(line: &str) -> Result<Vec<u8>, ProofFormatError> {
    let text = line.strip_prefix("extra ").ok_or(ProofFormatError::Extra)?;
    let extra = decode_base64(text).ok_or(ProofFormatError::Extra)?;
    // "If no extra data is present, this line is omitted."
    if extra.is_empty() || extra.len() > MAX_EXTRA_LENGTH {
        return Err(ProofFormatError::Extra);
    }
    Ok(extra)
}

impl Logged {
    /// The place of the entry in the log.
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The checkpoint of a tree that has the entry.
    pub const fn checkpoint(&self) -> &LogSigned {
        &self.checkpoint
    }

    /// The cosignatures by the witnesses that were given, in the order of the note; there may be none.
    pub fn cosigned(&self) -> &[Cosigned] {
        &self.cosigned
    }
}

#[cfg(test)]
mod tests;
