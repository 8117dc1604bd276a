//! Why a witness does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use claim_core::OriginError;
use claim_files::FileError;
use claim_http::{BindError, ExternalTlsError};
use claim_pki::{CertificateError, MakeRequestError, PathError, RootError};
use claim_store::{DatabaseUrlError, StoreError};

use crate::key::WitnessKeyError;

/// Why a witness does not start. `Display` tells what happened, [`Self::why`] why, [`Self::advice`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another witness serves from this folder.
    #[error("another witness works with the folder {dir:?}")]
    FolderLocked {
        /// The folder.
        dir: PathBuf,
    },
    /// The root has not certified the key yet. The request lies in the folder.
    #[error("the university's root has not certified this witness's key yet")]
    NotCertified {
        /// The request.
        request: PathBuf,
        /// Where the certificate is to lie.
        certificate: PathBuf,
    },
    /// There is neither a certificate nor a name to ask for one.
    #[error("this witness has no name yet")]
    NoName,
    /// The root certificate cannot be used.
    #[error("{path:?} is not a root certificate: {source}")]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RootError,
    },
    /// The certificate's file holds no certificate.
    #[error("{path:?} is not a certificate: {source}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The certificate is not one that the root issued to a witness, or is over.
    #[error("{path:?} is not a witness's certificate of this cuhk.cer: {source}")]
    NotVerified {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// The key, or its certificate, cannot be used.
    #[error(transparent)]
    Key(#[from] WitnessKeyError),
    /// The request cannot be made.
    #[error("the request cannot be made: {0}")]
    Request(#[from] MakeRequestError),
    /// It was told of no log.
    #[error("this witness was not told which logs to witness")]
    NoLogs,
    /// A file that should name a log does not.
    #[error("{path:?} has no certificate of a log that leads to the root")]
    NoLog {
        /// The file.
        path: PathBuf,
    },
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It would listen for metrics where others can reach it.
    #[error(
        "metrics are served without access control, so on a loopback address only; {address} is not one"
    )]
    MetricsNotLocal {
        /// The address.
        address: SocketAddr,
    },
    /// The TLS certificate from elsewhere cannot be used.
    #[error(transparent)]
    ExternalTls(#[from] ExternalTlsError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// No origin can be made of the address.
    #[error("no origin can be made of the address it listens on: {0}")]
    Origin(#[from] OriginError),
    /// The database is not named rightly.
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    /// The database cannot be used.
    #[error("the witness's records cannot be used: {0}")]
    Store(#[from] StoreError),
}

impl StartError {
    /// Why that is so.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::NotCertified { .. } => Some(
                "Receipts are believed by cuhk.cer alone, so whoever runs CUHK says who is a witness."
                    .to_owned(),
            ),
            Self::FolderLocked { .. } => {
                Some("Two of them would get into each other's way.".to_owned())
            }
            _ => None,
        }
    }

    /// Whether a passphrase is wrong or missing, which does not become right by trying again.
    pub fn is_wrong_secret(&self) -> bool {
        match self {
            Self::Key(error) => error.is_wrong_secret(),
            Self::ExternalTls(error) => error.is_wrong_secret(),
            _ => false,
        }
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        match self {
            Self::NotCertified { request, certificate } => format!(
                "Take {} to whoever runs CUHK (`claim cuhk certify witness.request`), put the answer \
                 here as {}, and start again.",
                request.display(),
                certificate.display()
            ),
            Self::NoName => {
                "Give it one with --name, e.g. --name witness.example: receipts show it.".to_owned()
            }
            Self::Key(error) if error.is_wrong_secret() => {
                "Name with --key-passphrase where the key's passphrase is: a file (mode 0600), fd:NUMBER or \
                 credential:NAME; leave it out where the key has none."
                    .to_owned()
            }
            Self::NotVerified { .. } | Self::Certificate { .. } | Self::Key(_) => {
                "Move witness.key and witness.cer away and start again with --name: the witness takes \
                 a new key and asks for a new certificate. A key without its memory must not cosign."
                    .to_owned()
            }
            Self::Root { .. } => {
                "Get cuhk.cer from CUHK, compare its SHA-256 by another way, and name it with --root."
                    .to_owned()
            }
            Self::NoLogs | Self::NoLog { .. } => {
                "Name with --logs a receipt of that Blackboard or its log's certificate (PEM), or with \
                 --log-key the log's key."
                    .to_owned()
            }
            Self::File(FileError::Full { .. }) | Self::Store(StoreError::Full { .. }) => {
                "Make room on the disk and start again.".to_owned()
            }
            Self::Store(StoreError::Disk { .. }) => {
                "Look at the disk (`dmesg` tells its errors), then start again.".to_owned()
            }
            Self::FolderLocked { .. } => {
                "Use the one that runs, stop it first, or choose another folder with --dir."
                    .to_owned()
            }
            Self::Bind(_) => "Choose another address with --listen.".to_owned(),
            Self::MetricsNotLocal { address } => {
                format!("Use --metrics 127.0.0.1:{}.", address.port())
            }
            Self::ExternalTls(error) => error.advice("the witness then makes one itself"),
            Self::DatabaseUrl(_) => {
                "Put --database right, or leave it out: the witness then uses witness.db in the folder."
                    .to_owned()
            }
            Self::File(_) | Self::Store(_) => "Put that right and start again.".to_owned(),
            Self::Request(_) | Self::Tls(_) | Self::Origin(_) => {
                "This is a defect of the program: tell its authors what is above.".to_owned()
            }
        }
    }
}
