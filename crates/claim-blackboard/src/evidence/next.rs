//! The next timestamp key: a key signs for one year, and the next is asked for while there is time.
//!
//! It lies beside the one of now until the root has certified it. The answer that has its certificate is what makes it
//! the one that signs: whoever finds that answer renames the key, so a kill at any moment leaves the answer with a key
//! that it is for.

use claim_core::{Origin, Timestamp};
use claim_files::{FileError, read_private, sync_folder};
use claim_pki::{PublicKey, SigningKey, VerifiedEvidence};

use super::{Evidence, EvidenceError, log_key, made_once, request, text_of};
use crate::folder::Folder;

/// What is left of the time in which the key may sign when the next one is asked for, in seconds: `claim doctor` warns
/// from then on.
const AHEAD: i64 = 60 * 24 * 3600;

impl Evidence {
    /// Until when the timestamp key signs.
    pub(crate) fn signs_until(&self) -> Timestamp {
        self.timestamp.key_usage_period().not_after()
    }

    /// Whether the next key is to be asked for.
    pub(crate) fn is_next_due(&self, now: Timestamp) -> bool {
        self.signs_until().as_seconds() - now.as_seconds() <= AHEAD
    }
}

/// Leaves the request for the next key, which is made where it is missing.
pub(crate) fn ask_for_next(folder: &Folder, origin: &Origin) -> Result<(), EvidenceError> {
    let next = made_once(folder, folder.next_timestamp_key())?;
    request(folder, origin, &next, &log_key(folder)?)
}

/// The next key, where there is one.
pub(super) fn key(folder: &Folder) -> Result<Option<SigningKey>, EvidenceError> {
    match read_private(&folder.next_timestamp_key()) {
        Ok(pem) => Ok(Some(SigningKey::from_pem(text_of(&pem), folder.passphrase())?)),
        Err(FileError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The next key where the answer that lies there is for it: it takes the place of the one before, for good.
pub(super) fn certified(
    folder: &Folder,
    verify: impl FnOnce(&PublicKey) -> Option<VerifiedEvidence>,
) -> Result<Option<(SigningKey, VerifiedEvidence)>, EvidenceError> {
    let Some(next) = key(folder)? else { return Ok(None) };
    let Some(verified) = verify(next.public_key()) else { return Ok(None) };
    std::fs::rename(folder.next_timestamp_key(), folder.timestamp_key())
        .map_err(EvidenceError::Replace)?;
    sync_folder(folder.dir())?;
    Ok(Some((next, verified)))
}
