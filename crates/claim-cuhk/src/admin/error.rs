//! Why the people who run CUHK cannot have what they asked for.

use std::path::PathBuf;

use claim_audit::{ArchiveError, AuditKeyError, Finding};
use claim_core::{Origin, OriginError, PersonId, Timestamp};
use claim_store::StoreError;

use super::RosterError;
use crate::authority::AuthorityError;
use crate::ceremony::CeremonyError;
use crate::crl::ListError;
use crate::desk::DeskError;
use crate::elsewhere::ElsewhereError;
use crate::error::StartError;
use crate::mail::MailError;

/// Why the people who run CUHK cannot have what they asked for; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The folder has no CUHK, or it cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Its records cannot be opened.
    #[error(transparent)]
    Open(#[from] StartError),
    /// Its records cannot be read or written.
    #[error("CUHK's records cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The head of the audit log cannot be signed.
    #[error("the head of the audit log cannot be signed: {0}")]
    AuditKey(#[from] AuditKeyError),
    /// An archive of the audit log cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The audit log is not what was written, so nothing of it goes into an archive.
    #[error("the audit log does not verify: {0}")]
    AuditFinding(#[from] Finding),
    /// The keys of a Blackboard's evidence cannot be certified.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// A root elsewhere cannot be asked, or its answer not be used.
    #[error(transparent)]
    Elsewhere(#[from] ElsewhereError),
    /// There is no such certificate.
    #[error("CUHK has issued no certificate with {what} that could be revoked")]
    NothingToRevoke {
        /// What was to be revoked.
        what: String,
    },
    /// What was to be revoked is, but the revocation list is still the old one.
    #[error("it is revoked, but the revocation list does not say so yet: {0}")]
    List(#[source] ListError),
    /// The folder is that of a local demonstration.
    #[error(
        "the CUHK in {dir:?} is a local demonstration: it enrols any student ID without an invitation"
    )]
    LocalDemo {
        /// The folder.
        dir: PathBuf,
    },
    /// Somebody who is to be erased is on the roster, or has certificates that are good.
    #[error("{}", not_gone(id, *is_on_roster, *good))]
    NotGone {
        /// Who.
        id: PersonId,
        /// Whether the person is on the roster.
        is_on_roster: bool,
        /// How many certificates are neither ended nor revoked.
        good: u64,
    },
    /// What is to be erased is, but the database's file may still have it.
    #[error(
        "it is erased, but the database's file could not be written anew, and may still have it: {0}"
    )]
    Scrub(#[source] StoreError),
    /// No mail can be sent, or none any more.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Nobody of these ids is on record.
    #[error("not in CUHK's records: {}", some(ids.iter().map(ToString::to_string)))]
    NotOnRecord {
        /// The ids.
        ids: Vec<PersonId>,
    },
    /// These people were taken off the roster.
    #[error(
        "taken off the roster: {}",
        some(people.iter().map(|(id, since)| format!("{id} ({since})")))
    )]
    OffRoster {
        /// Who, and since when.
        people: Vec<(PersonId, Timestamp)>,
    },
    /// The roster cannot be used.
    #[error("{0}")]
    Roster(#[from] RosterError),
    /// A server's host does not fit into a certificate.
    #[error("the host of {origin} has {found} characters; a certificate takes {max}")]
    HostTooLong {
        /// The server's origin.
        origin: Origin,
        /// How many characters its host has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// No origin for the invitation.
    #[error("no origin for the invitation: {0}")]
    Origin(#[from] OriginError),
}

impl AdminError {
    /// Why that is so.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.why(),
            Self::Open(error) => error.why(),
            Self::LocalDemo { .. } => Some(
                "Whom it has certified is known to nobody, so nobody else must trust it."
                    .to_owned(),
            ),
            Self::NotGone { .. } => Some(
                "Whoever may hold a certificate, or holds one that is good, is on record so that it can be \
                     told who that is, and revoked."
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        match self {
            Self::Authority(error) => error.advice(),
            Self::Open(error) => error.advice(),
            Self::Elsewhere(error) => error.advice(),
            Self::Ceremony(CeremonyError::NoCuhk) => {
                "Certify the request of the CUHK first (cuhk-issuing.request).".to_owned()
            }
            Self::Ceremony(CeremonyError::Authority(error)) => error.advice(),
            Self::Ceremony(CeremonyError::Witness(error)) => error.advice(),
            Self::Ceremony(CeremonyError::Desk(DeskError::Revoked { .. })) => {
                "Have the Blackboard make new keys for its evidence, and a new request.".to_owned()
            }
            Self::Ceremony(CeremonyError::NameTaken { serial, .. }) => format!(
                "If that witness lost its memory and takes a new key, revoke the old one first \
                 (`claim cuhk revoke {serial} --reason superseded`); else have this one choose another name."
            ),
            Self::NothingToRevoke { .. } => {
                "`claim cuhk list` shows what there is; certificates that have ended need no \
                     revocation."
                    .to_owned()
            }
            Self::List(ListError::OtherIssuer { .. }) => {
                "Put the issuing key that made it back in its place and do it again, or have its \
                     certificate revoked too."
                    .to_owned()
            }
            Self::List(_) => {
                "Put that right and do it again; a CUHK that serves tries again every minute."
                    .to_owned()
            }
            Self::Ceremony(_) => {
                "Put that right and do it again; what was begun is taken up then.".to_owned()
            }
            Self::AuditKey(_) => "Put that right and do it again.".to_owned(),
            Self::Archive(error) => error.advice().to_owned(),
            Self::AuditFinding(_) => {
                "Nothing was taken out of the records. `claim cuhk audit verify` tells more; \
                     OPERATIONS.md says what to do."
                    .to_owned()
            }
            Self::Store(error) if error.is_temporary() => "Do it again in a moment.".to_owned(),
            Self::Store(_) => "Put that right and do it again.".to_owned(),
            Self::LocalDemo { .. } => {
                "For people and servers of your choice, make a real CUHK in a new folder: `claim \
                     cuhk init --dir FOLDER`."
                    .to_owned()
            }
            Self::NotGone { id, is_on_roster, good } => {
                let remove = is_on_roster.then(|| format!("`claim cuhk roster remove {id}`"));
                let revoke = (*good > 0).then(|| {
                    format!("`claim cuhk revoke --sid {id} --reason cessationOfOperation`")
                });
                let first: Vec<String> = remove.into_iter().chain(revoke).collect();
                format!("First {}; then do it again.", first.join(" and "))
            }
            Self::Scrub(error) if error.is_temporary() => {
                "Do it again in a moment, with --apply: then the file is written anew.".to_owned()
            }
            Self::Scrub(_) => {
                "Make as much room on the disk as the database takes, and do it again with --apply."
                    .to_owned()
            }
            Self::Mail(error) => error.advice(),
            Self::NotOnRecord { .. } => {
                "Look at `claim cuhk roster list`; nothing was changed.".to_owned()
            }
            Self::OffRoster { .. } => {
                "`claim cuhk roster restore ID` puts somebody back; nothing was changed.".to_owned()
            }
            Self::Roster(_) => {
                "Correct the file and do it again; nothing of it was taken over.".to_owned()
            }
            Self::HostTooLong { .. } => "Give the server a shorter name.".to_owned(),
            Self::Origin(_) => "Name CUHK's origin with --public-url.".to_owned(),
        }
    }
}

fn not_gone(id: &PersonId, is_on_roster: bool, good: u64) -> String {
    let on_it = if is_on_roster { "is on the roster" } else { "is off the roster" };
    match good {
        0 => format!("{id} {on_it}"),
        1 => format!("{id} {on_it} and has a certificate that is good"),
        _ => format!("{id} {on_it} and has {good} certificates that are good"),
    }
}

/// The first of them, and how many more there are.
fn some(texts: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 10;
    let mut texts: Vec<String> = texts.collect();
    let more = texts.len().saturating_sub(SHOWN);
    texts.truncate(SHOWN);
    let told = texts.join(", ");
    if more > 0 { format!("{told} and {more} more") } else { told }
}
