//! Why there is no new revocation list.

use std::path::PathBuf;

use claim_files::FileError;
use claim_pki::{
    PathError, RevocationListError, SignRevocationListError, VerifyRevocationListError,
};
use claim_store::StoreError;

use crate::authority::AuthorityError;
use crate::signing::NoAnswer;

/// Why a revocation list could not be made or published. What is revoked stays so, and stands on the next list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The key that signs it cannot be used.
    #[error(transparent)]
    Authority(#[from] Box<AuthorityError>),
    /// The key that signs it does not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// It cannot be signed.
    #[error("the revocation list cannot be made: {0}")]
    Sign(#[from] SignRevocationListError),
    /// The last one on record cannot be read.
    #[error("the last revocation list on record cannot be read: {0}")]
    Read(#[from] RevocationListError),
    /// The last one on record is not by the authority whose list it should be.
    #[error("the last revocation list on record is not good: {0}")]
    Verify(#[from] VerifyRevocationListError),
    /// The issuing certificate is not good.
    #[error("the issuing certificate is not good: {0}")]
    Issuing(#[from] PathError),
    /// A serial number on record is none.
    #[error("{serial:?} in CUHK's records is not a serial number")]
    Record {
        /// What stands there.
        serial: String,
    },
    /// The issuing key of now is another one than that whose list is wanted.
    #[error("the list is that of the key {wanted}, but CUHK has the key {found} now")]
    OtherIssuer {
        /// The key id of the list's issuer.
        wanted: String,
        /// The key id of the key that is there.
        found: String,
    },
    /// A certificate of CUHK's has no key id.
    #[error("CUHK's own certificate has no subject key identifier")]
    NoKeyId,
    /// Others made lists of the same issuer at the same time, again and again.
    #[error("others make revocation lists for {issuer} all the time")]
    Crowded {
        /// The issuer's key id.
        issuer: String,
    },
    /// The root is elsewhere, and nobody has brought its list.
    #[error(
        "the root's revocation list is not there: the root's key is kept offline, where `claim cuhk certify` and `claim cuhk revoke` make the list; it belongs here as {path:?}"
    )]
    RootListNeeded {
        /// The file.
        path: PathBuf,
    },
    /// A list that somebody has laid into the folder cannot be read.
    #[error("cannot read {path:?}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder for the files cannot be made.
    #[error("cannot make the folder {path:?}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// CUHK's records cannot be used.
    #[error("CUHK's records cannot be used: {0}")]
    Store(#[from] StoreError),
}
