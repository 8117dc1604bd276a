//! Why CUHK cannot be a witness.

use std::path::PathBuf;

use claim_files::FileError;
use claim_pki::{CertificateError, PathError, WitnessNameError};
use claim_store::StoreError;
use claim_witness::WitnessKeyError;

use crate::authority::AuthorityError;
use crate::desk::DeskError;
use crate::keys::SERVICES_ADVICE;

/// Why the key or certificate of CUHK's witness cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The root cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The key, or its certificate, cannot be used.
    #[error(transparent)]
    Key(#[from] WitnessKeyError),
    /// The certificate's file holds no certificate.
    #[error("{path:?} is not a certificate: {source}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// A certificate came for another key.
    #[error("the certificate is for another key than {path:?}")]
    OtherKey {
        /// The key that is here.
        path: PathBuf,
    },
    /// The certificate is not one that this CUHK's root issued to a witness.
    #[error("{path:?} is not a witness certificate of this CUHK: {source}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// No name can be made for the witness.
    #[error(transparent)]
    NewName(#[from] WitnessNameError),
    /// No certificate could be made.
    #[error("the certificate of CUHK's witness could not be made: {0}")]
    Desk(#[from] DeskError),
    /// CUHK's records cannot be read.
    #[error("CUHK's records cannot be used: {0}")]
    Store(#[from] StoreError),
}

impl WitnessError {
    /// What to do next.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Authority(error) => error.advice(),
            Self::Key(error) if error.is_wrong_secret() => SERVICES_ADVICE.to_owned(),
            Self::File(FileError::Full { .. })
            | Self::Key(WitnessKeyError::File(FileError::Full { .. })) => {
                "Make room on the disk and start again.".to_owned()
            }
            Self::Key(_) | Self::Certificate { .. } | Self::Foreign { .. } => {
                "Move cuhk-witness.cer and cuhk-witness.key away and start again: the witness takes a \
                     new key. Blackboards learn of it by themselves."
                    .to_owned()
            }
            Self::OtherKey { .. } => {
                "Have the newest request certified (`claim cuhk issuing renew --services-only` writes \
                     it), and bring that answer."
                    .to_owned()
            }
            Self::File(_) | Self::Store(_) => "Put that right and start again.".to_owned(),
            Self::NewName(_) | Self::Desk(_) => {
                "Start again; if it happens again, this is a defect of the program.".to_owned()
            }
        }
    }
}
