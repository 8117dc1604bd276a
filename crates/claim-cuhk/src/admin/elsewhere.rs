//! A root on one machine and the CUHK that serves on another: what each of them does for the other.

use std::path::{Path, PathBuf};

use claim_audit::operator;
use claim_core::{Digest, Origin};
use claim_files::{Mode as FileMode, replace};
use claim_http::Clock;
use claim_pki::{AuthorityAnswer, AuthorityRequest, EvidenceAnswer};
use claim_store::Faults;
use claim_store::cuhk::audit::{By, Deed};

use super::{AdminError, Made, Office};
use crate::audit::made;
use crate::authority::{AuthorityError, make_root_alone};
use crate::elsewhere;
use crate::error::StartError;
use crate::folder::{Folder, exists};
use crate::keys::KeySettings;
use crate::server::{lock, open_store};
use crate::signing;

/// What stands in the file that marks the folder of an offline root.
const MARK: &str = "The root in this folder is kept offline. It certifies request files (claim cuhk certify) and revokes \
    (claim cuhk revoke); no CUHK serves from here.\n";

/// Makes the root of a CUHK that will serve elsewhere, and nothing else.
///
/// # Errors
/// [`StartError`], [`AuthorityError::MadeAlready`] among them when the folder has its root.
pub async fn init_offline_root(
    dir: &Path,
    keys: KeySettings,
    database: Option<&str>,
    clock: &Clock,
) -> Result<Made, StartError> {
    let folder = Folder::with_keys(dir, KeySettings { root_elsewhere: false, ..keys });
    let _lock = lock(&folder)?;
    let certificate = folder.root_certificate();
    if exists(&certificate)? {
        return Err(AuthorityError::MadeAlready { certificate }.into());
    }
    // First, so that nothing else is ever made of what is begun here.
    replace(&folder.offline_root_mark(), MARK.as_bytes(), FileMode::Public)?;
    let time = clock.clone();
    let store = open_store(&folder, database, Faults::none()).await?;
    let store = store.acting(By::administrator(operator()), move || time.now());
    let now = clock.now();
    let root = signing::apart(move || make_root_alone(&folder, now)).await;
    let root = root.map_err(AuthorityError::from)??;
    store.audit().record(&[made(Deed::RootMade, root.certificate())]).await?;
    store.close().await;
    Ok(Made { certificate, fingerprint: Digest::from_bytes(*root.hash()) })
}

impl Office {
    /// Certifies the keys of a CUHK that serves elsewhere by the root that is here, with the root's revocation list.
    ///
    /// The same keys get the same certificates again. Whoever calls this has shown the request to a person who said yes.
    ///
    /// # Errors
    /// [`AdminError::Ceremony`]; what was recorded until then is found again when it is done again.
    pub async fn certify_authority(
        &self,
        request: &AuthorityRequest,
    ) -> Result<AuthorityAnswer, AdminError> {
        // Whom it certifies later is told where the lists are, and by which witness.
        self.folder.remember_origin(request.origin()).map_err(AuthorityError::from)?;
        Ok(self.ceremony(request.origin()).answer_authority(request).await?)
    }

    /// Writes the request for a root elsewhere, and tells where; with `issuing` for the next issuing key too.
    ///
    /// `origin` is where CUHK will serve; without it, where it served last.
    ///
    /// # Errors
    /// [`AdminError::Elsewhere`].
    pub async fn request_certificates(
        &self,
        issuing: bool,
        origin: Option<Origin>,
    ) -> Result<(AuthorityRequest, PathBuf), AdminError> {
        let origin = origin.map_or_else(|| self.origin(), Ok)?;
        self.folder.remember_origin(&origin).map_err(AuthorityError::from)?;
        Ok(elsewhere::request(&self.ceremony(&origin), issuing).await?)
    }

    /// Puts on record what a root elsewhere has certified for a Blackboard, so that CUHK witnesses its log.
    ///
    /// # Errors
    /// [`AdminError::Elsewhere`] when the certificates are not this root's.
    pub async fn record(&self, answer: &EvidenceAnswer) -> Result<(), AdminError> {
        let origin = self.origin()?;
        Ok(elsewhere::record_answer(&self.ceremony(&origin), answer).await?)
    }
}
