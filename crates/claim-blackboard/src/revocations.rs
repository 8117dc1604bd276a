//! Revocation: the newest lists of CUHK, fetched every minute, kept across restarts.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use claim_core::blackboard::CertificateName;
use claim_core::{Origin, Problem, ProblemType, Timestamp};
use claim_files::{Mode, replace};
use claim_http::{ClientError, Clock, ReachError, ServerTrust, https_client_by, send};
use claim_pki::{
    Certificate, PathError, RevocationList, RevocationListError, Root, VerifiedPerson,
    VerifiedRevocationList, VerifyRevocationListError,
};

use crate::error::chain;
use crate::folder::{Folder, read_public};

/// The longest list that is read, in bytes.
const MAX_LIST: usize = 6 * 1024 * 1024;

/// How long one exchange with CUHK may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How many issuers' lists are kept: the one that issues, and one more while CUHK changes them.
const MAX_ISSUERS: usize = 4;

/// The lists by the issuer's key id, each with what it came as.
type Lists = BTreeMap<[u8; 20], Arc<Known>>;

/// One list that was verified.
pub(crate) struct Known {
    pub(crate) list: RevocationList,
    verified: VerifiedRevocationList,
}

/// The newest lists.
pub(crate) struct Revocations {
    lists: RwLock<Lists>,
}

/// Why a list could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RefreshError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("CUHK answered {status} to the request for its revocation list")]
    Status { status: http::StatusCode },
    #[error(transparent)]
    List(#[from] RevocationListError),
    #[error(transparent)]
    Verify(#[from] VerifyRevocationListError),
    #[error("the issuing certificate: {0}")]
    Issuer(#[from] PathError),
    #[error("the revocation list is older than the one that is known")]
    Older,
}

impl Revocations {
    /// Takes the lists that were kept, as far as they are still good.
    pub(crate) fn load(folder: &Folder, root: &Root, issuer: &Certificate, now: Timestamp) -> Self {
        let kept = read_public(&folder.revocation_lists()).ok().flatten().unwrap_or_default();
        let lists = RevocationList::all_from_pem(&kept, MAX_ISSUERS).unwrap_or_default();
        let known = lists.into_iter().filter_map(|list| {
            let verified = verify(&list, root, issuer, now).ok()?;
            Some((*verified.issuer_key_id(), Arc::new(Known { list, verified })))
        });
        Self { lists: RwLock::new(known.collect()) }
    }

    /// Fetches the list of this issuer, and keeps it when it is newer.
    pub(crate) async fn refresh(
        &self,
        cuhk: &Origin,
        root: &Arc<Root>,
        issuer: &Certificate,
        clock: &Clock,
    ) -> Result<(), RefreshError> {
        let trust = ServerTrust::CuhkServer { root: Arc::clone(root), origin: cuhk.clone() };
        let client = https_client_by(clock, &trust, None, TIMEOUT)?;
        let Some(id) = issuer.subject_key_id() else { return Ok(()) };
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let answer = send(client.get(cuhk.join(&format!("/crl/{hex}.crl"))), MAX_LIST).await?;
        if !answer.status.is_success() {
            return Err(RefreshError::Status { status: answer.status });
        }
        let list = RevocationList::from_der(&answer.body)?;
        let verified = verify(&list, root, issuer, clock.now())?;
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        let before = lists.get(verified.issuer_key_id());
        if before.is_some_and(|before| before.verified.number() > verified.number()) {
            return Err(RefreshError::Older);
        }
        lists.insert(*verified.issuer_key_id(), Arc::new(Known { list, verified }));
        Ok(())
    }

    /// Writes the lists to the folder, for the next start.
    pub(crate) fn keep(&self, folder: &Folder) {
        let pem: String = self.all().values().map(|known| known.list.to_pem()).collect();
        if let Err(error) = replace(&folder.revocation_lists(), pem.as_bytes(), Mode::Public) {
            tracing::warn!(error = %chain(&error), "the revocation lists could not be kept");
        }
    }

    /// Refuses a session to a person whose certificate is revoked, or of whom nobody can tell any more.
    ///
    /// Before the first list ever came there is nothing to go by, and sessions are opened.
    pub(crate) fn admit(&self, person: &VerifiedPerson, now: Timestamp) -> Result<(), Problem> {
        match self.all().get(person.issuer_key_id()) {
            Some(known) => known.judge(person, now),
            None => Ok(()),
        }
    }

    /// The same for somebody who signs a claim, of whom the list must be there: it goes into the receipt.
    pub(crate) fn judge(
        &self,
        person: &VerifiedPerson,
        now: Timestamp,
    ) -> Result<Arc<Known>, Problem> {
        let known = self.all().get(person.issuer_key_id()).cloned();
        let known =
            known.ok_or_else(|| unknown("it has not come from CUHK yet", RETRY_FIRST_AFTER))?;
        known.judge(person, now)?;
        Ok(known)
    }

    /// Whether the certificate that opened a session has been revoked since.
    pub(crate) fn is_revoked(&self, name: &CertificateName) -> bool {
        let id = <[u8; 20]>::try_from(name.issuer_key_id.as_slice());
        let (Ok(id), Ok(serial)) = (id, name.serial.parse()) else {
            return false;
        };
        self.all().get(&id).is_some_and(|known| known.verified.revoked(&serial).is_some())
    }

    /// Whether a list that was good is good no more.
    pub(crate) fn ended(&self, now: Timestamp) -> bool {
        self.all().values().any(|known| now > known.verified.next_update())
    }

    fn all(&self) -> Lists {
        self.lists.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Known {
    fn judge(&self, person: &VerifiedPerson, now: Timestamp) -> Result<(), Problem> {
        if let Some(revocation) = self.verified.revoked(person.serial()) {
            let detail = format!("the certificate was revoked at {}", revocation.at);
            return Err(Problem::new(ProblemType::CertificateRevoked, detail));
        }
        if now > self.verified.next_update() {
            let why = format!("the last one was good until {}", self.verified.next_update());
            return Err(unknown(&why, RETRY_AFTER));
        }
        Ok(())
    }
}

/// Seconds until the first list may have come.
const RETRY_FIRST_AFTER: u64 = 1;

/// Seconds until the next list may have come.
const RETRY_AFTER: u64 = 60;

fn unknown(why: &str, retry_after: u64) -> Problem {
    let detail = format!("there is no current revocation list: {why}");
    Problem::new(ProblemType::RevocationUnknown, detail).with("retry_after", retry_after)
}

/// The list is that of the issuing certificate, which leads to the root.
fn verify(
    list: &RevocationList,
    root: &Root,
    issuer: &Certificate,
    now: Timestamp,
) -> Result<VerifiedRevocationList, RefreshError> {
    let issuer = root.verify_issuer(issuer.der(), now)?;
    Ok(issuer.verify_revocation_list(list)?)
}
