//! CUHK as the witness of the logs whose keys it has certified (C2SP tlog-witness v1.0.0).
//!
//! What it may cosign is decided in claim-log; here the key and the last checkpoint of each log are kept.
//! A witness that lost that memory would cosign a second history, so its key is good only as long as CUHK's records know it.

mod add_checkpoint;
mod error;

use std::path::{Path, PathBuf};

use claim_core::{Origin, Timestamp};
use claim_files::{FileError, Mode as FileMode, write_new};
use claim_log::WitnessSigner;
use claim_pki::{Certificate, Ed25519SigningKey, Root, WitnessName};

pub(crate) use self::add_checkpoint::{Reply, add_checkpoint};
pub use self::error::WitnessError;
use crate::authority::load_root;
use crate::ceremony::{Ceremony, Service};
use crate::folder::{exists, read_certificates, read_ed25519_key};

/// CUHK's witness: its certificate, and the key that cosigns.
pub(crate) struct Witness {
    certificate: Certificate,
    signer: WitnessSigner,
}

impl Witness {
    /// Loads key and certificate, or makes what is missing.
    ///
    /// A key whose certificate is not in the records, is revoked or has ended is put aside for a new one.
    pub(crate) async fn load_or_make(ceremony: &Ceremony<'_>) -> Result<Self, WitnessError> {
        let (key_path, path) =
            (ceremony.folder.witness_key(), ceremony.folder.witness_certificate());
        let root = load_root(ceremony.folder)?;
        if exists(&path)? {
            let certificate = read(&path)?;
            if exists(&key_path)? && is_current(ceremony, &root, &path, &certificate).await? {
                return Self::new(certificate, &load_key(&key_path)?, &path);
            }
            put_aside(&[&path, &key_path], &certificate)?;
        }
        let key = load_or_make_key(&key_path)?;
        let name = name(ceremony.origin, &root)?;
        let root = ceremony.root()?;
        let service = Service::Witness(name);
        let certificate = ceremony.certify(&root, &service, key.public_key().into()).await?;
        match write_new(&path, certificate.to_pem().as_bytes(), FileMode::Public) {
            // Another process has just done the same, with the same key: it is the same certificate.
            Ok(()) | Err(FileError::Exists { .. }) => Self::new(certificate, &key, &path),
            Err(error) => Err(error.into()),
        }
    }

    /// The certificate.
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn signer(&self) -> &WitnessSigner {
        &self.signer
    }

    fn new(
        certificate: Certificate,
        key: &Ed25519SigningKey,
        path: &Path,
    ) -> Result<Self, WitnessError> {
        if certificate.spki_der() != key.public_key().spki_der() {
            return Err(WitnessError::OtherKey { path: path.to_owned() });
        }
        let name = certificate.common_name().unwrap_or_default().parse();
        let name = name.map_err(|_| WitnessError::Name { path: path.to_owned() })?;
        let key = claim_log::note::SigningKey::from_pkcs8_der(&key.to_pkcs8_der())?;
        Ok(Self { certificate, signer: WitnessSigner::new(name, key) })
    }
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
fn name(cuhk: &Origin, root: &Root) -> Result<WitnessName, WitnessError> {
    let address = format!("{}/witness", cuhk.authority());
    let short = || format!("cuhk-{}/witness", claim_core::Digest::from_bytes(*root.hash()));
    let fits = address.parse().or_else(|_| short().chars().take(64).collect::<String>().parse());
    Ok(fits?)
}

fn read(path: &Path) -> Result<Certificate, WitnessError> {
    let unreadable = |source| WitnessError::Certificate { path: path.to_owned(), source };
    let chain = read_certificates(path)?.map_err(unreadable)?;
    let [certificate] = <[Certificate; 1]>::try_from(chain)
        .map_err(|_| unreadable(claim_pki::CertificateError::TooMany { limit: 1 }))?;
    Ok(certificate)
}

fn load_key(path: &Path) -> Result<Ed25519SigningKey, WitnessError> {
    read_ed25519_key(path)?.map_err(|source| WitnessError::Key { path: path.to_owned(), source })
}

fn load_or_make_key(path: &Path) -> Result<Ed25519SigningKey, WitnessError> {
    if exists(path)? {
        return load_key(path);
    }
    let key = Ed25519SigningKey::generate()
        .map_err(|source| WitnessError::Key { path: path.to_owned(), source })?;
    match write_new(path, key.to_pkcs8_pem().as_bytes(), FileMode::Private) {
        Ok(()) => Ok(key),
        Err(FileError::Exists { .. }) => load_key(path),
        Err(error) => Err(error.into()),
    }
}

/// Renames files that must not be used any more, by the number of the certificate.
fn put_aside(paths: &[&PathBuf], certificate: &Certificate) -> Result<(), WitnessError> {
    let serial = certificate.serial();
    for path in paths {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".{serial}"));
        if exists(path)? {
            tracing::warn!(?path, ?aside, "the witness takes a new key: the old one is put aside");
            std::fs::rename(path, &aside).map_err(|source| FileError::System {
                action: "rename",
                path: (*path).clone(),
                source,
            })?;
        }
    }
    Ok(())
}

/// The time as a cosignature has it; `None` before 1970 and at its first second.
fn posix(now: Timestamp) -> Option<claim_log::note::PosixTime> {
    u64::try_from(now.as_seconds()).ok()?.try_into().ok()
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness").field("key", &self.signer.key()).finish_non_exhaustive()
    }
}
