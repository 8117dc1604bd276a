//! The key that cosigns, and its certificate.

use std::fmt;
use std::path::{Path, PathBuf};

use claim_files::{FileError, Mode, Passphrase, read_private, write_new};
use claim_http::system_rng;
use claim_log::note::SigningKeyError;
use claim_log::{WitnessKey, WitnessSigner};
use claim_pki::{Certificate, Ed25519SigningKey, KeyError};

/// A witness: its certificate, and the key that cosigns.
pub struct Witness {
    certificate: Certificate,
    signer: WitnessSigner,
}

/// Why a key and a certificate make no witness.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessKeyError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not an Ed25519 private key.
    #[error("{path:?} is not a private key that a witness can use: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The key cannot be used for cosigning.
    #[error("the witness's key cannot be used: {0}")]
    Signer(#[from] SigningKeyError),
    /// The certificate is for another key.
    #[error("the witness's certificate is for another key than the one beside it")]
    OtherKey,
    /// The certificate does not name a witness.
    #[error("the certificate does not name a witness")]
    Name,
}

impl WitnessKeyError {
    /// Whether a passphrase is wrong or missing, which does not become right by trying again.
    pub fn is_wrong_secret(&self) -> bool {
        use KeyError::{Encrypted, NotEncrypted, Passphrase};
        matches!(self, Self::Key { source: Encrypted | Passphrase | NotEncrypted, .. })
    }
}

impl Witness {
    /// Joins them. The certificate is not verified here.
    ///
    /// # Errors
    /// [`WitnessKeyError::OtherKey`], [`WitnessKeyError::Name`].
    pub fn new(certificate: Certificate, key: &Ed25519SigningKey) -> Result<Self, WitnessKeyError> {
        if certificate.spki_der() != key.public_key().spki_der() {
            return Err(WitnessKeyError::OtherKey);
        }
        let name = certificate.common_name().unwrap_or_default().parse();
        let name = name.map_err(|_| WitnessKeyError::Name)?;
        let key = claim_log::note::SigningKey::from_pkcs8_der(&key.to_pkcs8_der())?;
        Ok(Self { certificate, signer: WitnessSigner::new(name, key) })
    }

    /// Reads the key in this file, which has this passphrase or none, or makes it there: readable by its owner only, and
    /// never overwritten.
    ///
    /// # Errors
    /// [`WitnessKeyError::File`], [`WitnessKeyError::Key`].
    pub fn load_or_make_key(
        path: &Path,
        passphrase: Option<&Passphrase>,
    ) -> Result<Ed25519SigningKey, WitnessKeyError> {
        let passphrase = passphrase.map(Passphrase::expose);
        let unusable = |source| WitnessKeyError::Key { path: path.to_owned(), source };
        let load = || -> Result<Ed25519SigningKey, WitnessKeyError> {
            let pem = read_private(path)?;
            // What is no text has no PEM in it either.
            let text = std::str::from_utf8(&pem).unwrap_or_default();
            Ed25519SigningKey::from_pem(text, passphrase).map_err(unusable)
        };
        match load() {
            Err(WitnessKeyError::File(FileError::Missing { .. })) => {}
            loaded => return loaded,
        }
        let key = Ed25519SigningKey::generate().map_err(unusable)?;
        let pem = key.to_pem(passphrase, &mut system_rng()).map_err(unusable)?;
        match write_new(path, pem.as_bytes(), Mode::Private) {
            Ok(()) => Ok(key),
            // Another process was faster.
            Err(FileError::Exists { .. }) => load(),
            Err(error) => Err(error.into()),
        }
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What verifies its cosignatures: as text, the vkey that people publish.
    pub fn key(&self) -> WitnessKey {
        self.signer.key()
    }

    pub(crate) fn signer(&self) -> &WitnessSigner {
        &self.signer
    }
}

/// Renames files that must not be used any more: they get `.mark` behind their names. Missing ones are passed over.
///
/// # Errors
/// [`FileError::System`].
pub fn put_aside(paths: &[&Path], mark: &str) -> Result<(), FileError> {
    for path in paths {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".{mark}"));
        match std::fs::rename(path, &aside) {
            Ok(()) => tracing::warn!(?path, ?aside, "put aside: the witness takes a new key"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => {
                let path = (*path).to_owned();
                return Err(FileError::System { action: "rename", path, source });
            }
        }
    }
    Ok(())
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("key", &self.signer.key()).finish_non_exhaustive()
    }
}
