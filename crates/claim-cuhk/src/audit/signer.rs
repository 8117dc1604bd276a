//! The key that signs the audit log's checkpoints (C2SP tlog-checkpoint).
//!
//! It is made at its first use, without the root: whoever keeps a checkpoint compares it with the log, and needs no
//! signature for that. The signature shows others that it is CUHK's. The name, `<host>:<port>/audit`, stays what it was.

use std::path::PathBuf;

use claim_core::Origin;
use claim_files::{FileError, Mode, write_new};
use claim_log::note::{KeyName, KeyNameError, SigningFailed, SigningKey, SigningKeyError};
use claim_log::{LogKey, LogSigner, SignedCheckpoint};
use claim_pki::Timestamp;
use claim_store::StoreError;
use claim_store::cuhk::CuhkStore;
use claim_store::cuhk::audit::{AuditCheckpoint, Deed, Entry};
use claim_witness::{Witness, WitnessKeyError};

use crate::folder::{Folder, read_public};

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
    #[error("the audit log cannot be called after CUHK's origin: {0}")]
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

/// Loads the key, or makes it; that it was made has its entry.
async fn load_or_make(
    folder: &Folder,
    store: &CuhkStore,
    origin: &Origin,
) -> Result<LogSigner, AuditKeyError> {
    // Without a passphrase: commands sign with it too, and a signature by it proves no more than who wrote the note.
    let secret = Witness::load_or_make_key(&folder.audit_key(), None)?;
    let path = folder.audit_public_key();
    let name: KeyName = match read_public(&path, MAX_KEY)? {
        Some(text) => public_key(&text, path.clone())?.name().clone(),
        None => format!("{}/audit", origin.authority()).parse()?,
    };
    let signer = LogSigner::new(name, SigningKey::from_pkcs8_der(&secret.to_pkcs8_der())?);
    let key = signer.key().to_string();
    match write_new(&path, format!("{key}\n").as_bytes(), Mode::Public) {
        Ok(()) => {}
        Err(FileError::Exists { .. }) => {
            let there = read_public(&path, MAX_KEY)?.unwrap_or_default();
            if public_key(&there, path.clone())? != signer.key() {
                return Err(AuditKeyError::Public { path });
            }
        }
        Err(error) => return Err(error.into()),
    }
    let known = store.last_audit_entry(Deed::AuditKeyMade).await?;
    if known.is_none_or(|entry| !entry.details.contains(&key)) {
        store.record(&[Entry::new(Deed::AuditKeyMade).with("key", key)]).await?;
    }
    Ok(signer)
}

/// Signs the head of the log, and keeps the checkpoint in the records too.
pub(crate) async fn sign_checkpoint(
    folder: &Folder,
    store: &CuhkStore,
    origin: &Origin,
    now: Timestamp,
) -> Result<(SignedCheckpoint, LogKey), AuditKeyError> {
    let signer = load_or_make(folder, store, origin).await?;
    let head = store.audit_head().await?.frontier.head();
    let signed = signer.sign(head)?;
    let note = signed.to_bytes();
    store.put_audit_checkpoint(&AuditCheckpoint { size: head.size.value(), at: now, note }).await?;
    Ok((signed, signer.key()))
}

/// The same, when there is something new since the last one.
pub(crate) async fn sign_if_grown(
    folder: &Folder,
    store: &CuhkStore,
    origin: &Origin,
    now: Timestamp,
) -> Result<(), AuditKeyError> {
    let size = store.audit_head().await?.frontier.size().value();
    if store.last_audit_checkpoint().await?.is_none_or(|last| last.size < size) {
        sign_checkpoint(folder, store, origin, now).await?;
    }
    Ok(())
}

fn public_key(text: &[u8], path: PathBuf) -> Result<LogKey, AuditKeyError> {
    let key = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    key.ok_or(AuditKeyError::Public { path })
}
