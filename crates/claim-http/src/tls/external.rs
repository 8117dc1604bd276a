//! A TLS certificate from elsewhere, e.g. a public authority, so that browsers trust the page.

use std::fmt;
use std::path::{Path, PathBuf};

use claim_pki::{Certificate, KeyError, Timestamp, open_private_key};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::{CertificateSwitch, IdentityError, TlsIdentity};

/// The PEM files of a TLS certificate from elsewhere (`--tls-cert`, `--tls-key`).
#[derive(Clone, Debug)]
pub struct ExternalTls {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// What opens it (`--tls-key-passphrase`); `None` where it is not encrypted.
    pub passphrase: Option<KeyPassphrase>,
}

/// The passphrase of a private key: wiped when dropped, never printed.
#[derive(Clone)]
pub struct KeyPassphrase(Zeroizing<String>);

impl KeyPassphrase {
    /// Takes a text that is a secret from here on.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for KeyPassphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPassphrase")
    }
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
    /// The private key does not open with the passphrase, or without one.
    #[error("the TLS key {key:?} does not open: {source}")]
    Passphrase {
        /// The key.
        key: PathBuf,
        /// What is wrong.
        source: KeyError,
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
        let closed = |source| ExternalTlsError::Passphrase { key: self.key.clone(), source };
        let identity = match &self.passphrase {
            Some(passphrase) => {
                let opened = open_private_key(&key, &passphrase.0).map_err(closed)?;
                let opened = PrivatePkcs8KeyDer::from(opened.as_slice());
                TlsIdentity::from_pem_and_key(&certificate, PrivateKeyDer::from(opened).clone_key())
            }
            None if is_encrypted(&key) => return Err(closed(KeyError::Encrypted)),
            None => TlsIdentity::from_pem(&certificate, &key),
        };
        identity.map_err(|source| ExternalTlsError::Unusable {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })
    }
}

/// PKCS#8 with a passphrase, or the older form that is not read here.
fn is_encrypted(key: &str) -> bool {
    key.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || key.contains("Proc-Type: 4,ENCRYPTED")
}

impl ExternalTlsError {
    /// Whether a passphrase is wrong, missing or superfluous, which does not become right by trying again.
    pub fn is_wrong_secret(&self) -> bool {
        matches!(self, Self::Passphrase { .. })
    }

    /// What to do next; `otherwise` is what the server does where it has no such certificate.
    pub fn advice(&self, otherwise: &str) -> String {
        match self {
            Self::Passphrase { source: KeyError::Encrypted, .. } => {
                "Name a file with the passphrase (mode 0600), fd:NUMBER or credential:NAME with --tls-key-passphrase."
                    .to_owned()
            }
            Self::Passphrase { source: KeyError::Passphrase, .. } => {
                "Put right what --tls-key-passphrase names, and start again.".to_owned()
            }
            Self::Passphrase { key, source: KeyError::NotEncrypted } => format!(
                "Encrypt it (openssl pkcs8 -topk8 -v2 aes-256-cbc -in {key:?}, put in its place with mode 0600), \
                 or leave --tls-key-passphrase out."
            ),
            Self::Passphrase { key, .. } => format!(
                "Write it in that form: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {key:?}."
            ),
            Self::Read { .. } | Self::Unusable { .. } => format!(
                "Put the PEM files of --tls-cert and --tls-key right, or leave both options out: {otherwise}."
            ),
        }
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
