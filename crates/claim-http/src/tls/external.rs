//! A TLS certificate from elsewhere, e.g. a public authority, so that browsers trust the page.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{IdentityError, TlsIdentity};

/// The PEM files of a TLS certificate from elsewhere (`--tls-cert`, `--tls-key`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalTls {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why the files make no TLS server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalTlsError {
    /// A file cannot be read.
    #[error("{path:?} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate and key cannot be used.
    #[error("the TLS certificate {certificate:?} with the key {key:?} cannot be used: {source}")]
    Unusable {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong with them.
        source: IdentityError,
    },
}

impl ExternalTls {
    /// Reads certificate and key.
    ///
    /// The key may have whatever mode its keeper gave it: programs that renew such certificates have their own ways.
    ///
    /// # Errors
    /// [`ExternalTlsError`].
    pub fn load(&self) -> Result<TlsIdentity, ExternalTlsError> {
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        TlsIdentity::from_pem(&certificate, &key).map_err(|source| ExternalTlsError::Unusable {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, ExternalTlsError> {
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| ExternalTlsError::Read { path: path.to_owned(), source })
}
