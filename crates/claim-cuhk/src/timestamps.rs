//! CUHK as the timestamp authority of outages: it says when it saw a claim whose Blackboard could not be reached.
//!
//! Key and certificate are made like those of the witness, where the root's key is at hand. Without them CUHK does all
//! else, and says so.

mod error;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use claim_core::{Problem, ProblemType, Timestamp};
use claim_files::{FileError, Mode as FileMode, Passphrase, write_new};
use claim_http::system_rng;
use claim_pki::{
    Certificate, PathError, PublicKey, SigningKey, TimestampRequest, TimestampSigner,
    TimestampToken,
};

pub use self::error::TimestampKeyError;
use crate::authority::load_root;
use crate::ceremony::{Ceremony, Service};
use crate::crl::announced_at;
use crate::desk::random_serial;
use crate::folder::{Folder, exists, put_aside, read_certificates, read_key};

/// What is left of the time in which the key may sign when it is due for another, in seconds.
const RENEWAL: i64 = 30 * 24 * 3600;

/// The key that signs at present, if there is one.
pub(crate) struct TimestampAuthority(RwLock<Option<Arc<TimestampSigner>>>);

impl TimestampAuthority {
    pub(crate) fn new(signer: Option<TimestampSigner>) -> Self {
        Self(RwLock::new(signer.map(Arc::new)))
    }

    pub(crate) fn replace(&self, signer: TimestampSigner) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(signer));
    }

    /// Says that what has the digest in this request was there then.
    ///
    /// # Errors
    /// [`ProblemType::TimestampRequest`], [`ProblemType::TimestampUnavailable`].
    pub(crate) fn stamp(&self, request: &[u8], at: Timestamp) -> Result<TimestampToken, Problem> {
        let request = TimestampRequest::from_der(request)
            .map_err(|error| Problem::new(ProblemType::TimestampRequest, error))?;
        let signer = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let unavailable =
            |detail: &str| Problem::new(ProblemType::TimestampUnavailable, detail.to_owned());
        let signer = signer.ok_or_else(|| unavailable("there is no certified timestamp key"))?;
        signer.sign(request.digest(), at, &random_serial()).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "no timestamp was made");
            unavailable("the timestamp key does not sign at this time")
        })
    }
}

/// Loads key and certificate, or makes what is missing or comes to its end.
///
/// A key whose certificate is not in the records, is revoked, is for another origin or whose time to sign is over is put
/// aside for a new one.
pub(crate) async fn load_or_make(
    ceremony: &Ceremony<'_>,
) -> Result<TimestampSigner, TimestampKeyError> {
    let kept = load(ceremony).await?;
    if let Some(signer) = kept {
        if is_young(&signer, ceremony.now) {
            return Ok(signer);
        }
        return match make(ceremony).await {
            // It may sign for some days more, in which somebody brings the root's key.
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the timestamp key's time to sign ends"
                );
                Ok(signer)
            }
            made => made,
        };
    }
    make(ceremony).await
}

fn is_young(signer: &TimestampSigner, now: Timestamp) -> bool {
    let end = signer.key_usage_period().not_after();
    end.as_seconds() - now.as_seconds() > RENEWAL
}

/// The key for which a certificate is asked of a root elsewhere: that of now, or the next one where its time to sign
/// comes to its end.
pub(crate) async fn key_to_certify(
    ceremony: &Ceremony<'_>,
) -> Result<SigningKey, TimestampKeyError> {
    let folder = ceremony.folder;
    match load(ceremony).await? {
        Some(signer) if is_young(&signer, ceremony.now) => {
            load_key(folder, &folder.timestamp_key())
        }
        None if !exists(&folder.timestamp_certificate())? => {
            load_or_make_key(folder, &folder.timestamp_key())
        }
        _ => load_or_make_key(folder, &folder.next_timestamp_key()),
    }
}

/// Puts a certificate that was verified beside the key that it is for; the key of before is put aside then.
pub(crate) fn place(
    ceremony: &Ceremony<'_>,
    certificate: &Certificate,
    key: &PublicKey,
) -> Result<(), TimestampKeyError> {
    let folder = ceremony.folder;
    let (key_path, path) = (folder.timestamp_key(), folder.timestamp_certificate());
    let is_at = |path: &Path| -> Result<bool, TimestampKeyError> {
        Ok(exists(path)? && load_key(folder, path)?.public_key() == key)
    };
    let next = folder.next_timestamp_key();
    if is_at(&next)? {
        if exists(&path)? {
            put_aside(&[&key_path, &path], &read(&path)?)?;
        }
        std::fs::rename(&next, &key_path).map_err(|source| FileError::System {
            action: "rename",
            path: next,
            source,
        })?;
    } else if !is_at(&key_path)? {
        return Err(TimestampKeyError::OtherKey { path: key_path });
    }
    match write_new(&path, certificate.to_pem().as_bytes(), FileMode::Public) {
        Ok(()) | Err(FileError::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What is there, if it may sign now.
async fn load(ceremony: &Ceremony<'_>) -> Result<Option<TimestampSigner>, TimestampKeyError> {
    let (key_path, path) =
        (ceremony.folder.timestamp_key(), ceremony.folder.timestamp_certificate());
    if !exists(&path)? || !exists(&key_path)? {
        return Ok(None);
    }
    let certificate = read(&path)?;
    match load_root(ceremony.folder)?.verify_timestamp(certificate.der(), ceremony.now) {
        Ok(authority) if authority.origin() == ceremony.origin && authority.is_of_the_issuer() => {}
        Ok(_) | Err(PathError::Expired { .. }) => return Ok(None),
        Err(source) => return Err(TimestampKeyError::Foreign { path, source }),
    }
    let serial = certificate.serial().to_string();
    let on_record = ceremony.store.certificate(&serial).await?.is_some();
    if !on_record || ceremony.store.revocation(&serial).await?.is_some() {
        return Ok(None);
    }
    let signer = TimestampSigner::new(load_key(ceremony.folder, &key_path)?, certificate)?;
    Ok(Some(signer).filter(|signer| signer.key_usage_period().contains(ceremony.now)))
}

async fn make(ceremony: &Ceremony<'_>) -> Result<TimestampSigner, TimestampKeyError> {
    let (key_path, path) =
        (ceremony.folder.timestamp_key(), ceremony.folder.timestamp_certificate());
    // Nothing is put aside where nothing new can be made.
    let root = Arc::new(announced_at(ceremony.root().await?, ceremony.origin));
    if exists(&path)? {
        // The key first: without it the certificate is of no use, whenever this is cut off.
        put_aside(&[&key_path, &path], &read(&path)?)?;
    }
    let key = load_or_make_key(ceremony.folder, &key_path)?;
    let service = Service::Timestamp(ceremony.origin.clone());
    let certificate = ceremony.certify(&root, &service, key.public_key().into()).await?;
    match write_new(&path, certificate.to_pem().as_bytes(), FileMode::Public) {
        // Another process has just done the same, with the same key: it is the same certificate.
        Ok(()) | Err(FileError::Exists { .. }) => Ok(TimestampSigner::new(key, certificate)?),
        Err(error) => Err(error.into()),
    }
}

fn read(path: &Path) -> Result<Certificate, TimestampKeyError> {
    let unreadable = |source| TimestampKeyError::Certificate { path: path.to_owned(), source };
    let chain = read_certificates(path)?.map_err(unreadable)?;
    let [certificate] = <[Certificate; 1]>::try_from(chain)
        .map_err(|_| unreadable(claim_pki::CertificateError::TooMany { limit: 1 }))?;
    Ok(certificate)
}

fn load_key(folder: &Folder, path: &Path) -> Result<SigningKey, TimestampKeyError> {
    let passphrase = folder.keys().services.as_ref();
    read_key(path, passphrase)?
        .map_err(|source| TimestampKeyError::Key { path: path.to_owned(), source })
}

fn load_or_make_key(folder: &Folder, path: &Path) -> Result<SigningKey, TimestampKeyError> {
    if exists(path)? {
        return load_key(folder, path);
    }
    let unusable = |source| TimestampKeyError::Key { path: path.to_owned(), source };
    let key = SigningKey::generate().map_err(unusable)?;
    let passphrase = folder.keys().services.as_ref().map(Passphrase::expose);
    let pem = key.to_pem(passphrase, &mut system_rng()).map_err(unusable)?;
    match write_new(path, pem.as_bytes(), FileMode::Private) {
        Ok(()) => Ok(key),
        Err(FileError::Exists { .. }) => load_key(folder, path),
        Err(error) => Err(error.into()),
    }
}

impl std::fmt::Debug for TimestampAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TimestampAuthority").finish_non_exhaustive()
    }
}
