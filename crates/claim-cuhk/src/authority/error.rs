//! Why CUHK's own keys and certificates cannot be used.

use std::path::{Path, PathBuf};

use claim_core::Timestamp;
use claim_files::FileError;
use claim_pki::{
    CertificateError, IssueError, IssuerError, PathError, PrepareError, RootError, RootMakingError,
    SubjectError,
};

use crate::keys::{KeyName, KeyPlaceError};
use crate::signing::NoAnswer;

/// Why CUHK's own keys and certificates cannot be used. None of the files was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder has no root at all.
    #[error("there is no CUHK in {dir:?}: it has no cuhk.cer")]
    None {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder has its root already.
    #[error("{certificate:?} exists already: this folder has its CUHK")]
    MadeAlready {
        /// The root certificate.
        certificate: PathBuf,
    },
    /// A certificate without its key.
    #[error("{certificate:?} is there, but its private key {key} is not")]
    KeyMissing {
        /// The certificate.
        certificate: PathBuf,
        /// The key that should be there.
        key: KeyName,
    },
    /// A key that has been in use, without its certificate.
    #[error(
        "{key} is there, but its certificate {certificate:?} is not, and certificates were issued with it"
    )]
    CertificateMissing {
        /// The certificate that should be there.
        certificate: PathBuf,
        /// The key.
        key: KeyName,
    },
    /// Neither root certificate nor root key, where there must have been both.
    #[error("certificates were issued here, but {certificate:?} and {key} are gone")]
    RootMissing {
        /// The root certificate that should be there.
        certificate: PathBuf,
        /// The root key that should be there.
        key: KeyName,
    },
    /// A private key cannot be opened or made.
    #[error(transparent)]
    Key(#[from] KeyPlaceError),
    /// A key did not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The root's key is on another machine, and only that does what was asked for.
    #[error("the root's key is kept offline, and this needs it")]
    RootOffline,
    /// The root in this folder is kept offline: nothing else is done from here.
    #[error("the root in {dir:?} is kept offline: no CUHK serves from here")]
    OfflineRoot {
        /// The folder.
        dir: PathBuf,
    },
    /// Every issuing certificate is revoked.
    #[error("the issuing certificate is revoked, and there is no other")]
    AllRevoked,
    /// There is no issuing certificate, and the root that makes one is on another machine.
    #[error("there is no issuing certificate yet, and the root's key is kept offline")]
    IssuingNeeded {
        /// The file in which it is to come.
        answer: PathBuf,
    },
    /// A file is not a certificate.
    #[error("{path:?} is not a certificate: {source}")]
    CertificateUnreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// A certificate is not a root of CUHK's kind.
    #[error("{path:?} is not a root certificate of a CUHK: {source}")]
    NotARoot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RootError,
    },
    /// A certificate is not that of an authority.
    #[error("{path:?} is not a certificate that CUHK can issue under: {source}")]
    NotAnAuthority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IssuerError,
    },
    /// The issuing certificate is not one of this root.
    #[error("{path:?} was not issued by the root beside it: {source}")]
    ForeignIssuing {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// Certificate and key do not belong together.
    #[error("{certificate:?} and {key} do not belong together")]
    Mismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: KeyName,
    },
    /// A certificate's time is over.
    #[error("{path:?} expired at {not_after}; it is {now}")]
    Expired {
        /// The file.
        path: PathBuf,
        /// Its end.
        not_after: Timestamp,
        /// The time by this machine's clock.
        now: Timestamp,
    },
    /// A certificate's time has not come.
    #[error("{path:?} is valid from {not_before} on only; it is {now}")]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// Its beginning.
        not_before: Timestamp,
        /// The time by this machine's clock.
        now: Timestamp,
    },
    /// The root could not be made.
    #[error("the root certificate could not be made: {0}")]
    Root(#[from] RootMakingError),
    /// The issuing certificate could not be made.
    #[error("the issuing certificate could not be made: {0}")]
    Prepare(#[from] PrepareError),
    /// The issuing certificate could not be signed.
    #[error("the issuing certificate could not be signed: {0}")]
    Issue(#[from] IssueError),
    /// A name does not fit into a certificate.
    #[error(transparent)]
    Name(#[from] SubjectError),
}

impl AuthorityError {
    /// Why that is so, and why CUHK does not just go on.
    pub fn why(&self) -> Option<String> {
        let why = match self {
            Self::KeyMissing { .. }
            | Self::CertificateMissing { .. }
            | Self::RootMissing { .. }
            | Self::Mismatch { .. } => {
                "A new one would be another CUHK: every certificate issued so far, and whoever \
                     trusts them, depends on the old one."
            }
            Self::NotYetValid { .. } => "This machine's clock may be wrong.",
            Self::ForeignIssuing { .. } => "Whatever it signs, nobody would believe.",
            Self::Key(error) => return error.why().map(str::to_owned),
            Self::OfflineRoot { .. } => {
                "Its key is meant to be used rarely, on a machine without a network."
            }
            Self::Expired { .. } => "Whatever is signed under it now, nobody would believe.",
            _ => return None,
        };
        Some(why.to_owned())
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        let restore = |what: &dyn std::fmt::Display| {
            format!("Restore {what} from a backup, or start a new CUHK in an empty folder.")
        };
        match self {
            Self::File(FileError::Full { .. }) => {
                "Make room on the disk and start again.".to_owned()
            }
            Self::File(_) => "Put that right and start again; CUHK does not change files that are \
                 there."
                .to_owned(),
            Self::None { .. } => {
                "Name the folder with --dir, or make a CUHK with `claim cuhk init` \
                 (or `claim cuhk`, for this machine only)."
                    .to_owned()
            }
            Self::MadeAlready { .. } => {
                "Start it with `claim cuhk`, or choose an empty folder with \
                 --dir for another."
                    .to_owned()
            }
            Self::KeyMissing { certificate, key } if certificate.ends_with("cuhk.cer") => format!(
                "Restore {key} from a backup. If it is kept on another machine on purpose, say \
                 --root-elsewhere."
            ),
            Self::KeyMissing { key, .. } => restore(key),
            Self::CertificateMissing { certificate, .. } => restore(&quoted(certificate)),
            Self::RootMissing { certificate, key } => {
                restore(&format_args!("{} and {key}", quoted(certificate)))
            }
            Self::Key(error) => error.advice(),
            Self::NoAnswer(_) => "Look after the token, and start again.".to_owned(),
            Self::RootOffline => "Where the root's key is, `claim cuhk certify` answers request \
                 files, and `claim cuhk revoke` makes its revocation list; `claim cuhk issuing \
                 renew` writes the request. Without --root-elsewhere the key is looked for here."
                .to_owned(),
            Self::OfflineRoot { .. } => "Copy cuhk.cer alone into the folder of the CUHK that \
                 serves, and start that with --root-elsewhere."
                .to_owned(),
            Self::AllRevoked => {
                "Run `claim cuhk issuing renew`, which makes the next one under the \
                 same root, and start again."
                    .to_owned()
            }
            Self::IssuingNeeded { answer } => format!(
                "Run `claim cuhk issuing renew`, have the request that it writes certified where \
                 the root's key is (`claim cuhk certify`), put the answer here as {answer:?}, and \
                 start again."
            ),
            Self::CertificateUnreadable { path, .. }
            | Self::NotARoot { path, .. }
            | Self::NotAnAuthority { path, .. }
            | Self::ForeignIssuing { path, .. } => {
                format!(
                    "If {path:?} belongs to something else, choose another folder with --dir; \
                     else restore it from a backup."
                )
            }
            Self::Mismatch { certificate, key } => {
                format!("Restore {certificate:?} and {key} from the same backup.")
            }
            Self::Expired { path, .. } if !path.ends_with("cuhk.cer") => {
                "Run `claim cuhk issuing renew`, which makes the next one under the same root, and \
                 start again."
                    .to_owned()
            }
            Self::Expired { .. } => {
                "If the clock is right, start a new CUHK in an empty folder.".to_owned()
            }
            Self::NotYetValid { .. } => "Set the clock and start again.".to_owned(),
            Self::Root(_) | Self::Prepare(_) | Self::Issue(_) | Self::Name(_) => {
                "Start again; if it happens again, this is a defect of the program.".to_owned()
            }
        }
    }
}

fn quoted(path: &Path) -> String {
    format!("{path:?}")
}
