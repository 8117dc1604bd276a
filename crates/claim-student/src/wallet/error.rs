//! What can be wrong with the folder.

use std::path::PathBuf;

use claim_core::messages::ChainError;
use claim_core::{PersonId, Timestamp};
use claim_files::FileError;
use claim_pki::{CertificateError, KeyError, PathError, RootError};

use crate::error::{Explained, quoted};

/// Why the folder does not give what was asked of it, or does not take it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// A file cannot be read, written or locked.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no root certificate.
    #[error("there is no root certificate {}", quoted(looked_in))]
    NoRoot {
        /// Where it should be.
        looked_in: PathBuf,
    },
    /// The root's file holds something else.
    #[error("{} is not a root certificate: {source}", quoted(path))]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RootError,
    },
    /// Another root is stored than the one that was to be.
    #[error("{} already holds another root", quoted(path))]
    OtherRoot {
        /// The file.
        path: PathBuf,
    },
    /// The private key's file is no text.
    #[error("{} is not a private key in PEM", quoted(path))]
    KeyNotText {
        /// The file.
        path: PathBuf,
    },
    /// The private key cannot be made or read.
    #[error("the private key {} cannot be used: {source}", quoted(path))]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The certificate's file cannot be read as certificates.
    #[error("{} holds no readable certificate: {source}", quoted(path))]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The certificate's file holds more certificates than a chain has.
    #[error("{} holds no chain: {source}", quoted(path))]
    Chain {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ChainError,
    },
    /// The certificate does not lead to the root, or is not a person's.
    #[error("the certificate {} cannot be used: {source}", quoted(path))]
    Path {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// The certificate's time is over by this machine's clock.
    #[error("the certificate of {id} expired at {not_after}; it is {at} by this machine's clock")]
    Expired {
        /// Whose it is.
        id: PersonId,
        /// The end of its time.
        not_after: Timestamp,
        /// This machine's time.
        at: Timestamp,
    },
    /// The certificate names somebody else than its file.
    #[error("{} is the certificate of {found}, not of {expected}", quoted(path))]
    OtherPerson {
        /// The file.
        path: PathBuf,
        /// Whom the file's name says.
        expected: PersonId,
        /// Whom the certificate names.
        found: PersonId,
    },
    /// The certificate is for another key.
    #[error("the certificate {} is not for the key {}", quoted(certificate), quoted(key))]
    OtherKey {
        /// The private key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// There is a certificate, but its private key is gone.
    #[error("{} is there, but its private key {} is not", quoted(certificate), quoted(key))]
    KeyMissing {
        /// Where the private key should be.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// There is nothing for this id.
    #[error("{id} is not enrolled here: {} has no key and no certificate for that id", quoted(dir))]
    NotEnrolled {
        /// The id.
        id: PersonId,
        /// The folder.
        dir: PathBuf,
    },
    /// There is a key, but the certificate did not arrive.
    #[error(
        "the enrolment of {id} is not finished: there is the key {}, but no certificate",
        quoted(key)
    )]
    Interrupted {
        /// The id.
        id: PersonId,
        /// The private key's file.
        key: PathBuf,
    },
}

impl Explained for WalletError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Path { source: PathError::UnknownIssuer | PathError::BadSignature, .. } => Some(
                "It was not issued under the root in cuhk.cer: CUHK was probably set up anew since.".to_owned(),
            ),
            Self::KeyMissing { .. } => {
                Some("Without its private key a certificate proves nothing.".to_owned())
            }
            _ => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::File(FileError::NotPrivate { .. }) => {
                "If others may have read the key, ask for a new invitation and enrol in a new folder.".to_owned()
            }
            Self::File(FileError::Locked { .. }) => "Wait until the other program is done, then try again.".to_owned(),
            Self::File(FileError::Full { .. }) => "Make room and try again.".to_owned(),
            Self::File(_) => "Check the folder and its permissions, or choose another with --dir.".to_owned(),
            Self::NoRoot { .. } => {
                "Enrol with your invitation (`claim student enroll`). For a CUHK on this machine: start it with \
                 `claim cuhk` and run the student in the same folder, or name its root with --root FILE."
                    .to_owned()
            }
            Self::Root { path, .. } => format!(
                "Put CUHK's cuhk.cer there again, or remove {} and enrol with your invitation.",
                quoted(path)
            ),
            Self::OtherRoot { .. } => "Check which of the two CUHKs you want, and use a folder for each.".to_owned(),
            Self::KeyNotText { path } | Self::Key { path, .. } => format!(
                "Restore {} from a copy. If there is none, move it away and enrol again with a new invitation.",
                quoted(path)
            ),
            Self::Certificate { path, .. } | Self::Chain { path, .. } => format!(
                "Restore {} from a copy, or move it away and enrol again with the same invitation or a new one; \
                 the key is kept.",
                quoted(path)
            ),
            Self::Path { .. } => {
                "Enrol again (`claim student enroll`), with a new invitation where one is needed; the key is kept."
                    .to_owned()
            }
            Self::Expired { .. } => {
                "Renew it with `claim student renew`, or enrol again with a new invitation. \
                 If the time is wrong, set this machine's clock."
                    .to_owned()
            }
            Self::OtherPerson { path, .. } => {
                format!("Move {} to where it belongs, then enrol.", quoted(path))
            }
            Self::OtherKey { key, certificate } => format!(
                "Restore from a copy the {} or {} that belong together.",
                quoted(key),
                quoted(certificate)
            ),
            Self::KeyMissing { key, certificate } => format!(
                "Restore {} from a copy. If there is none, move {} away and enrol again with a new invitation.",
                quoted(key),
                quoted(certificate)
            ),
            Self::NotEnrolled { .. } => "Enrol with `claim student enroll`.".to_owned(),
            Self::Interrupted { .. } => {
                "Run `claim student enroll` again, with the same invitation if there was one: \
                 it goes on with the same key."
                    .to_owned()
            }
        }
    }
}
