//! CUHK as the witness of the logs whose keys it has certified (C2SP tlog-witness v1.0.0).
//!
//! What it may cosign is decided in claim-log, how it is asked and remembers is in claim-witness; here is how CUHK comes by
//! the witness's key and certificate, and which logs it knows.
//! A witness that lost that memory would cosign a second history, so its key is good only as long as CUHK's records know it.

mod error;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use claim_core::{Origin, Problem, Timestamp};
use claim_files::{FileError, Mode as FileMode, write_new};
use claim_http::Clock;
use claim_log::LogKey;
use claim_log::note::KeyName;
use claim_pki::{Certificate, Ed25519PublicKey, Ed25519SigningKey, Root, VerifiedLog, WitnessName};
use claim_store::{StoreError, WitnessRecords};
use claim_witness::{Host, KnownLog, Witness, put_aside};

pub use self::error::WitnessError;
use crate::authority::load_root;
use crate::ceremony::{Ceremony, LOG, Service};
use crate::event::Event;
use crate::folder::{exists, read_certificates};
use crate::state::Cuhk;

/// Loads key and certificate of CUHK's witness, or makes what is missing.
///
/// A key whose certificate is not in the records, is revoked or has ended is put aside for a new one.
pub(crate) async fn load_or_make(ceremony: &Ceremony<'_>) -> Result<Witness, WitnessError> {
    let (key_path, path) = (ceremony.folder.witness_key(), ceremony.folder.witness_certificate());
    let root = load_root(ceremony.folder)?;
    if exists(&path)? {
        let certificate = read(&path)?;
        if exists(&key_path)? && is_current(ceremony, &root, &path, &certificate).await? {
            return Ok(Witness::new(certificate, &load_or_make_key(ceremony, &key_path)?)?);
        }
        put_aside(&[&path, &key_path], &certificate.serial().to_string())?;
    }
    let key = load_or_make_key(ceremony, &key_path)?;
    let name = name(ceremony.origin, &root)?;
    let root = Arc::new(ceremony.root().await?);
    let service = Service::Witness(name);
    let certificate = ceremony.certify(&root, &service, key.public_key().into()).await?;
    match write_new(&path, certificate.to_pem().as_bytes(), FileMode::Public) {
        // Another process has just done the same, with the same key: it is the same certificate.
        Ok(()) | Err(FileError::Exists { .. }) => Ok(Witness::new(certificate, &key)?),
        Err(error) => Err(error.into()),
    }
}

/// The name of CUHK's witness, and the key for which a certificate is asked of a root elsewhere.
///
/// A key whose certificate is not good any more is put aside for a new one, as [`load_or_make`] does.
pub(crate) async fn key_to_certify(
    ceremony: &Ceremony<'_>,
) -> Result<(WitnessName, Ed25519SigningKey), WitnessError> {
    let (key_path, path) = (ceremony.folder.witness_key(), ceremony.folder.witness_certificate());
    let root = load_root(ceremony.folder)?;
    if exists(&path)? {
        let certificate = read(&path)?;
        if !exists(&key_path)? || !is_current(ceremony, &root, &path, &certificate).await? {
            put_aside(&[&path, &key_path], &certificate.serial().to_string())?;
        }
    }
    Ok((name(ceremony.origin, &root)?, load_or_make_key(ceremony, &key_path)?))
}

/// Puts a certificate that was verified beside the key that it is for.
pub(crate) fn place(
    ceremony: &Ceremony<'_>,
    certificate: &Certificate,
    key: &Ed25519PublicKey,
) -> Result<(), WitnessError> {
    let (key_path, path) = (ceremony.folder.witness_key(), ceremony.folder.witness_certificate());
    if !exists(&key_path)? || load_or_make_key(ceremony, &key_path)?.public_key() != key {
        return Err(WitnessError::OtherKey { path: key_path });
    }
    match write_new(&path, certificate.to_pem().as_bytes(), FileMode::Public) {
        Ok(()) | Err(FileError::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Host for Cuhk {
    fn witness(&self) -> &Witness {
        &self.witness
    }

    fn records(&self) -> WitnessRecords<'_> {
        self.desk.store.witnessing()
    }

    fn clock(&self) -> &Clock {
        &self.desk.clock
    }

    fn body_timeout(&self) -> Duration {
        self.body_read_timeout
    }

    /// All keys of this log that CUHK has certified, the newest first.
    async fn known(&self, origin: &str) -> Result<Vec<KnownLog>, StoreError> {
        let server = origin
            .strip_suffix("/log")
            .and_then(|authority| format!("https://{authority}").parse::<Origin>().ok());
        let (Some(server), Ok(name)) = (server, origin.parse::<KeyName>()) else {
            return Ok(Vec::new());
        };
        let mut known = Vec::new();
        for record in self.desk.store.certificates_of(LOG, server.as_str()).await? {
            let revoked = self.desk.store.revocation(&record.serial).await?.is_some();
            let now = self.desk.clock.now();
            if let Some((log, current)) =
                record.certificate.and_then(|der| verified(self, &der, now))
            {
                let key = LogKey::new(name.clone(), *log.public_key().as_bytes());
                known.push(KnownLog { key, good: current && !revoked });
            }
        }
        Ok(known)
    }

    fn split(&self, origin: &str, size: u64) {
        self.tell(Event::LogSplit { origin: origin.to_owned(), size });
    }

    fn answer(&self, peer: SocketAddr, result: Result<Response, Problem>) -> Response {
        Self::answer(self, peer, result)
    }
}

/// The log of a certificate on record, and whether that is valid now.
fn verified(cuhk: &Cuhk, der: &[u8], now: Timestamp) -> Option<(VerifiedLog, bool)> {
    let certificate = Certificate::from_der(der).ok()?;
    let authority = cuhk.desk.authority();
    let root = authority.root();
    let log = root.verify_log(der, certificate.not_before()).ok()?;
    let current = log.valid_at(now);
    Some((log, current))
}

/// Whether the certificate on file may still be used.
async fn is_current(
    ceremony: &Ceremony<'_>,
    root: &Root,
    path: &Path,
    certificate: &Certificate,
) -> Result<bool, WitnessError> {
    let serial = certificate.serial().to_string();
    match root.verify_witness(certificate.der(), ceremony.now) {
        Ok(_) => {}
        Err(claim_pki::PathError::Expired { .. }) => return Ok(false),
        Err(source) => return Err(WitnessError::Foreign { path: path.to_owned(), source }),
    }
    let on_record = ceremony.store.certificate(&serial).await?.is_some();
    Ok(on_record && ceremony.store.revocation(&serial).await?.is_none())
}

/// The address at which the witness serves, where that fits into a common name.
pub(crate) fn name(cuhk: &Origin, root: &Root) -> Result<WitnessName, WitnessError> {
    let address = format!("{}/witness", cuhk.authority());
    let short = || format!("cuhk-{}/witness", claim_core::Digest::from_bytes(*root.hash()));
    let fits = address.parse().or_else(|_| short().chars().take(64).collect::<String>().parse());
    Ok(fits?)
}

/// The key in this file, with the passphrase of CUHK's services.
fn load_or_make_key(
    ceremony: &Ceremony<'_>,
    path: &Path,
) -> Result<Ed25519SigningKey, WitnessError> {
    let passphrase = ceremony.folder.keys().services.as_ref();
    Ok(Witness::load_or_make_key(path, passphrase)?)
}

fn read(path: &Path) -> Result<Certificate, WitnessError> {
    let unreadable = |source| WitnessError::Certificate { path: path.to_owned(), source };
    let chain = read_certificates(path)?.map_err(unreadable)?;
    let [certificate] = <[Certificate; 1]>::try_from(chain)
        .map_err(|_| unreadable(claim_pki::CertificateError::TooMany { limit: 1 }))?;
    Ok(certificate)
}
