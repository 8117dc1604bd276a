//! Checkpoints with signatures, and the proofs that verifying them yields.

use super::{BodyError, Checkpoint, LogKey, WitnessKey};
use crate::note::{Note, NoteError, NoteSignature, PosixTime, VerifierKey, VerifyError};
use crate::tree::TreeHead;

/// A checkpoint with its signatures, none of which has been verified.
///
/// It keeps the octets it was read from: [`to_bytes`](Self::to_bytes) gives back the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    pub(super) note: Note,
    pub(super) checkpoint: Checkpoint,
}

/// Why a signed checkpoint cannot be read or is not the log's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text of the note is not that of a checkpoint.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// It is the checkpoint of another log.
    #[error("the checkpoint is that of {found}, not of {expected}")]
    Origin {
        /// The log whose key is known.
        expected: String,
        /// The origin in the checkpoint.
        found: String,
    },
    /// The log did not sign it, or a signature is not genuine.
    #[error(transparent)]
    Signature(#[from] VerifyError),
}

/// A checkpoint that its log has signed. Only [`SignedCheckpoint::log_signed`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSigned {
    signed: SignedCheckpoint,
    key: LogKey,
}

/// A witness's statement that the checkpoint was the largest consistent one of its log that it had seen by that time.
/// Only [`SignedCheckpoint::cosigned`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    checkpoint: Checkpoint,
    witness: WitnessKey,
    time: PosixTime,
}

impl SignedCheckpoint {
    /// Reads a checkpoint with its signatures.
    ///
    /// # Errors
    /// [`CheckpointError::Note`], [`CheckpointError::Body`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::from_bytes(octets)?;
        let checkpoint = note.text().parse()?;
        Ok(Self { note, checkpoint })
    }

    /// The octets, as a log serves them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.note.to_bytes()
    }

    /// What it says, without knowing who says so: for finding the key that would verify it.
    pub const fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signatures, not verified.
    pub fn signatures(&self) -> &[NoteSignature] {
        self.note.signatures()
    }

    /// Verifies that the log with this key signed it.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`], [`CheckpointError::Signature`].
    pub fn log_signed(&self, key: &LogKey) -> Result<LogSigned, CheckpointError> {
        // tlog-checkpoint lets the key's name differ from the origin; ours is the origin (docs/divergences.md).
        if self.checkpoint.origin != key.name().as_str() {
            return Err(CheckpointError::Origin {
                expected: key.name().to_string(),
                found: self.checkpoint.origin.clone(),
            });
        }
        self.note.verify(std::slice::from_ref(key.as_verifier()))?;
        Ok(LogSigned { signed: self.clone(), key: key.clone() })
    }

    /// Verifies the cosignatures by these witnesses, in the order of the note; there may be none.
    ///
    /// # Errors
    /// [`VerifyError::BadSignature`] when one that names one of the witnesses is not by it.
    pub fn cosigned(&self, witnesses: &[WitnessKey]) -> Result<Vec<Cosigned>, VerifyError> {
        let keys: Vec<VerifierKey> =
            witnesses.iter().map(|witness| witness.as_verifier().clone()).collect();
        let verified = match self.note.verify(&keys) {
            Err(VerifyError::NoKnownKey) => return Ok(Vec::new()),
            verified => verified?,
        };
        let cosigned = verified.into_iter().filter_map(|signature| {
            let checkpoint = self.checkpoint.clone();
            let time = signature.time()?;
            let witness = signature.key().clone().try_into().ok()?;
            Some(Cosigned { checkpoint, witness, time })
        });
        Ok(cosigned.collect())
    }

    /// The same checkpoint with one more signature, which is not verified.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`].
    pub fn with_signature(self, signature: NoteSignature) -> Result<Self, NoteError> {
        let note = self.note.with_signature(signature)?;
        Ok(Self { note, checkpoint: self.checkpoint })
    }
}

impl LogSigned {
    /// What the log signed.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.signed.checkpoint
    }

    /// Size and root that the log signed.
    pub const fn head(&self) -> TreeHead {
        self.signed.checkpoint.head
    }

    /// The key that verified it.
    pub const fn key(&self) -> &LogKey {
        &self.key
    }

    /// The checkpoint with all its signatures, for storing and sending.
    pub const fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }
}

impl Cosigned {
    /// What the witness signed.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The witness.
    pub const fn witness(&self) -> &WitnessKey {
        &self.witness
    }

    /// When, by the witness's own clock.
    pub const fn time(&self) -> PosixTime {
        self.time
    }
}

#[cfg(test)]
mod tests;
