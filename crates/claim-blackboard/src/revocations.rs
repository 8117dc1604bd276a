//! Revocation: the newest lists of CUHK, fetched every minute, kept across restarts.
//! Where CUHK does not answer they are fetched where copies of them lie, and judged in the same way.
//!
//! There is a list of each issuing authority, of which CUHK has several while it changes them, and one of the root, which
//! tells of issuing authorities that are no longer good. Which authorities there are, CUHK's `cacerts` says.

mod ending;
mod fetch;
mod news;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use claim_core::blackboard::CertificateName;
use claim_core::{Origin, Problem, ProblemType, Timestamp};
use claim_files::{FileError, Mode, replace};
use claim_http::{Clock, MirrorUrl};
use claim_pki::{
    Certificate, RevocationList, Root, SerialNumber, VerifiedPerson, VerifiedRevocationList,
};
use tokio::sync::{Notify, watch};

pub(crate) use self::ending::Ending;
use self::fetch::Places;
pub(crate) use self::fetch::RefreshError;
pub(crate) use self::news::ListNews;
use crate::error::chain;
use crate::evidence::Evidence;
use crate::folder::{Folder, read_public_up_to};

/// How many issuing authorities are known at once: the one that issues, and those before it that have not ended.
const MAX_ISSUERS: usize = 8;

/// The most that is read of kept lists, in bytes of PEM: each of the largest size.
const MAX_KEPT: u64 = (MAX_ISSUERS as u64 + 1) * 2 * RevocationList::MAX_SIZE as u64;

/// One list that was verified.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) list: RevocationList,
    verified: VerifiedRevocationList,
}

/// What is known of CUHK's authorities.
#[derive(Clone, Default)]
struct State {
    /// Issuing authorities below the root that have not ended, by key id.
    issuers: BTreeMap<[u8; 20], Certificate>,
    /// Their lists.
    lists: BTreeMap<[u8; 20], Arc<Known>>,
    /// The root's own list.
    root: Option<Arc<Known>>,
}

/// Where to ask, and by what to judge.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) cuhk: &'a Origin,
    /// Where copies of CUHK's files lie.
    pub(crate) mirrors: &'a [MirrorUrl],
    pub(crate) root: &'a Arc<Root>,
    /// The issuing authority that is known anyhow.
    pub(crate) issuer: &'a Certificate,
}

/// Where the lists came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    FromCuhk,
    /// From a copy, as CUHK did not answer.
    FromMirror {
        mirror: MirrorUrl,
        fault: String,
    },
}

/// One look at CUHK and, where that is away, at the copies.
struct Refresh<'a> {
    places: Places<'a>,
    root: &'a Root,
    now: Timestamp,
    /// Why CUHK is not asked any more this time.
    away: Option<String>,
    came: Came,
}

/// The newest lists.
pub(crate) struct Revocations {
    state: RwLock<Arc<State>>,
    /// Somebody came from an authority that is not known.
    wanted: Notify,
    /// Changes with each look at CUHK.
    looked: watch::Sender<()>,
}

impl Revocations {
    /// Takes the authorities and lists that were kept, as far as they are still good, and this authority.
    pub(crate) fn load(folder: &Folder, root: &Root, issuer: &Certificate, now: Timestamp) -> Self {
        let mut state = State::default();
        let kept =
            |path: PathBuf| read_public_up_to(&path, MAX_KEPT).ok().flatten().unwrap_or_default();
        let issuers = Certificate::chain_from_pem(&kept(folder.issuers())).unwrap_or_default();
        for issuer in std::iter::once(issuer.clone()).chain(issuers) {
            state.know(root, issuer, now);
        }
        let lists = kept(folder.revocation_lists());
        let lists = RevocationList::all_from_pem(&lists, MAX_ISSUERS + 1).unwrap_or_default();
        for list in lists {
            // What is not good any more is fetched again.
            let _ = state.take(root, list, now);
        }
        let looked = watch::Sender::new(());
        Self { state: RwLock::new(Arc::new(state)), wanted: Notify::new(), looked }
    }

    /// Fetches which authorities there are, and their lists, and keeps those that are newer.
    ///
    /// What could be had is kept also where something could not.
    pub(crate) async fn refresh(
        &self,
        Asked { cuhk, mirrors, root, issuer }: Asked<'_>,
        clock: &Clock,
    ) -> Result<Came, RefreshError> {
        let now = clock.now();
        let places = Places::new(cuhk, mirrors, root, clock)?;
        let mut state = State::clone(&self.state());
        state.forget_ended(now);
        state.know(root, issuer.clone(), now);
        let mut refresh = Refresh { places, root, now, away: None, came: Came::FromCuhk };
        for certificate in refresh.authorities().await? {
            state.know(root, certificate, now);
        }
        let mut outcome = Ok(());
        let of_root = root.certificate().subject_key_id();
        for id in of_root.into_iter().chain(state.issuers.keys().copied().collect::<Vec<_>>()) {
            // Nobody is let in by an authority that was revoked: its list tells nothing.
            if state.is_revoked(&id) {
                continue;
            }
            outcome = outcome.and(refresh.list(&id, Some(id) == of_root, &mut state).await);
        }
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.looked.send_replace(());
        outcome.map(|()| refresh.came)
    }

    /// Writes authorities and lists to the folder, for the next start.
    pub(crate) fn keep(&self, folder: &Folder) {
        let state = self.state();
        let lists: String = state.all().map(|known| known.list.to_pem()).collect();
        let issuers: String = state.issuers.values().map(Certificate::to_pem).collect();
        let kept = replace(&folder.issuers(), issuers.as_bytes(), Mode::Public)
            .and_then(|()| replace(&folder.revocation_lists(), lists.as_bytes(), Mode::Public));
        if let Err(error) = kept {
            let error: FileError = error;
            tracing::warn!(error = %chain(&error), "the revocation lists could not be kept");
        }
    }

    /// Waits for the next look at CUHK, where this refusal may end with it; tells whether there was one in time.
    ///
    /// Whoever comes first from a new issuing authority would otherwise be sent away for a second.
    pub(crate) async fn may_know_more(&self, refusal: &Problem) -> bool {
        let soon = Some(RETRY_FIRST_AFTER);
        let retry_after = refusal.extensions.get("retry_after").and_then(|found| found.as_u64());
        if refusal.problem_type != ProblemType::RevocationUnknown || retry_after != soon {
            return false;
        }
        let mut looked = self.looked.subscribe();
        self.wanted.notify_one();
        matches!(tokio::time::timeout(LOOK, looked.changed()).await, Ok(Ok(())))
    }

    /// Completes when somebody has come from an authority that is not known.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Refuses a session to a person whose certificate or issuer is revoked, or of whom nobody can tell any more.
    ///
    /// Before the first list ever came there is nothing to go by, and sessions are opened.
    pub(crate) fn admit(&self, person: &VerifiedPerson, now: Timestamp) -> Result<(), Problem> {
        match self.state().lists.is_empty() {
            true => Ok(()),
            false => self.judge(person, now).map(drop),
        }
    }

    /// The same for somebody who signs a claim, of whom the list must be there: it goes into the receipt.
    pub(crate) fn judge(
        &self,
        person: &VerifiedPerson,
        now: Timestamp,
    ) -> Result<Arc<Known>, Problem> {
        let (state, id) = (self.state(), person.issuer_key_id());
        if state.is_revoked(id) {
            let detail = "the issuing certificate that it comes from was revoked";
            return Err(Problem::new(ProblemType::CertificateRevoked, detail));
        }
        let Some(known) = state.lists.get(id) else {
            return Err(unknown("it has not come from CUHK yet", RETRY_FIRST_AFTER));
        };
        known.judge(person, now)?;
        Ok(Arc::clone(known))
    }

    /// Whether the certificate that opened a session, or its issuer, has been revoked since.
    pub(crate) fn is_revoked(&self, name: &CertificateName) -> bool {
        let id = <[u8; 20]>::try_from(name.issuer_key_id.as_slice());
        let (Ok(id), Ok(serial)) = (id, name.serial.parse()) else {
            return false;
        };
        let state = self.state();
        state.is_revoked(&id)
            || state.lists.get(&id).is_some_and(|known| known.verified.revoked(&serial).is_some())
    }

    /// When the first of the lists of persons' issuers ends; `None` before the first has come.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        self.state().lists.values().map(|known| known.verified.next_update()).min()
    }

    /// The certificate of a key of the evidence that the root says is no longer good, if there is one.
    pub(crate) fn revoked_evidence(&self, evidence: &Evidence) -> Option<SerialNumber> {
        let state = self.state();
        let root = state.root.as_ref()?;
        let serials =
            [evidence.timestamp.certificate().serial(), evidence.log_certificate.serial()];
        serials.into_iter().find(|serial| root.verified.revoked(serial).is_some()).cloned()
    }

    /// Refuses to make evidence by a key that the root has revoked: nobody would believe it.
    pub(crate) fn vouch_for(&self, evidence: &Evidence) -> Result<(), Problem> {
        match self.revoked_evidence(evidence) {
            None => Ok(()),
            Some(serial) => {
                let detail = format!(
                    "the university's root has revoked certificate {serial}, by which this Blackboard timestamps or logs"
                );
                let problem = Problem::new(ProblemType::EvidencePending, detail);
                Err(problem.with("retry_after", RETRY_AFTER))
            }
        }
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Refresh<'_> {
    /// CUHK's authorities, or what a copy has of them. Without either those that are known must do, if there are copies of
    /// the lists.
    async fn authorities(&mut self) -> Result<Vec<Certificate>, RefreshError> {
        let error = match self.places.authorities().await {
            Ok(certificates) => return Ok(certificates),
            Err(error) => error,
        };
        if self.places.mirrors().is_empty() {
            return Err(error);
        }
        self.away = Some(chain(&error));
        for mirror in self.places.mirrors() {
            match self.places.authorities_at(mirror).await {
                Ok(certificates) => return Ok(certificates),
                Err(error) => tracing::debug!(error = %chain(&error), "no copy of certificates"),
            }
        }
        Ok(Vec::new())
    }

    /// Takes the list of this authority from CUHK, or a newer one than is known from a copy.
    async fn list(
        &mut self,
        id: &[u8; 20],
        is_root: bool,
        state: &mut State,
    ) -> Result<(), RefreshError> {
        let error = match &self.away {
            Some(_) => None,
            None => match self.places.list(id).await {
                // A root that is kept offline may have made none yet.
                Ok(None) if is_root => return Ok(()),
                Ok(None) => return Err(RefreshError::NoList),
                Ok(Some(list)) => return state.take(self.root, list, self.now),
                Err(error) => Some(error),
            },
        };
        let mut last = error.unwrap_or(RefreshError::NoList);
        let fault = self.away.clone().unwrap_or_else(|| chain(&last));
        for mirror in self.places.mirrors() {
            let taken = match self.places.list_at(mirror, id).await {
                Ok(None) if is_root => Ok(()),
                Ok(None) => Err(RefreshError::NoList),
                Ok(Some(list)) => state.take(self.root, list, self.now),
                Err(error) => Err(error),
            };
            match taken {
                Ok(()) => {
                    self.came = Came::FromMirror { mirror: mirror.clone(), fault };
                    return Ok(());
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl State {
    /// Takes an issuing authority, if the root vouches for it and it has not ended.
    fn know(&mut self, root: &Root, issuer: Certificate, now: Timestamp) {
        if let Ok(verified) = root.verify_issuer(issuer.der(), now)
            && (self.issuers.len() < MAX_ISSUERS || self.issuers.contains_key(verified.key_id()))
        {
            self.issuers.insert(*verified.key_id(), issuer);
        }
    }

    fn forget_ended(&mut self, now: Timestamp) {
        self.issuers.retain(|_, issuer| issuer.validity().contains(now));
        let Self { issuers, lists, .. } = self;
        lists.retain(|id, _| issuers.contains_key(id));
    }

    /// Verifies a list and takes it in the place of an older one.
    fn take(
        &mut self,
        root: &Root,
        list: RevocationList,
        now: Timestamp,
    ) -> Result<(), RefreshError> {
        let id = *list.issuer_key_id();
        let older = |before: Option<&Arc<Known>>, list: &VerifiedRevocationList| {
            before.is_some_and(|before| before.verified.number() > list.number())
        };
        if root.certificate().subject_key_id() == Some(id) {
            let verified = root.verify_revocation_list(&list)?;
            if older(self.root.as_ref(), &verified) {
                return Err(RefreshError::Older);
            }
            self.root = Some(Arc::new(Known { list, verified }));
            return Ok(());
        }
        let issuer = self.issuers.get(&id).ok_or(RefreshError::NoList)?;
        let verified = root.verify_issuer(issuer.der(), now)?.verify_revocation_list(&list)?;
        if older(self.lists.get(&id), &verified) {
            return Err(RefreshError::Older);
        }
        self.lists.insert(id, Arc::new(Known { list, verified }));
        Ok(())
    }

    /// Whether the root says that this authority is no longer good.
    fn is_revoked(&self, id: &[u8; 20]) -> bool {
        let (Some(root), Some(issuer)) = (&self.root, self.issuers.get(id)) else { return false };
        root.verified.revoked(issuer.serial()).is_some()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Known>> {
        self.root.iter().chain(self.lists.values())
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

/// How long somebody waits for a look at CUHK.
const LOOK: Duration = Duration::from_secs(3);

/// Seconds until the first list may have come.
const RETRY_FIRST_AFTER: u64 = 1;

/// Seconds until the next list may have come.
const RETRY_AFTER: u64 = 60;

fn unknown(why: &str, retry_after: u64) -> Problem {
    let detail = format!("there is no current revocation list: {why}");
    Problem::new(ProblemType::RevocationUnknown, detail).with("retry_after", retry_after)
}
