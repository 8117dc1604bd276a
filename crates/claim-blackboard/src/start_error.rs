//! Why Blackboard does not start, and what to do about it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use claim_core::invitation::{InvitationError, Invitee};
use claim_core::{AssignmentError, Origin, OriginError, Timestamp};
use claim_files::{FileError, PassphraseSource};
use claim_http::{BindError, EstError, ExternalTlsError, IdentityError, ReachError};
use claim_log::SizeError;
use claim_pki::{CertificateError, KeyError, PathError, RootError};
use claim_store::{BackupError, DatabaseUrlError, ObjectError, StoreError};

use crate::credential::NotOurs;
use crate::cuhk::CuhkError;
use crate::event::WaitingFor;
use crate::sealing::WrappingKeyError;

/// Why Blackboard does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file of the folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another Blackboard serves from this folder.
    #[error("another Blackboard works with the folder {dir:?}")]
    FolderLocked {
        /// The folder.
        dir: PathBuf,
    },
    /// A backup was not restored to its end into the folder.
    #[error(transparent)]
    Restore(#[from] BackupError),
    /// A file that anyone may read cannot be read.
    #[error("{path:?} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// This machine's clock and CUHK's are not both right.
    #[error(
        "this machine's clock says {here}, and is {seconds} s {side} the clock of CUHK at {cuhk}",
        seconds = .ahead_ms.unsigned_abs() / 1000,
        side = if *.ahead_ms > 0 { "ahead of" } else { "behind" }
    )]
    ClockDiffers {
        /// Where CUHK is.
        cuhk: Origin,
        /// The time here.
        here: Timestamp,
        /// By how many milliseconds it is ahead, or (negative) behind, at least.
        ahead_ms: i64,
    },
    /// It would listen for metrics where others can reach it.
    #[error(
        "metrics are served without access control, so on a loopback address only; {address} is not one"
    )]
    MetricsNotLocal {
        /// The address.
        address: SocketAddr,
    },
    /// No origin can be made of the address.
    #[error("no origin can be made of the address it listens on: {0}")]
    Origin(#[from] OriginError),
    /// The database is not named rightly.
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    /// The database cannot be used.
    #[error("Blackboard's records cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The folder for files cannot be used.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The records tell of files that are not there: their disk is not mounted, or they were lost.
    #[error(
        "the records tell of files that are not in {folder:?}, {name:?} among them; Blackboard does not serve \
         without what it has acknowledged"
    )]
    FilesLost {
        /// Where the files should be.
        folder: PathBuf,
        /// One that is missing.
        name: String,
    },
    /// The records name a log that cannot be.
    #[error("the log's head on record cannot be: {0}")]
    LogSize(#[source] SizeError),
    /// The first assignment cannot be named; its name is the program's own.
    #[error("the first assignment cannot be made: {0}")]
    Inbox(#[source] AssignmentError),
    /// The key that wraps the sealing ring cannot be used.
    #[error("{path:?} cannot be used: {source}")]
    SealingKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: WrappingKeyError,
    },
    /// The private key cannot be used.
    #[error("the private key in {path:?} cannot be used: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The key that wraps the sealing ring cannot be had from where it should be.
    #[error("the sealing key from {from} cannot be used: {error}")]
    SealingKeyFrom {
        /// Where from.
        from: PassphraseSource,
        /// What is wrong with it.
        error: WrappingKeyError,
    },
    /// The keys that make evidence cannot be used.
    #[error("the keys of the evidence cannot be used: {error}")]
    Evidence {
        /// Why.
        error: String,
    },
    /// Nobody said under which origin this Blackboard is known.
    #[error("a certificate is for an origin, and nobody says which this Blackboard's is")]
    NoOrigin,
    /// There is a certificate, but its private key is gone.
    #[error("{certificate:?} is there, but the key that belongs to it, {key:?}, is not")]
    KeyMissing {
        /// The certificate.
        certificate: PathBuf,
        /// Where the key should be.
        key: PathBuf,
    },
    /// The root certificate cannot be used.
    #[error("the root certificate in {path:?} cannot be used: {source}")]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RootError,
    },
    /// What stands in `blackboard.cer` is not a chain of certificates.
    #[error("{path:?} cannot be used: {source}")]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The certificate is not good for this Blackboard (any more), and there is no invitation to get another one.
    #[error("the certificate in {path:?} cannot be used: {source}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NotOurs,
    },
    /// The certificate has expired, and CUHK did not renew it.
    #[error("the certificate has expired, and could not be renewed: {0}")]
    NotRenewed(#[source] CuhkError),
    /// There is no certificate yet, and no invitation to get one.
    #[error("Blackboard has no certificate yet, and no invitation to enrol with")]
    InvitationNeeded {
        /// The origin that is to be certified.
        origin: Origin,
    },
    /// The invitation cannot be read.
    #[error("the invitation in {path:?} cannot be used: {source}")]
    Invitation {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvitationError,
    },
    /// The invitation is for somebody else.
    #[error("the invitation in {path:?} is for {invitee}, but this Blackboard is {origin}")]
    InvitationForAnother {
        /// The file.
        path: PathBuf,
        /// Whom it invites.
        invitee: Invitee,
        /// Blackboard's own origin.
        origin: Origin,
    },
    /// The invitation is to another CUHK than the configured one.
    #[error("the invitation in {path:?} is to CUHK at {invited}, but {configured} is configured")]
    OtherCuhk {
        /// The file.
        path: PathBuf,
        /// Where the invitation leads.
        invited: Origin,
        /// What is configured.
        configured: Origin,
    },
    /// The root in the folder is another than the one that the invitation names.
    #[error(
        "the root certificate in {root:?} is not the one that the invitation in {invitation:?} names"
    )]
    OtherRoot {
        /// The root certificate.
        root: PathBuf,
        /// The invitation.
        invitation: PathBuf,
    },
    /// Blackboard waited as long as it should for what it needs.
    #[error("Blackboard waited {} seconds for {waiting_for}", patience.as_secs())]
    Unreachable {
        /// What did not come.
        waiting_for: WaitingFor,
        /// How long it waited.
        patience: Duration,
    },
    /// CUHK answered, but did not certify the key.
    #[error("CUHK at {cuhk} did not certify the key: {source}")]
    NotEnrolled {
        /// Where CUHK is.
        cuhk: Origin,
        /// What it said.
        source: Box<CuhkError>,
    },
    /// The TLS certificate from elsewhere cannot be used.
    #[error(transparent)]
    ExternalTls(#[from] ExternalTlsError),
    /// Blackboard's own certificate does not work for TLS.
    #[error("the certificate and key from CUHK cannot be used for TLS: {0}")]
    OwnTls(#[source] IdentityError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl StartError {
    /// Whether it may well start later, without anyone's changing anything here: CUHK could not be reached.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::NotRenewed(error) => error.unanswered().is_some(),
            _ => false,
        }
    }

    /// Why that is so.
    pub fn why(&self) -> Option<String> {
        let why = match self {
            Self::FolderLocked { .. } => "Two of them would get into each other's way.",
            Self::KeyMissing { .. } => {
                "A new key would need a new certificate, and nothing is replaced without your knowing."
            }
            Self::OtherRoot { .. } => {
                "CUHK was set up anew since, or the invitation comes from another CUHK."
            }
            Self::ClockDiffers { .. } => {
                "Hand-ins are judged by this clock, and receipts prove it by CUHK's: one of the two is wrong."
            }
            Self::NotEnrolled { source, .. } => return source.why(),
            Self::Certificate { .. } => {
                "CUHK issues a new one to whoever has an invitation for this server."
            }
            _ => return None,
        };
        Some(why.to_owned())
    }

    /// Whether a passphrase is wrong or missing, which does not become right by trying again.
    pub fn is_wrong_secret(&self) -> bool {
        use KeyError::{Encrypted, NotEncrypted, Passphrase};
        match self {
            Self::Key { source, .. } => matches!(source, Encrypted | Passphrase | NotEncrypted),
            Self::ExternalTls(error) => error.is_wrong_secret(),
            _ => false,
        }
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        match self {
            Self::File(FileError::Full { .. }) | Self::Store(StoreError::Full { .. }) => {
                "Make room on the disk and start again.".to_owned()
            }
            Self::Store(StoreError::Disk { .. }) => {
                "Look at the disk (`dmesg` tells its errors), then start again.".to_owned()
            }
            Self::File(_) | Self::Read { .. } => {
                "Put that right, or choose another folder with --dir.".to_owned()
            }
            Self::Restore(error) => error.advice(),
            Self::FolderLocked { .. } => {
                "Use the one that runs, stop it first, or choose another folder with --dir.".to_owned()
            }
            Self::Bind(BindError::InUse { address }) => format!(
                "Stop what listens there (`ss -ltnp 'sport = :{port}'` shows it; perhaps a Blackboard that runs \
                 already), or choose another port with --listen.",
                port = address.port()
            ),
            Self::Bind(BindError::Denied { .. }) => {
                "Choose a port above 1023 with --listen.".to_owned()
            }
            Self::Bind(_) => "Choose another address with --listen.".to_owned(),
            Self::ClockDiffers { .. } => {
                "Compare both with a clock that is right (`date -u`; `chronyc tracking` or `timedatectl` tells whether \
                 the machine follows a time server), set the wrong one, and start again."
                    .to_owned()
            }
            Self::MetricsNotLocal { address } => {
                format!("Use --metrics 127.0.0.1:{}.", address.port())
            }
            Self::DatabaseUrl(_) => {
                "Put --database right, or leave it out: Blackboard then uses blackboard.db in the folder."
                    .to_owned()
            }
            Self::Store(StoreError::Unavailable { .. } | StoreError::Refused { .. }) => {
                "Check that the database runs and lets this user in, and start again.".to_owned()
            }
            Self::FilesLost { folder, .. } => format!(
                "Mount the disk that {folder:?} is on, or restore the folder from a backup that is not older than \
                 the records, and start again."
            ),
            Self::LogSize(_) | Self::Store(_) => "Start the program that belongs to this database, or restore it.".to_owned(),
            Self::SealingKey { path, .. } => format!(
                "Restore {path:?}, or move it away: Blackboard then makes a new one, and whoever has a session \
                 opens a new one."
            ),
            Self::SealingKeyFrom { .. } => {
                "Put the one line of a sealing.key there, or leave --sealing-key out.".to_owned()
            }
            Self::Evidence { .. } => "Put that right, and do it again.".to_owned(),
            Self::NoOrigin => "Name it with --public-url.".to_owned(),
            Self::Key { source: KeyError::Encrypted, .. } => {
                "Name a file with the passphrase (mode 0600), fd:NUMBER or credential:NAME with --key-passphrase."
                    .to_owned()
            }
            Self::Key { source: KeyError::Passphrase, .. } => {
                "Put right what --key-passphrase names, and start again.".to_owned()
            }
            Self::Key { path, source: KeyError::NotEncrypted } => format!(
                "Encrypt it (`openssl pkcs8 -topk8 -v2 aes-256-cbc -in {} -out NEW`, then put the new file in its place \
                 with mode 0600), or leave --key-passphrase out.",
                path.display()
            ),
            Self::Key { path, .. } => format!(
                "Restore {path:?}; or move it and blackboard.cer away, and enrol a new key with a new invitation."
            ),
            Self::KeyMissing { certificate, key } => format!(
                "Restore {key:?}; or move {certificate:?} away, and enrol a new key with a new invitation."
            ),
            Self::Root { path, .. } => format!("Put CUHK's cuhk.cer at {path:?}."),
            Self::CertificateFile { path, .. } => {
                format!("Restore {path:?}, or move it away and enrol again with a new invitation.")
            }
            Self::Certificate { source: NotOurs::Path(PathError::NotYetValid { .. }), .. } => {
                "Set this machine's clock.".to_owned()
            }
            Self::Certificate { .. } | Self::NotRenewed(_) => {
                "Start again with --invite-file and a new invitation for this server, or, when its origin is not \
                 meant to be another, with the --public-url and --root that it had."
                    .to_owned()
            }
            Self::InvitationNeeded { origin } => format!(
                "Ask for one (`claim cuhk invite --server {origin}` writes it), and start again with \
                 --invite-file FILE."
            ),
            Self::Invitation { .. } => {
                "Put the whole line into the file, as it was given to you: claim://…".to_owned()
            }
            Self::InvitationForAnother { origin, .. } => format!(
                "Ask for an invitation for {origin}, or start with the --public-url that was invited."
            ),
            Self::OtherCuhk { invited, .. } => format!("Start again with --cuhk {invited}."),
            Self::OtherRoot { root, .. } => format!(
                "If CUHK was set up anew, move {root:?} away and start again; if not, ask for a new invitation."
            ),
            Self::Unreachable { waiting_for, .. } => match waiting_for {
                WaitingFor::Files { .. } => {
                    "Start `claim cuhk` in the same folder, or enrol with --invite-file.".to_owned()
                }
                WaitingFor::Invitation { .. } => {
                    "Start `claim cuhk` in the same folder anew, or enrol with --invite-file.".to_owned()
                }
                WaitingFor::Cuhk { .. } => {
                    "Start CUHK (`claim cuhk`), or say with --cuhk where it is.".to_owned()
                }
            },
            Self::NotEnrolled { source, .. } => source.advice(),
            Self::ExternalTls(error) => error.advice("Blackboard then uses the certificate from CUHK"),
            Self::Objects(_) => {
                "Make that a folder that Blackboard's user may write to, and start again.".to_owned()
            }
            Self::Origin(_) | Self::OwnTls(_) | Self::Tls(_) | Self::Inbox(_) => {
                "This is a defect of the program: tell its authors what is above.".to_owned()
            }
        }
    }
}

impl CuhkError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Est(EstError::Refused(problem)) => {
                problem.problem_type.map(|known| known.why().to_owned())
            }
            Self::Est(EstError::Reach(ReachError::Tls(_))) => Some(
                "Nothing was sent to it, as it did not show that it is the CUHK of this root certificate."
                    .to_owned(),
            ),
            Self::OtherRoot => {
                Some("Somebody else answers at that address, or CUHK was set up anew.".to_owned())
            }
            _ => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Est(EstError::Refused(problem)) => match problem.problem_type {
                Some(known) => known.what_to_do().to_owned(),
                None => "Ask the people who run CUHK.".to_owned(),
            },
            Self::Est(EstError::Reach(ReachError::Tls(_))) => {
                "Check --cuhk and --root; if CUHK was set up anew, get its new cuhk.cer and a new invitation."
                    .to_owned()
            }
            Self::OtherRoot => "Ask for a new invitation, by a way that nobody can change.".to_owned(),
            Self::NotOurs(NotOurs::Path(PathError::NotYetValid { .. } | PathError::Expired { .. })) => {
                "Compare the clocks of this machine and of CUHK's.".to_owned()
            }
            _ => "Check that --cuhk leads to a CUHK.".to_owned(),
        }
    }
}
