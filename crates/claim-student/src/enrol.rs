//! Steps 1 and 2: from an invitation, or a local CUHK, to a certificate.

mod error;
mod sign_in;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use claim_core::invitation::{Code, Invitation, Invitee, RootPin};
use claim_core::{Digest, Origin, PersonId, Sid, Timestamp};
use claim_files::{FileError, FolderLock};
use claim_http::{
    EstError, ReachError, ServerTrust, fetch_ca_certificates, https_client, simple_enroll_on,
    system_rng,
};
use claim_pki::{
    Certificate, PathError, PublicKey, Root, SerialNumber, SigningKey, Subject, VerifiedPerson,
    certification_request,
};
use tokio::time::Instant;

use crate::config::TlsRoots;
use crate::error::{Foreign, Refused, Service, is_temporary};
use crate::event::Event;
use crate::retry::Patience;
use crate::student::Student;
use crate::wallet::{Held, WalletError, verify_whatever_the_time};

pub use error::EnrolError;

/// How often to look whether another process is done with the id.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Who wants a certificate, and by what right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requester {
    /// Whoever has the invitation. Its address of CUHK and its pin of the root come before the configuration.
    Invited(Invitation),
    /// Anyone, with a CUHK that runs as a local demonstration.
    LocalDemo(Sid),
}

/// A certificate is in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Whom it names.
    pub id: PersonId,
    /// Its serial number.
    pub serial: SerialNumber,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// It was there before, and is not revoked as far as CUHK's lists could be asked; an invitation was not used up.
    pub already: bool,
}

/// A requester as enrolment sees it.
struct Request {
    id: PersonId,
    cuhk: Origin,
    code: Code,
    pin: Option<RootPin>,
}

impl Student {
    /// Steps 1 and 2. Whatever interrupts it, doing it again goes on with the same key, and an invitation whose
    /// answer was lost is not lost.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn enroll(&self, who: Requester) -> Result<Enrolled, EnrolError> {
        let request = Request::new(who, &self.config.cuhk)?;
        let _lock = self.lock(&request.id).await?;
        self.wallet().settle(&request.id)?;
        let root = self.root_for(&request).await?;
        self.wallet().finish_putting_aside(&request.id)?;
        let held = self.enrolled_already(&request.id, &root)?;
        // Whoever comes with an invitation may have been told that the certificate is good no more.
        let look = held.as_ref().filter(|_| request.pin.is_some() || root.is_local_demo());
        let revoked = match look {
            Some(held) => self.is_revoked(held, &root, &request.cuhk).await,
            None => false,
        };
        if let (Some(held), true) = (&held, revoked) {
            self.put_aside(&request.id, held.person.serial())?;
        }
        if let Some(held) = held.filter(|_| !revoked) {
            return Ok(Enrolled {
                id: request.id,
                serial: held.person.serial().clone(),
                not_after: held.person.not_after(),
                already: true,
            });
        }
        if request.pin.is_none() && !root.is_local_demo() {
            return Err(EnrolError::InvitationNeeded {
                id: request.id,
                root: self.wallet().root_path().to_owned(),
            });
        }
        let key = self.key(&request.id)?;
        let trust = self.code_trust(&root, &request.cuhk);
        let client = https_client(&trust, None, self.config.timeouts.exchange)?;
        // Before the code is spent, so that nothing but the answer itself can get lost afterwards.
        let fetch = || fetch_ca_certificates(&client, &request.cuhk);
        let authorities = self.patiently(&request.cuhk, fetch).await?;
        let body = self.certification_request(&request.id, &key, &request.cuhk)?;
        let invitee = Invitee::Person(request.id.clone());
        let (cuhk, code, device) = (&request.cuhk, &request.code, self.config.device.as_ref());
        let enroll = || simple_enroll_on(&client, cuhk, &invitee, code, device, &body);
        let leaf = self.patiently(cuhk, enroll).await?;
        let enrolled = self.keep(request.id.clone(), &key, false, leaf, &authorities, &root)?;
        self.wallet().forget_next_key(&request.id)?;
        Ok(enrolled)
    }

    /// Waits until no other process enrols this id in this folder.
    pub(crate) async fn lock(&self, id: &PersonId) -> Result<FolderLock, EnrolError> {
        let end = Instant::now() + self.config.timeouts.lock;
        let mut told = false;
        loop {
            match self.wallet().lock(id) {
                Err(FileError::Locked { .. }) if Instant::now() < end => {
                    if !std::mem::replace(&mut told, true) {
                        self.tell(Event::WaitingForOther { id: id.clone() });
                    }
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                locked => return locked.map_err(|error| WalletError::from(error).into()),
            }
        }
    }

    /// The root: from the folder, or on first contact from CUHK, compared with the invitation's pin.
    async fn root_for(&self, request: &Request) -> Result<Arc<Root>, EnrolError> {
        let path = self.wallet().root_path();
        match (self.wallet().root()?, request.pin) {
            (_, Some(invited)) => self.root_by_pin(&request.cuhk, invited).await,
            (Some(root), None) => Ok(Arc::new(root)),
            (None, None) => Err(WalletError::NoRoot { looked_in: path.to_owned() }.into()),
        }
    }

    /// The root that an invitation pins: the one in the folder, which must be it, or on first contact CUHK's.
    pub(crate) async fn root_by_pin(
        &self,
        cuhk: &Origin,
        invited: RootPin,
    ) -> Result<Arc<Root>, EnrolError> {
        let Some(root) = self.wallet().root()? else {
            return self.first_contact(cuhk, invited).await;
        };
        let stored = pin(&root);
        if stored != invited {
            let path = self.wallet().root_path().to_owned();
            return Err(EnrolError::OtherRoot { path, stored, invited });
        }
        Ok(Arc::new(root))
    }

    /// No trust on first use: whoever answers, only the root that was pinned is taken from them.
    async fn first_contact(
        &self,
        cuhk: &Origin,
        invited: RootPin,
    ) -> Result<Arc<Root>, EnrolError> {
        let trust = match self.config.tls_roots {
            TlsRoots::Cuhk => ServerTrust::Unverified,
            TlsRoots::System => ServerTrust::System,
        };
        let client = https_client(&trust, None, self.config.timeouts.exchange)?;
        let offered = self.patiently(cuhk, || fetch_ca_certificates(&client, cuhk)).await?;
        let pinned = offered.iter().filter_map(|one| Root::from_der(one.der()).ok());
        let mut found = Vec::new();
        for root in pinned {
            if pin(&root) == invited {
                self.wallet().keep_root(&root)?;
                self.tell(Event::RootPinned {
                    fingerprint: Digest::from_bytes(*root.hash()),
                    path: self.wallet().root_path().to_owned(),
                });
                return Ok(Arc::new(root));
            }
            found.push(pin(&root));
        }
        Err(EnrolError::PinMismatch { cuhk: cuhk.clone(), invited, found })
    }

    /// The identity in the folder, if it is good; `None` when it is to be made or replaced.
    fn enrolled_already(&self, id: &PersonId, root: &Root) -> Result<Option<Held>, WalletError> {
        let now = self.now();
        match self.wallet().held(id, root, now) {
            Ok(held) if held.is_expired(now) => Ok(None),
            Ok(held) => Ok(Some(held)),
            // A certificate under another root is of no use here; the key is.
            Err(
                WalletError::NotEnrolled { .. }
                | WalletError::Interrupted { .. }
                | WalletError::Path { .. },
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn key(&self, id: &PersonId) -> Result<SigningKey, WalletError> {
        let path = self.wallet().key_path(id);
        let fingerprint = |key: &SigningKey| Digest::from_bytes(*key.public_key().fingerprint());
        if let Some(key) = self.wallet().key(id)? {
            self.tell(Event::KeyFound { fingerprint: fingerprint(&key), path });
            return Ok(key);
        }
        let key = self.wallet().make_key(id)?;
        self.tell(Event::KeyMade { fingerprint: fingerprint(&key), path });
        Ok(key)
    }

    /// Whom to believe in TLS before a one-time code, or a certificate, is shown.
    pub(crate) fn code_trust(&self, root: &Arc<Root>, cuhk: &Origin) -> ServerTrust {
        match self.config.tls_roots {
            TlsRoots::Cuhk => {
                ServerTrust::CuhkServer { root: Arc::clone(root), origin: cuhk.clone() }
            }
            TlsRoots::System => ServerTrust::System,
        }
    }

    pub(crate) fn certification_request(
        &self,
        id: &PersonId,
        key: &SigningKey,
        cuhk: &Origin,
    ) -> Result<Vec<u8>, EnrolError> {
        let subject = Subject::Person { id: id.clone(), name: None };
        let der = certification_request(key, &subject).map_err(EnrolError::Request)?;
        self.tell(Event::RequestSent { cuhk: cuhk.clone(), bytes: der.len() });
        Ok(der)
    }

    /// Checks the certificate that came, before it is stored: from this root, for this person and this key, which gives
    /// way with it where it is the `next` one.
    pub(crate) fn keep(
        &self,
        id: PersonId,
        key: &SigningKey,
        next: bool,
        leaf: Certificate,
        authorities: &[Certificate],
        root: &Root,
    ) -> Result<Enrolled, EnrolError> {
        let (chain, person) = complete(leaf, authorities, root, self.now())?;
        if person.id() != &id {
            return Err(EnrolError::OtherPerson { expected: id, found: person.id().clone() });
        }
        check_key(key.public_key(), person.public_key())?;
        let path = match next {
            true => self.wallet().keep_next(&id, &chain)?,
            false => self.wallet().keep_certificate(&id, &chain)?,
        };
        let (serial, not_after) = (person.serial().clone(), person.not_after());
        self.tell(Event::CertificateReceived {
            id: id.clone(),
            serial: serial.clone(),
            not_after,
            issuer_key_id: *person.issuer_key_id(),
            path,
        });
        self.tell(Event::SignFinished { id: id.clone() });
        Ok(Enrolled { id, serial, not_after, already: false })
    }

    /// Asks CUHK, again when what failed may pass. All that is asked here is safe to repeat.
    pub(crate) async fn patiently<T, F>(
        &self,
        cuhk: &Origin,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, EnrolError>
    where
        F: Future<Output = Result<T, EstError>>,
    {
        let mut patience = Patience::new(&self.config.timeouts);
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let (may_pass, retry_after) = match &error {
                EstError::Reach(ReachError::Timeout | ReachError::Interrupted(_)) => (true, None),
                EstError::NotEst { status, .. } => (is_temporary(*status), None),
                EstError::Refused(problem) => {
                    let refused = Refused { service: Service::Cuhk, problem: problem.clone() };
                    (refused.is_temporary(), problem.retry_after.map(Duration::from_secs))
                }
                _ => (false, None),
            };
            let error = self.cuhk_error(cuhk, error);
            let pause = if may_pass { patience.next_pause(retry_after) } else { None };
            let Some(after) = pause else { return Err(error) };
            self.tell(Event::Retrying { why: error.to_string(), after });
            tokio::time::sleep(after).await;
        }
    }

    pub(crate) fn cuhk_error(&self, cuhk: &Origin, error: EstError) -> EnrolError {
        let service = Service::Cuhk;
        match error {
            EstError::Reach(source) => self.unreached(service, cuhk, source).into(),
            EstError::Refused(problem) => Refused { service, problem }.into(),
            EstError::NotEst { status, media_type } => {
                foreign(cuhk, status, format!("content of type {media_type}"))
            }
            other => foreign(cuhk, http::StatusCode::OK, other.to_string()),
        }
    }
}

/// Something else than CUHK answers there.
pub(crate) fn foreign(cuhk: &Origin, status: http::StatusCode, defect: String) -> EnrolError {
    let (service, origin) = (Service::Cuhk, cuhk.clone());
    Foreign { service, origin, status, defect, retry_after: None }.into()
}

impl Request {
    fn new(who: Requester, cuhk: &Origin) -> Result<Self, EnrolError> {
        match who {
            Requester::Invited(Invitation { cuhk, invitee: Invitee::Person(id), code, pin }) => {
                Ok(Self { id, cuhk, code, pin: Some(pin) })
            }
            Requester::Invited(Invitation { invitee: Invitee::Server(origin), .. }) => {
                Err(EnrolError::ForServer { origin })
            }
            Requester::LocalDemo(sid) => Ok(Self {
                id: sid.into(),
                cuhk: cuhk.clone(),
                // There any code will do.
                code: Code::random(&mut system_rng()),
                pin: None,
            }),
        }
    }
}

/// Finds the issuer among what CUHK publishes, so that the chain leads to the root.
fn complete(
    leaf: Certificate,
    authorities: &[Certificate],
    root: &Root,
    now: Timestamp,
) -> Result<(Vec<Certificate>, VerifiedPerson), EnrolError> {
    let mut why = PathError::UnknownIssuer;
    for issuer in authorities.iter().filter(|one| one.der() != root.der()) {
        let chain = vec![leaf.clone(), issuer.clone()];
        match verify_whatever_the_time(root, &chain, now) {
            Ok(person) => return Ok((chain, person)),
            // Of several issuers most did not issue it, which says nothing.
            Err(PathError::UnknownIssuer) => {}
            Err(error) => why = error,
        }
    }
    Err(EnrolError::Certificate(why))
}

fn check_key(expected: &PublicKey, found: &PublicKey) -> Result<(), EnrolError> {
    if expected == found {
        return Ok(());
    }
    let digest = |key: &PublicKey| Digest::from_bytes(*key.fingerprint());
    Err(EnrolError::OtherKey { expected: digest(expected), found: digest(found) })
}

fn pin(root: &Root) -> RootPin {
    RootPin::of(&Digest::from_bytes(*root.hash()))
}
