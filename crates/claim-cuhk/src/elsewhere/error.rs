//! Why a CUHK and a root elsewhere do not come together.

use std::path::PathBuf;

use claim_core::Origin;
use claim_files::FileError;
use claim_pki::{
    AuthorityAnswerError, CertificateError, MakeRequestError, PathError, VerifyRevocationListError,
};
use claim_store::StoreError;
use claim_store::cuhk::ReserveError;

use crate::authority::AuthorityError;
use crate::crl::ListError;
use crate::signing::NoAnswer;
use crate::timestamps::TimestampKeyError;
use crate::witness::WitnessError;

/// Why a request to a root elsewhere was not written, or its answer not taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElsewhereError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The root certificate, or a key, cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A key does not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The timestamp key cannot be used.
    #[error(transparent)]
    Timestamp(#[from] TimestampKeyError),
    /// The witness's key cannot be used.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The request cannot be made.
    #[error("the request cannot be made: {0}")]
    Request(#[from] MakeRequestError),
    /// The answer cannot be read.
    #[error("{path:?} is not an answer to a CUHK: {source}")]
    Answer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: AuthorityAnswerError,
    },
    /// A certificate is not one that the root made for this.
    #[error("the answer's certificate of the {part} is not good: {source}")]
    Certificate {
        /// What it is for.
        part: &'static str,
        /// What is wrong with it.
        source: PathError,
    },
    /// A certificate cannot be taken apart.
    #[error(transparent)]
    Malformed(#[from] CertificateError),
    /// The answer is for another CUHK.
    #[error("the answer is for {found}, and this is {expected}")]
    OtherOrigin {
        /// This CUHK.
        expected: Origin,
        /// The one in the answer.
        found: Origin,
    },
    /// A certificate is for another key than those that are here.
    #[error("the answer's certificate is for another {part} than the one that is here")]
    OtherKey {
        /// Which key.
        part: &'static str,
    },
    /// The list is not the root's.
    #[error("the answer's revocation list is not good: {0}")]
    List(#[from] VerifyRevocationListError),
    /// The list cannot be kept.
    #[error(transparent)]
    KeepList(#[from] Box<ListError>),
    /// The records cannot take it.
    #[error(transparent)]
    Record(#[from] ReserveError),
    /// The records cannot be used.
    #[error("CUHK's records cannot be used: {0}")]
    Store(#[from] StoreError),
}

impl ElsewhereError {
    /// What to do next.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Authority(error) => error.advice(),
            Self::Witness(error) => error.advice(),
            Self::Answer { path, .. } => {
                format!("Bring the answer over again, unchanged, or take {path:?} away.")
            }
            Self::Certificate { .. } | Self::OtherOrigin { .. } | Self::List(_) => {
                "Have the request of this CUHK certified by its own root, and bring that answer."
                    .to_owned()
            }
            Self::OtherKey { .. } => {
                "Have the newest request certified (`claim cuhk issuing renew` \
                 writes it), and bring that answer."
                    .to_owned()
            }
            _ => "Put that right and do it again; what was begun is taken up then.".to_owned(),
        }
    }
}
