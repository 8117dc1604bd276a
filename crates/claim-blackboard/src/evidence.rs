//! The keys that make evidence: one signs timestamps, one the log's checkpoints; the root has certified both.

mod next;

pub(crate) use self::next::ask_for_next;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use claim_core::receipt::log_name;
use claim_core::{Digest, Origin};
use claim_files::{FileError, Mode, read_private, replace, write_new};
use claim_http::{Clock, system_rng};
use claim_log::note::{KeyName, KeyNameError, SigningKey as NoteKey, SigningKeyError};
use claim_log::{LogKey, LogSigner, WitnessKey};
use claim_pki::{
    Certificate, Ed25519SigningKey, EvidenceAnswer, EvidenceAnswerError, EvidenceRequest, KeyError,
    MakeRequestError, MakeTokenError, Root, SigningKey, TimestampSigner, VerifyEvidenceError,
};

use crate::folder::{Folder, read_public};
use crate::log::Met;
use crate::request::Requested;
use crate::start_error::StartError;

/// What Blackboard signs evidence with.
pub(crate) struct Evidence {
    pub(crate) timestamp: TimestampSigner,
    pub(crate) log: LogSigner,
    pub(crate) log_key: LogKey,
    pub(crate) log_certificate: Certificate,
    /// The witness that CUHK is, as it was when the root certified these keys.
    pub(crate) witness: Met,
}

/// Why there is nothing to sign evidence with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum EvidenceError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("blackboard.answer cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("a key cannot be used: {0}")]
    Key(#[from] KeyError),
    #[error("log.key cannot be used: {0}")]
    NoteKey(#[from] SigningKeyError),
    #[error("the next timestamp key cannot take its place: {0}")]
    Replace(#[source] std::io::Error),
    #[error("the request cannot be made: {0}")]
    Request(#[from] MakeRequestError),
    #[error("blackboard.answer: {0}")]
    Answer(#[from] EvidenceAnswerError),
    #[error("blackboard.answer: {0}")]
    Verify(#[from] VerifyEvidenceError),
    #[error(transparent)]
    Timestamp(#[from] MakeTokenError),
    #[error("the name of the log or of its witness cannot stand in a note: {0}")]
    Name(#[from] KeyNameError),
}

impl Evidence {
    /// Reads keys and certificates; where certificates are missing, leaves the request for them and returns `None`.
    ///
    /// Keys are made once and kept: the certificates are for them. An answer for the next timestamp key puts that into the
    /// place of the one before.
    pub(crate) fn load(
        folder: &Folder,
        origin: &Origin,
        root: &Root,
        clock: &Clock,
    ) -> Result<Option<Arc<Self>>, EvidenceError> {
        let mut timestamp = timestamp_key(folder)?;
        let log = log_key(folder)?;
        let Some(answer) = read_public(&folder.evidence_answer())? else {
            request(folder, origin, &timestamp, &log)?;
            return Ok(None);
        };
        let answer = EvidenceAnswer::from_bytes(answer.as_bytes())?;
        let verified =
            answer.verify(root, origin, timestamp.public_key(), log.public_key(), clock.now());
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => match next::certified(folder, |key| {
                answer.verify(root, origin, key, log.public_key(), clock.now()).ok()
            })? {
                Some((next, verified)) => {
                    timestamp = next;
                    verified
                }
                None => {
                    // An answer to older keys may lie there; the request for these is left beside it.
                    let asked_for = next::key(folder)?.unwrap_or(timestamp);
                    request(folder, origin, &asked_for, &log)?;
                    return Err(error.into());
                }
            },
        };
        let name = log_name(origin);
        let signer = LogSigner::new(name, NoteKey::from_pkcs8_der(&log.to_pkcs8_der())?);
        let witness: KeyName = verified.witness.name().as_str().parse()?;
        Ok(Some(Arc::new(Self {
            log_key: signer.key(),
            log: signer,
            timestamp: TimestampSigner::new(timestamp, answer.timestamp)?,
            log_certificate: answer.log,
            witness: Met {
                key: WitnessKey::new(witness, *verified.witness.public_key().as_bytes()),
                certificate: answer.witness,
            },
        })))
    }
}

/// What there is to sign evidence with, at this moment.
#[derive(Default)]
pub(crate) struct CurrentEvidence(RwLock<Option<Arc<Evidence>>>);

impl CurrentEvidence {
    /// `None` until the root has certified the keys.
    pub(crate) fn get(&self) -> Option<Arc<Evidence>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn replace(&self, evidence: Arc<Evidence>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(evidence);
    }
}

/// Leaves the request where whoever runs CUHK, or a local CUHK itself, finds it.
fn request(
    folder: &Folder,
    origin: &Origin,
    timestamp: &SigningKey,
    log: &Ed25519SigningKey,
) -> Result<(), EvidenceError> {
    let path = folder.evidence_request();
    // Signatures differ each time, so a request for these keys is left as it is.
    let there =
        read_public(&path)?.and_then(|text| EvidenceRequest::from_bytes(text.as_bytes()).ok());
    let fits = |request: &EvidenceRequest| {
        request.origin() == origin
            && request.timestamp().public_key() == timestamp.public_key()
            && request.log().public_key() == log.public_key()
    };
    if !there.as_ref().is_some_and(fits) {
        let request = EvidenceRequest::make(origin, timestamp, log)?;
        replace(&path, request.to_text().as_bytes(), Mode::Private)?;
    }
    Ok(())
}

/// Opens both keys where they are there: one that does not open is told at the start, not when somebody hands in.
pub(crate) fn look(folder: &Folder) -> Result<(), StartError> {
    let (timestamp, log) = (folder.timestamp_key(), folder.log_key());
    let unusable = |path: &Path, error| match error {
        EvidenceError::File(error) => StartError::File(error),
        EvidenceError::Key(source) => StartError::Key { path: path.to_owned(), source },
        error => StartError::Evidence { error: error.to_string() },
    };
    if timestamp.exists() {
        timestamp_key(folder).map_err(|error| unusable(&timestamp, error))?;
    }
    if log.exists() {
        log_key(folder).map_err(|error| unusable(&log, error))?;
    }
    Ok(())
}

/// Writes the request for both keys, which it makes where they are missing, and tells what is in it.
pub(crate) fn ask(folder: &Folder, origin: &Origin) -> Result<Requested, StartError> {
    look(folder)?;
    let asked = || -> Result<Requested, EvidenceError> {
        // The next one where its turn is near: that of now has its certificate.
        let timestamp = match next::key(folder)? {
            Some(next) => next,
            None => timestamp_key(folder)?,
        };
        let log = log_key(folder)?;
        request(folder, origin, &timestamp, &log)?;
        Ok(Requested {
            path: folder.evidence_request(),
            answer: folder.evidence_answer(),
            origin: origin.clone(),
            timestamp: Digest::from_bytes(*timestamp.public_key().fingerprint()),
            log: Digest::from_bytes(log.public_key().fingerprint()),
        })
    };
    asked().map_err(|error| match error {
        EvidenceError::File(error) => StartError::File(error),
        error => StartError::Evidence { error: error.to_string() },
    })
}

fn timestamp_key(folder: &Folder) -> Result<SigningKey, EvidenceError> {
    made_once(folder, folder.timestamp_key())
}

/// The key for timestamps in this file, which is made where it is missing.
fn made_once(folder: &Folder, path: PathBuf) -> Result<SigningKey, EvidenceError> {
    let passphrase = folder.passphrase();
    let open = |pem: &[u8]| SigningKey::from_pem(text_of(pem), passphrase);
    match read_private(&path) {
        Ok(pem) => Ok(open(&pem)?),
        Err(FileError::Missing { .. }) => {
            let key = SigningKey::generate()?;
            let pem = key.to_pem(passphrase, &mut system_rng())?;
            match write_new(&path, pem.as_bytes(), Mode::Private) {
                Ok(()) => Ok(key),
                // Another process was faster.
                Err(FileError::Exists { .. }) => Ok(open(&read_private(&path)?)?),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn log_key(folder: &Folder) -> Result<Ed25519SigningKey, EvidenceError> {
    let (path, passphrase) = (folder.log_key(), folder.passphrase());
    let open = |pem: &[u8]| Ed25519SigningKey::from_pem(text_of(pem), passphrase);
    match read_private(&path) {
        Ok(pem) => Ok(open(&pem)?),
        Err(FileError::Missing { .. }) => {
            let key = Ed25519SigningKey::generate()?;
            let pem = key.to_pem(passphrase, &mut system_rng())?;
            match write_new(&path, pem.as_bytes(), Mode::Private) {
                Ok(()) => Ok(key),
                Err(FileError::Exists { .. }) => Ok(open(&read_private(&path)?)?),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// What is no text has no PEM in it either.
fn text_of(pem: &[u8]) -> &str {
    std::str::from_utf8(pem).unwrap_or_default()
}
