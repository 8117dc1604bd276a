//! Why CUHK does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use claim_core::{Origin, OriginError};
use claim_files::FileError;
use claim_http::{BindError, ExternalTlsError};
use claim_store::{BackupError, DatabaseUrlError, StoreError};

use crate::authority::AuthorityError;
use crate::crl::ListError;
use crate::elsewhere::ElsewhereError;
use crate::keys::is_wrong_secret;
use crate::own_certificate::OwnCertificateError;
use crate::sso::SsoError;
use crate::witness::WitnessError;

/// Why CUHK does not start. `Display` tells what happened, [`Self::why`] why, [`Self::advice`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folder cannot be made or used.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// Another CUHK serves from this folder, or is being set up in it.
    #[error("another CUHK works with the folder {dir:?}")]
    FolderLocked {
        /// The folder.
        dir: PathBuf,
    },
    /// A backup was not restored to its end into the folder.
    #[error(transparent)]
    Restore(#[from] BackupError),
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
    /// Its keys and certificates cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A root for local demonstrations is to serve others.
    #[error("the root in {dir:?} was made for local demonstrations, but {because}")]
    LocalRoot {
        /// The folder.
        dir: PathBuf,
        /// What is not local.
        because: NotLocal,
    },
    /// The answer of a root elsewhere cannot be used.
    #[error(transparent)]
    Elsewhere(#[from] ElsewhereError),
    /// The certificate of its own TLS server cannot be made or used.
    #[error(transparent)]
    OwnCertificate(#[from] OwnCertificateError),
    /// Its revocation lists cannot be made.
    #[error(transparent)]
    Lists(#[from] ListError),
    /// The key or certificate of its witness cannot be made or used.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The sign-in service is not set up rightly.
    #[error(transparent)]
    SingleSignOn(#[from] SsoError),
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
    #[error("CUHK's records cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// What keeps a root for local demonstrations from serving.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotLocal {
    /// A public origin is configured.
    PublicUrl(Origin),
    /// It is to listen where other machines can reach it.
    Listener(SocketAddr),
    /// People are on record.
    People,
}

impl std::fmt::Display for NotLocal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PublicUrl(origin) => write!(f, "it is to be known to others as {origin}"),
            Self::Listener(address) => {
                write!(f, "it is to listen on {address}, where others can reach it")
            }
            Self::People => f.write_str("people are on record"),
        }
    }
}

impl StartError {
    /// Why that is so.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.why(),
            Self::LocalRoot { .. } => Some(
                "It has certified whoever asked, under any student ID: what it signed proves \
                     nothing to others."
                    .to_owned(),
            ),
            Self::FolderLocked { .. } => {
                Some("Two of them would get into each other's way.".to_owned())
            }
            _ => None,
        }
    }

    /// Whether a passphrase or PIN is wrong or missing: a setting that does not become right by trying again.
    pub fn is_wrong_secret(&self) -> bool {
        match self {
            Self::Authority(AuthorityError::Key(error)) => error.is_wrong_secret(),
            Self::OwnCertificate(OwnCertificateError::Key { source, .. }) => {
                is_wrong_secret(source)
            }
            Self::Witness(WitnessError::Key(error)) => error.is_wrong_secret(),
            Self::ExternalTls(error) => error.is_wrong_secret(),
            _ => false,
        }
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        match self {
            Self::Authority(error) => error.advice(),
            Self::Elsewhere(error) => error.advice(),
            Self::OwnCertificate(error) => error.advice(),
            Self::Witness(error) => error.advice(),
            Self::SingleSignOn(_) => {
                "Put [cuhk.sso] in claim.toml right, or leave it out: people then enrol with \
                 invitations alone."
                    .to_owned()
            }
            Self::Lists(_) => "Put that right and start again.".to_owned(),
            Self::Folder(FileError::Full { .. }) | Self::Store(StoreError::Full { .. }) => {
                "Make room on the disk and start again.".to_owned()
            }
            Self::Store(StoreError::Disk { .. }) => {
                "Look at the disk (`dmesg` tells its errors), then start again.".to_owned()
            }
            Self::Folder(_) => "Put that right, or choose another folder with --dir.".to_owned(),
            Self::Restore(error) => error.advice(),
            Self::FolderLocked { .. } => {
                "Use the one that runs, stop it first, or choose another folder with --dir."
                    .to_owned()
            }
            Self::Bind(BindError::InUse { address }) => format!(
                "Stop what listens there (`ss -ltnp 'sport = :{port}'` shows it; perhaps a CUHK \
                     that runs already), or choose another port with --listen.",
                port = address.port()
            ),
            Self::Bind(BindError::Denied { .. }) => {
                "Choose a port above 1023 with --listen.".to_owned()
            }
            Self::Bind(_) => "Choose another address with --listen.".to_owned(),
            Self::MetricsNotLocal { address } => {
                format!("Use --metrics 127.0.0.1:{}.", address.port())
            }
            Self::LocalRoot { .. } => {
                "Make a real CUHK in a new folder: `claim cuhk init --dir FOLDER`, then start it \
                     there."
                    .to_owned()
            }
            Self::ExternalTls(error) => error.advice("CUHK then uses a certificate of its own"),
            Self::DatabaseUrl(_) => {
                "Put --database right, or leave it out: CUHK then uses cuhk.db \
                 in the folder."
                    .to_owned()
            }
            Self::Store(StoreError::Unavailable { .. } | StoreError::Refused { .. }) => {
                "Check that the database runs and lets this user in, and start again.".to_owned()
            }
            Self::Store(StoreError::OtherSchema { .. } | StoreError::Path { .. }) => {
                "Name the right database with --database.".to_owned()
            }
            Self::Store(StoreError::NewerSchema { .. }) => {
                "Use the newer program that has worked with it.".to_owned()
            }
            Self::Store(StoreError::Damaged { .. } | StoreError::Foreign { .. }) => {
                "Restore the database from a backup.".to_owned()
            }
            Self::Store(_) => "Put that right and start again.".to_owned(),
            Self::Tls(_) | Self::Origin(_) => "This is a defect of the program: tell its authors \
                 what is above."
                .to_owned(),
        }
    }
}
