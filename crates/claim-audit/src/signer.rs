//! The key that signs the audit log's checkpoints (C2SP tlog-checkpoint).
//!
//! It is made at its first use, without the root: whoever keeps a checkpoint compares it with the log, and needs no
//! signature for that. The signature shows others that it is the server's. The name, `<host>:<port>/audit`, stays what it was.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use claim_core::{Origin, Timestamp};
use claim_files::{FileError, Mode, write_new};
use claim_log::note::{KeyName, KeyNameError, SigningFailed, SigningKey, SigningKeyError};
use claim_log::{LogKey, LogSigner, SignedCheckpoint};
use claim_store::StoreError;
use claim_store::audit::{AuditCheckpoint, AuditRecords, DeedName, Entry, EntryFilter};

use crate::PAGE;
use claim_witness::{Witness, WitnessKeyError};

/// More than any key has.
const MAX_KEY: u64 = 4096;

/// Why the log's head cannot be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditKeyError {
    /// The key's file cannot be used.
    #[error(transparent)]
    Private(#[from] WitnessKeyError),
    /// The public key's file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The public key's file is of another key, or none.
    #[error("{path:?} is not the public key of the private key beside it")]
    Public {
        /// The file.
        path: PathBuf,
    },
    /// The origin makes no name.
    #[error("the audit log cannot be called after the server's origin: {0}")]
    Name(#[from] KeyNameError),
    /// The key cannot sign notes.
    #[error(transparent)]
    Signer(#[from] SigningKeyError),
    /// It did not sign.
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    /// The records cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where the key is.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    /// The private key, for its owner alone.
    pub private: PathBuf,
    /// Its public key as text, for those who keep checkpoints.
    pub public: PathBuf,
}

/// Loads the key, or makes it; that it was made has its entry.
async fn load_or_make(
    records: AuditRecords<'_>,
    files: &KeyFiles,
    origin: &Origin,
) -> Result<LogSigner, AuditKeyError> {
    // Without a passphrase: commands sign with it too, and a signature by it proves no more than who wrote the note.
    let secret = Witness::load_or_make_key(&files.private, None)?;
    let path = files.public.clone();
    let name: KeyName = match read_public(&path)? {
        Some(text) => public_key(&text, path.clone())?.name().clone(),
        None => format!("{}/audit", origin.authority()).parse()?,
    };
    let signer = LogSigner::new(name, SigningKey::from_pkcs8_der(&secret.to_pkcs8_der())?);
    let key = signer.key().to_string();
    match write_new(&path, format!("{key}\n").as_bytes(), Mode::Public) {
        Ok(()) => {}
        Err(FileError::Exists { .. }) => {
            let there = read_public(&path)?.unwrap_or_default();
            if public_key(&there, path.clone())? != signer.key() {
                return Err(AuditKeyError::Public { path });
            }
        }
        Err(error) => return Err(error.into()),
    }
    // Replicas may have keys of their own.
    let deed = Some(DeedName::AUDIT_KEY_MADE);
    let filter = EntryFilter { deed, ..EntryFilter::default() };
    let known = records.entries(0, &filter, PAGE).await?;
    if !known.iter().any(|entry| entry.details.contains(&key)) {
        records.record(&[Entry::new(DeedName::AUDIT_KEY_MADE).with("key", key)]).await?;
    }
    Ok(signer)
}

/// Signs the head of the log, and keeps the checkpoint in the records too. The key is made where there is none.
///
/// # Errors
/// [`AuditKeyError`].
pub async fn sign_checkpoint(
    records: AuditRecords<'_>,
    files: &KeyFiles,
    origin: &Origin,
    now: Timestamp,
) -> Result<(SignedCheckpoint, LogKey), AuditKeyError> {
    let signer = load_or_make(records, files, origin).await?;
    let head = records.head().await?.frontier.head();
    let signed = signer.sign(head)?;
    let note = signed.to_bytes();
    records.put_checkpoint(&AuditCheckpoint { size: head.size.value(), at: now, note }).await?;
    Ok((signed, signer.key()))
}

/// The same, when there is something new since the last one.
///
/// # Errors
/// As of [`sign_checkpoint`].
pub async fn sign_if_grown(
    records: AuditRecords<'_>,
    files: &KeyFiles,
    origin: &Origin,
    now: Timestamp,
) -> Result<(), AuditKeyError> {
    let size = records.head().await?.frontier.size().value();
    if records.last_checkpoint().await?.is_none_or(|last| last.size < size) {
        sign_checkpoint(records, files, origin, now).await?;
    }
    Ok(())
}

fn public_key(text: &[u8], path: PathBuf) -> Result<LogKey, AuditKeyError> {
    let key = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    key.ok_or(AuditKeyError::Public { path })
}

/// A file that anyone may read; `None` when there is none.
fn read_public(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let failed = |source| FileError::System { action: "read", path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut text = Vec::new();
    file.take(MAX_KEY + 1).read_to_end(&mut text).map_err(failed)?;
    let length = text.len() as u64;
    if length > MAX_KEY {
        return Err(FileError::TooLarge { path: path.to_owned(), length, limit: MAX_KEY });
    }
    Ok(Some(text))
}
