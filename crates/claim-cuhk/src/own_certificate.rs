//! The certificate of CUHK's own TLS server, which CUHK issues to itself like to any other server.

use std::path::{Path, PathBuf};

use claim_core::invitation::Invitee;
use claim_core::{Origin, Timestamp};
use claim_files::{FileError, Mode as FileMode, Passphrase, replace, write_new};
use claim_http::{IdentityError, TlsIdentity, system_rng};
use claim_pki::{Certificate, CertificateError, KeyError, PathError, SigningKey, Validity};
use claim_store::cuhk::Provenance;

use crate::desk::{Desk, DeskError, Order};
use crate::event::Issued;
use crate::folder::{Folder, exists, read_certificates, read_key};
use crate::keys::{SERVICES_ADVICE, is_wrong_secret};

/// Why the certificate of CUHK's own TLS server cannot be made or used. No key was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnCertificateError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key's file is not a P-256 private key.
    #[error("{path:?} is not a private key that CUHK can use: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The certificate's file holds no certificates.
    #[error("{path:?} is not a certificate: {source}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The certificate is not one that this CUHK issued to a server.
    #[error("{path:?} is not a server certificate of this CUHK: {source}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// No certificate could be made.
    #[error("the certificate of CUHK's own server could not be made: {0}")]
    Issue(#[from] DeskError),
    /// TLS does not take the certificate or the key.
    #[error("{path:?} cannot be used for TLS: {source}")]
    Identity {
        /// The certificate.
        path: PathBuf,
        /// What is wrong with it.
        source: IdentityError,
    },
}

impl OwnCertificateError {
    /// What to do next.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Key { source, .. } if is_wrong_secret(source) => SERVICES_ADVICE.to_owned(),
            Self::Key { path, .. }
            | Self::Certificate { path, .. }
            | Self::Foreign { path, .. } => format!(
                "Move {path:?} away and start again: CUHK makes a new one. A certificate from \
                     elsewhere goes into --tls-cert and --tls-key."
            ),
            Self::File(FileError::Full { .. }) => {
                "Make room on the disk and start again.".to_owned()
            }
            Self::File(_) => "Put that right and start again.".to_owned(),
            Self::Issue(_) | Self::Identity { .. } => {
                "Start again; if it happens again, this is a defect of the program.".to_owned()
            }
        }
    }
}

/// What CUHK shows to its TLS clients.
#[derive(Debug)]
pub(crate) struct OwnCertificate {
    pub(crate) identity: TlsIdentity,
    pub(crate) not_after: Timestamp,
    /// What was issued for it just now, if the one on file would not do any longer.
    pub(crate) issued: Option<Issued>,
}

impl OwnCertificate {
    /// The one on file, or a fresh one when there is none for this origin or two thirds of its life are over.
    pub(crate) async fn load_or_issue(
        desk: &Desk,
        folder: &Folder,
        origin: &Origin,
    ) -> Result<Self, OwnCertificateError> {
        let key = load_or_make_key(&folder.server_key(), folder.keys().services.as_ref())?;
        let path = folder.server_certificate();
        let on_file = load(desk, &path, origin, &key)?;
        let (chain, issued) = match on_file {
            Some(chain) => (chain, None),
            None => {
                let order = Order {
                    holder: Invitee::Server(origin.clone()),
                    name: None,
                    public_key: key.public_key().clone(),
                    code_hash: None,
                    provenance: Provenance::default(),
                    most_live: None,
                    announce: false,
                };
                let given = desk.issue(order).await?;
                let chain = vec![given.certificate, given.issuer];
                let pem: String = chain.iter().map(Certificate::to_pem).collect();
                replace(&path, pem.as_bytes(), FileMode::Public)?;
                (chain, Some(given.issued))
            }
        };
        let identity = TlsIdentity::from_pki(&chain, &key)
            .map_err(|source| OwnCertificateError::Identity { path, source })?;
        let not_after = chain.iter().map(Certificate::not_after).min().unwrap_or(desk.clock.now());
        Ok(Self { identity, not_after, issued })
    }
}

/// Two thirds of the certificate's life are over.
fn is_due(validity: Validity, now: Timestamp) -> bool {
    let life = validity.not_after().millis_since(validity.not_before());
    now.millis_since(validity.not_before()) >= life / 3 * 2
}

/// The chain on file, if it is still the right one.
fn load(
    desk: &Desk,
    path: &Path,
    origin: &Origin,
    key: &SigningKey,
) -> Result<Option<Vec<Certificate>>, OwnCertificateError> {
    if !exists(path)? {
        return Ok(None);
    }
    let chain = read_certificates(path)?
        .map_err(|source| OwnCertificateError::Certificate { path: path.to_owned(), source })?;
    let ders: Vec<&[u8]> = chain.iter().map(Certificate::der).collect();
    let now = desk.clock.now();
    match desk.authority().root().verify_server(&ders, origin, now) {
        Ok(verified) if *verified.public_key() != *key.public_key() => {
            tracing::warn!(
                ?path,
                "the certificate is for another key than the one beside it: it is replaced"
            );
            Ok(None)
        }
        // One that is revoked, or has made room for another.
        Ok(_) if !is_of(&chain, desk) => Ok(None),
        Ok(_) => {
            Ok((!chain.first().is_some_and(|leaf| is_due(leaf.validity(), now))).then_some(chain))
        }
        Err(PathError::WrongOrigin { .. } | PathError::Expired { .. }) => Ok(None),
        Err(source) => Err(OwnCertificateError::Foreign { path: path.to_owned(), source }),
    }
}

/// Whether whoever issued it is still in use.
fn is_of(chain: &[Certificate], desk: &Desk) -> bool {
    let issuer = chain.first().and_then(Certificate::issuer_key_id);
    desk.authority().issuing_certificates().any(|one| one.subject_key_id() == issuer)
}

fn load_or_make_key(
    path: &Path,
    passphrase: Option<&Passphrase>,
) -> Result<SigningKey, OwnCertificateError> {
    let unusable = |source| OwnCertificateError::Key { path: path.to_owned(), source };
    if exists(path)? {
        return read_key(path, passphrase)?.map_err(unusable);
    }
    let key = SigningKey::generate().map_err(unusable)?;
    let pem =
        key.to_pem(passphrase.map(Passphrase::expose), &mut system_rng()).map_err(unusable)?;
    write_new(path, pem.as_bytes(), FileMode::Private)?;
    Ok(key)
}
