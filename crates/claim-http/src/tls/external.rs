//! A TLS certificate from elsewhere, e.g. a public authority, so that browsers trust the page.

use std::path::{Path, PathBuf};

use claim_pki::{Certificate, Timestamp};
use zeroize::Zeroizing;

use super::{CertificateSwitch, IdentityError, TlsIdentity};

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

/// What an external certificate's files were found to hold when they were looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalChange {
    /// Another certificate, which is shown from now on.
    New {
        /// Until when it is valid, where that can be read.
        not_after: Option<Timestamp>,
    },
    /// Nothing that can be shown: the one before stays. Told once for each reason.
    Kept {
        /// What is wrong with the files.
        reason: String,
    },
}

/// The files of a TLS certificate from elsewhere, watched while a server shows what is in them.
///
/// Whoever renews them may write one after the other: until certificate and key can be read and fit, the server
/// goes on with those it has.
#[derive(Debug)]
pub struct ExternalWatch {
    files: ExternalTls,
    shown: TlsIdentity,
    fault: Option<String>,
}

impl ExternalWatch {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// [`ExternalTlsError`] when there is nothing to show.
    pub fn start(files: ExternalTls) -> Result<Self, ExternalTlsError> {
        Ok(Self { shown: files.load()?, files, fault: None })
    }

    /// What is shown.
    pub fn identity(&self) -> &TlsIdentity {
        &self.shown
    }

    /// Until when it is valid, where that can be read.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.shown.not_after()
    }

    /// Looks at the files again; `None` when there is nothing new to tell.
    pub fn look(&mut self, switch: &CertificateSwitch) -> Option<ExternalChange> {
        match self.files.load() {
            Ok(found) => {
                self.fault = None;
                if found.has_chain_of(&self.shown) {
                    return None;
                }
                switch.replace(&found);
                self.shown = found;
                Some(ExternalChange::New { not_after: self.not_after() })
            }
            Err(error) => {
                let reason = error.to_string();
                if self.fault.as_ref() == Some(&reason) {
                    return None;
                }
                self.fault = Some(reason.clone());
                Some(ExternalChange::Kept { reason })
            }
        }
    }
}

impl TlsIdentity {
    fn has_chain_of(&self, other: &Self) -> bool {
        self.certified_key().cert == other.certified_key().cert
    }

    /// Until when the leaf is valid; `None` where it is a certificate that only rustls can read.
    fn not_after(&self) -> Option<Timestamp> {
        let leaf = self.leaf()?;
        Certificate::from_der(leaf).ok().map(|leaf| leaf.not_after())
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, ExternalTlsError> {
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| ExternalTlsError::Read { path: path.to_owned(), source })
}
