//! How Blackboard comes by its certificate: the key is its own, CUHK certifies it, an invitation says who it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claim_core::invitation::{Invitation, Invitee, RootPin};
use claim_core::{Digest, Origin, ProblemType};
use claim_files::{FileError, Mode, read_private, replace, write_new};
use claim_http::{EstError, TlsIdentity, system_rng};
use claim_pki::{Certificate, KeyError, PathError, Root, SigningKey};
use tokio::time::Instant;

use crate::config::Config;
use crate::credential::{Certified, Credential, NotOurs};
use crate::cuhk::{CuhkError, Requester, fetch_root};
use crate::event::{Event, Observer, WaitingFor};
use crate::folder::{Folder, read_public};
use crate::start_error::StartError;

/// How often it is looked whether what is waited for has come.
const POLL: Duration = Duration::from_millis(250);

/// Reads `blackboard.key`, or makes it where there is neither key nor certificate.
///
/// It is made once and kept: an enrolment whose answer was lost goes on with the same key.
pub(crate) fn own_key(folder: &Folder) -> Result<SigningKey, StartError> {
    let path = folder.key();
    let unusable = |source| StartError::Key { path: path.clone(), source };
    match read_private(&path) {
        Ok(pem) => {
            // A key file is ASCII; whatever is not does not parse either.
            let pem = std::str::from_utf8(&pem).unwrap_or_default();
            SigningKey::from_pem(pem, folder.passphrase()).map_err(unusable)
        }
        Err(FileError::Missing { .. }) => {
            let certificate = folder.certificate();
            if certificate.exists() {
                return Err(StartError::KeyMissing { certificate, key: path });
            }
            let key = SigningKey::generate().map_err(unusable)?;
            let pem = key.to_pem(folder.passphrase(), &mut system_rng()).map_err(unusable)?;
            write_new(&path, pem.as_bytes(), Mode::Private)?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

/// A Blackboard that needs a certificate, or a new one.
pub(crate) struct Enrolment {
    pub(crate) config: Config,
    pub(crate) folder: Folder,
    pub(crate) origin: Origin,
    pub(crate) observer: Observer,
}

/// What one look at the folder and at CUHK led to.
enum Outcome {
    /// The certificate is there, and good.
    Ready { certified: Certified, root: Arc<Root> },
    /// Something is missing that may well come.
    Wait(WaitingFor),
}

/// Why a certificate could not be renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RenewalError {
    /// CUHK did not renew it.
    #[error(transparent)]
    Cuhk(#[from] CuhkError),
    /// The new one cannot be stored.
    #[error(transparent)]
    File(#[from] FileError),
    /// The library does not take the key again.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// An invitation, and the file it is from.
struct Invited {
    path: PathBuf,
    /// Whether it lies where a local CUHK leaves it, and may leave another one.
    left_by_cuhk: bool,
    invitation: Invitation,
}

impl Enrolment {
    /// Waits, within the patience, until there is a certificate.
    pub(crate) async fn obtain(
        &self,
        key: SigningKey,
    ) -> Result<(Credential, Arc<Root>), StartError> {
        let deadline = Instant::now() + self.config.patience;
        let mut told = None;
        loop {
            let waiting_for = match self.attempt(&key).await? {
                Outcome::Ready { certified, root } => {
                    return Ok((Credential::new(certified, key, &self.origin), root));
                }
                Outcome::Wait(waiting_for) => waiting_for,
            };
            let now = Instant::now();
            if now >= deadline {
                let patience = self.config.patience;
                return Err(StartError::Unreachable { waiting_for, patience });
            }
            if told.as_ref() != Some(&waiting_for) {
                (self.observer)(Event::Waiting(waiting_for.clone()));
                told = Some(waiting_for);
            }
            tokio::time::sleep_until(deadline.min(now + POLL)).await;
        }
    }

    async fn attempt(&self, key: &SigningKey) -> Result<Outcome, StartError> {
        let root = match self.root()? {
            Some(root) => root,
            None => match self.invitation()? {
                Some(invited) => match self.first_contact(&invited).await? {
                    Ok(root) => root,
                    Err(waiting_for) => return Ok(Outcome::Wait(waiting_for)),
                },
                // A CUHK that starts in this folder leaves both.
                None => return Ok(files(vec![self.config.root_path(), self.folder.invitation()])),
            },
        };
        let fault = match self.certificate()? {
            None => None,
            Some(certificates) => match self.verify(certificates, key, &root) {
                Ok(certified) => return Ok(Outcome::Ready { certified, root }),
                Err(fault) => Some(fault),
            },
        };
        let invited = self.invitation()?;
        if let Some(NotOurs::Path(PathError::Expired { .. })) = fault {
            return self.renew_expired(key, &root, invited).await;
        }
        match (invited, fault) {
            (Some(invited), _) => self.enrol(key, &root, &invited).await,
            (None, Some(source)) => {
                Err(StartError::Certificate { path: self.folder.certificate(), source })
            }
            (None, None) if root.is_local_demo() => Ok(files(vec![self.folder.invitation()])),
            (None, None) => Err(StartError::InvitationNeeded { origin: self.origin.clone() }),
        }
    }

    /// Enrols with an invitation: at first, or because the certificate of before is of no use any more.
    async fn enrol(
        &self,
        key: &SigningKey,
        root: &Arc<Root>,
        invited: &Invited,
    ) -> Result<Outcome, StartError> {
        let Invited { path, invitation, left_by_cuhk } = invited;
        if RootPin::of(&Digest::from_bytes(*root.hash())) != invitation.pin {
            let (root, invitation) = (self.config.root_path(), path.clone());
            return Err(StartError::OtherRoot { root, invitation });
        }
        let cuhk = &invitation.cuhk;
        match self.requester(key, root, cuhk).enroll(&invitation.code).await {
            Ok(certified) => {
                keep(&self.folder, &certified)?;
                (self.observer)(Event::Enrolled {
                    origin: self.origin.clone(),
                    cuhk: cuhk.clone(),
                    serial: certified.serial().to_owned(),
                    not_after: certified.not_after(),
                });
                Ok(Outcome::Ready { certified, root: Arc::clone(root) })
            }
            Err(error) if *left_by_cuhk && root.is_local_demo() && is_stale(&error) => {
                // Left by an earlier run of CUHK, which leaves a fresh one as soon as it runs again.
                let reason = error.to_string();
                Ok(Outcome::Wait(WaitingFor::Invitation { reason }))
            }
            Err(error) => self.unanswered(cuhk, error).map(Outcome::Wait),
        }
    }

    /// CUHK renews for a while after the end; when it does not, an invitation helps.
    async fn renew_expired(
        &self,
        key: &SigningKey,
        root: &Arc<Root>,
        invited: Option<Invited>,
    ) -> Result<Outcome, StartError> {
        let cuhk = invited.as_ref().map_or(&self.config.cuhk, |invited| &invited.invitation.cuhk);
        let certificates = self.certificate()?.unwrap_or_default();
        let tls = TlsIdentity::from_pki(&certificates, key).map_err(StartError::OwnTls)?;
        match self.requester(key, root, cuhk).reenroll(&tls).await {
            Ok(certified) => {
                keep(&self.folder, &certified)?;
                (self.observer)(renewed(&certified));
                Ok(Outcome::Ready { certified, root: Arc::clone(root) })
            }
            Err(error) => match (error.unanswered(), &invited) {
                (Some(reach), _) => {
                    let reason = reach.to_string();
                    Ok(Outcome::Wait(WaitingFor::Cuhk { origin: cuhk.clone(), reason }))
                }
                (None, Some(invited)) => self.enrol(key, root, invited).await,
                (None, None) => Err(StartError::NotRenewed(error)),
            },
        }
    }

    /// Renews the certificate of a serving Blackboard, for the same key, and stores the new one.
    ///
    /// # Errors
    /// [`RenewalError`]; then everything is as before.
    pub(crate) async fn renew(
        &self,
        credential: &Credential,
        root: &Arc<Root>,
    ) -> Result<Credential, RenewalError> {
        let cuhk = &self.cuhk();
        let key = &credential.identity.key;
        let tls = credential.certified.tls(key).map_err(CuhkError::from)?;
        let certified = self.requester(key, root, cuhk).reenroll(&tls).await?;
        let renewed = credential.with(certified)?;
        keep(&self.folder, &renewed.certified)?;
        Ok(renewed)
    }

    /// Where CUHK is: a local one may run on another port than the configured one; its invitation tells.
    pub(crate) fn cuhk(&self) -> Origin {
        let invited = self.invitation().ok().flatten();
        invited.map_or_else(|| self.config.cuhk.clone(), |invited| invited.invitation.cuhk)
    }

    /// Fetches the root by the invitation's pin, and keeps it.
    async fn first_contact(
        &self,
        invited: &Invited,
    ) -> Result<Result<Arc<Root>, WaitingFor>, StartError> {
        let cuhk = &invited.invitation.cuhk;
        let certificate = match fetch_root(&invited.invitation).await {
            Ok(certificate) => certificate,
            Err(error) => return self.unanswered(cuhk, error).map(Err),
        };
        let path = self.config.root_path();
        match write_new(&path, certificate.to_pem().as_bytes(), Mode::Public) {
            // A CUHK that starts in this folder at this moment writes it too.
            Ok(()) | Err(FileError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let root = self.root()?.ok_or(FileError::Missing { path })?;
        Ok(Ok(root))
    }

    fn requester<'r>(
        &'r self,
        key: &'r SigningKey,
        root: &'r Arc<Root>,
        cuhk: &'r Origin,
    ) -> Requester<'r> {
        Requester { cuhk, root, origin: &self.origin, key, now: self.config.clock.now() }
    }

    /// No answer is a reason to wait; any other fault is final.
    fn unanswered(&self, cuhk: &Origin, error: CuhkError) -> Result<WaitingFor, StartError> {
        match error.unanswered() {
            Some(reach) => Ok(WaitingFor::Cuhk { origin: cuhk.clone(), reason: reach.to_string() }),
            None => Err(StartError::NotEnrolled { cuhk: cuhk.clone(), source: Box::new(error) }),
        }
    }

    fn root(&self) -> Result<Option<Arc<Root>>, StartError> {
        let path = self.config.root_path();
        let Some(pem) = read(&path)? else { return Ok(None) };
        let root = Root::from_pem(&pem).map_err(|source| StartError::Root { path, source })?;
        Ok(Some(Arc::new(root)))
    }

    fn certificate(&self) -> Result<Option<Vec<Certificate>>, StartError> {
        let path = self.folder.certificate();
        let Some(pem) = read(&path)? else { return Ok(None) };
        Certificate::chain_from_pem(&pem)
            .map(Some)
            .map_err(|source| StartError::CertificateFile { path, source })
    }

    fn verify(
        &self,
        certificates: Vec<Certificate>,
        key: &SigningKey,
        root: &Root,
    ) -> Result<Certified, NotOurs> {
        let now = self.config.clock.now();
        Certified::verify(certificates, key.public_key(), root, &self.origin, now)
    }

    fn invitation(&self) -> Result<Option<Invited>, StartError> {
        let left_by_cuhk = self.config.invite_file.is_none();
        let path = self.config.invite_file.clone().unwrap_or_else(|| self.folder.invitation());
        let Some(line) = read(&path)? else {
            return if left_by_cuhk { Ok(None) } else { Err(FileError::Missing { path }.into()) };
        };
        let invitation: Invitation = match line.parse() {
            Ok(invitation) => invitation,
            Err(source) => return Err(StartError::Invitation { path, source }),
        };
        if !self.invites_us(&invitation.invitee) {
            let (invitee, origin) = (invitation.invitee, self.origin.clone());
            return Err(StartError::InvitationForAnother { path, invitee, origin });
        }
        let (invited, configured) = (&invitation.cuhk, &self.config.cuhk);
        // A renewal asks the configured CUHK, long after the invitation is forgotten.
        if invited != configured && !(invited.is_loopback() && configured.is_loopback()) {
            let (invited, configured) = (invited.clone(), configured.clone());
            return Err(StartError::OtherCuhk { path, invited, configured });
        }
        Ok(Some(Invited { path, left_by_cuhk, invitation }))
    }

    /// A local CUHK invites whatever server of its machine comes first, as `https://localhost`.
    fn invites_us(&self, invitee: &Invitee) -> bool {
        match invitee {
            Invitee::Server(origin) if *origin == self.origin => true,
            Invitee::Server(origin) => {
                origin.as_str() == "https://localhost" && self.origin.is_loopback()
            }
            Invitee::Person(_) => false,
        }
    }
}

/// What is told of a renewal.
pub(crate) fn renewed(certified: &Certified) -> Event {
    Event::Renewed { serial: certified.serial().to_owned(), not_after: certified.not_after() }
}

fn files(missing: Vec<PathBuf>) -> Outcome {
    Outcome::Wait(WaitingFor::Files { missing })
}

/// Stores certificates in `blackboard.cer`.
fn keep(folder: &Folder, certified: &Certified) -> Result<(), FileError> {
    replace(&folder.certificate(), certified.to_pem().as_bytes(), Mode::Public)
}

/// Whether the code is not one that CUHK takes, now or any more.
fn is_stale(error: &CuhkError) -> bool {
    let CuhkError::Est(EstError::Refused(problem)) = error else { return false };
    matches!(
        problem.problem_type,
        Some(ProblemType::CodeRefused | ProblemType::CodeExpired | ProblemType::CodeUsed)
    )
}

fn read(path: &Path) -> Result<Option<String>, StartError> {
    read_public(path).map_err(|source| StartError::Read { path: path.to_owned(), source })
}
