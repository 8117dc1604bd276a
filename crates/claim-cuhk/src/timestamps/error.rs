//! Why CUHK cannot give timestamps.

use std::path::PathBuf;

use claim_files::FileError;
use claim_pki::{CertificateError, KeyError, MakeTokenError, PathError};
use claim_store::StoreError;

use crate::authority::AuthorityError;
use crate::desk::DeskError;

/// Why CUHK's timestamp key or its certificate cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampKeyError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The root cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The key's file is not a P-256 private key.
    #[error("{path:?} is not a private key that a timestamp authority can use: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The certificate's file holds no certificate.
    #[error("{path:?} is not a certificate: {source}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The certificate is not one that this CUHK's root issued to a timestamp authority.
    #[error("{path:?} is not a timestamp certificate of this CUHK: {source}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// A certificate came for another key.
    #[error("the certificate is for another key than {path:?}")]
    OtherKey {
        /// The key that is here.
        path: PathBuf,
    },
    /// Key and certificate do not belong together.
    #[error("cuhk-timestamp.key and cuhk-timestamp.cer cannot be used together: {0}")]
    Signer(#[from] MakeTokenError),
    /// No certificate could be made.
    #[error("the certificate of CUHK's timestamp key could not be made: {0}")]
    Desk(#[from] DeskError),
    /// CUHK's records cannot be read.
    #[error("CUHK's records cannot be used: {0}")]
    Store(#[from] StoreError),
}
