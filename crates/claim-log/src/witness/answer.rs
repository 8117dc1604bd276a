//! What a witness answers to whoever has a checkpoint cosigned.

use crate::checkpoint::{Cosigned, SignedCheckpoint, WitnessKey};
use crate::note::{NoteSignature, PosixTime};

/// The cosignature of this checkpoint by this witness in the body of an answer, verified, with its time; `None` when there is
/// none that is genuine.
pub fn cosignature_in(
    answer: &[u8],
    checkpoint: &SignedCheckpoint,
    witness: &WitnessKey,
) -> Option<(NoteSignature, PosixTime)> {
    let text = std::str::from_utf8(answer).ok()?;
    let key = witness.as_verifier();
    let ours =
        |signature: &NoteSignature| signature.name() == key.name() && signature.id() == key.id();
    let signature = text.lines().filter_map(|line| line.parse().ok()).find(ours)?;
    let cosigned = checkpoint.clone().with_signature(signature.clone()).ok()?;
    let verified = cosigned.cosigned(std::slice::from_ref(witness)).ok()?;
    verified.last().map(|cosigned| (signature, Cosigned::time(cosigned)))
}
