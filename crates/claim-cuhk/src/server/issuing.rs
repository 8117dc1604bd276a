//! Roll-over of the issuing authority without a pause: a serving CUHK takes over issuing certificates that were made
//! meanwhile, and leaves those that have ended or were revoked.
//!
//! First the new one's revocation list is there for everybody, then the certificate stands in `cacerts`, and from the
//! same moment on it issues.

use std::collections::BTreeSet;

use claim_core::Timestamp;
use claim_pki::SerialNumber;

use crate::authority::{Authority, AuthorityError, issuing_certificates};
use crate::crl::{ListError, Lists};
use crate::elsewhere::{self, ElsewhereError};
use crate::event::Event;
use crate::signing;
use crate::state::Cuhk;

/// Looks for issuing certificates, again and again.
#[derive(Default)]
pub(super) struct RollOver {
    /// Why one was not taken over, as it was told.
    told: Option<String>,
}

/// Why the issuing certificates stay as they are.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTakenOver {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Answer(#[from] Box<ElsewhereError>),
}

impl RollOver {
    /// Whether others issue from now on.
    pub(super) async fn look(&mut self, cuhk: &Cuhk) -> bool {
        let before = cuhk.desk.authority().issuing_certificate().serial().clone();
        match look(cuhk).await {
            Ok(taken_over) => {
                self.told = None;
                let authority = cuhk.desk.authority();
                let issuing = authority.issuing_certificate();
                let other = taken_over && *issuing.serial() != before;
                if other {
                    cuhk.tell(Event::IssuingRenewed {
                        serial: issuing.serial().clone(),
                        not_after: issuing.not_after(),
                    });
                }
                other
            }
            Err(error) => {
                let reason = error.to_string();
                if self.told.as_ref() != Some(&reason) {
                    cuhk.tell(Event::IssuingNotRenewed { reason: reason.clone() });
                    self.told = Some(reason);
                }
                false
            }
        }
    }
}

async fn look(cuhk: &Cuhk) -> Result<bool, NotTakenOver> {
    if cuhk.folder.keys().root_elsewhere {
        elsewhere::take_answer(&cuhk.ceremony()).await.map_err(Box::new)?;
    }
    let (authority, now) = (cuhk.desk.authority(), cuhk.desk.clock.now());
    let lists = cuhk.lists();
    let mut there = BTreeSet::new();
    for certificate in issuing_certificates(&cuhk.folder)? {
        let good = certificate.validity().contains(now)
            && !lists.revoked_by_root(authority.root(), certificate.serial()).await?;
        if good {
            there.insert(certificate.serial().to_string());
        }
    }
    let known: BTreeSet<_> =
        authority.issuing_certificates().map(|one| one.serial().to_string()).collect();
    if there == known {
        return Ok(false);
    }
    let new = load(cuhk, &authority, now).await?;
    let new = without_revoked(&lists, new).await?;
    lists.keep_up(&new).await?;
    cuhk.desk.take_over(new);
    Ok(true)
}

async fn load(
    cuhk: &Cuhk,
    authority: &Authority,
    now: Timestamp,
) -> Result<Authority, AuthorityError> {
    let (folder, root) = (cuhk.folder.clone(), authority.root().clone());
    let origin = cuhk.origin.clone();
    signing::apart(move || Authority::load(&folder, root, Some(&origin), now)).await?
}

/// The same without the issuing certificates that the root has revoked.
///
/// # Errors
/// [`AuthorityError::AllRevoked`] when none is left.
pub(super) async fn without_revoked(
    lists: &Lists<'_>,
    authority: Authority,
) -> Result<Authority, NotTakenOver> {
    let mut revoked: Vec<SerialNumber> = Vec::new();
    for certificate in authority.issuing_certificates() {
        if lists.revoked_by_root(authority.root(), certificate.serial()).await? {
            revoked.push(certificate.serial().clone());
        }
    }
    Ok(authority.without(&revoked)?)
}

impl From<NotTakenOver> for crate::error::StartError {
    fn from(error: NotTakenOver) -> Self {
        match error {
            NotTakenOver::Authority(error) => error.into(),
            NotTakenOver::List(error) => error.into(),
            NotTakenOver::Answer(error) => Self::Elsewhere(*error),
        }
    }
}
