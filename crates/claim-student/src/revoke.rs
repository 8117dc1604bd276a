//! Revoking one's own certificates: by the one in the folder, or by an invitation when the only device is lost.

mod error;
mod known;

use std::sync::Arc;
use std::time::Duration;

use claim_core::invitation::{Code, Invitation, Invitee};
use claim_core::messages::JSON;
use claim_core::revoking::{
    OwnRevoked, REVOCATIONS, RevocationAnswer, RevocationRequest, RevokeOwn,
};
use claim_core::{DeviceName, Origin, PersonId, ProblemType, json};
use claim_http::{Answer, ProblemAnswer, ReachError, TlsIdentity, https_client, retry_after, send};
use claim_pki::{RevocationReason, Root, SerialNumber};
use http::{StatusCode, header};

use crate::enrol::EnrolError;
use crate::error::{Foreign, Refused, Service, is_temporary};
use crate::event::Event;
use crate::post::content_of;
use crate::retry::Patience;
use crate::student::Student;
use crate::wallet::{Held, WalletError};

pub use error::RevokeError;

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// What a person may revoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokeWhat {
    /// The certificate in this folder.
    This,
    /// One by its serial number, those of the same key, and all that were re-enrolled from these.
    Serial(SerialNumber),
    /// Those of the device with this name.
    Device(DeviceName),
    /// All.
    All,
}

/// By what right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokeBy {
    /// By the certificate of this person in the folder.
    Certificate(PersonId),
    /// By an invitation that has enrolled nothing yet; it is not used up.
    Invitation(Invitation),
}

/// What is revoked now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedOwn {
    /// Whose certificates they are.
    pub id: PersonId,
    /// The certificates, as CUHK tells of them. Empty where it only said that the one in the folder is revoked.
    pub revoked: Vec<OwnRevoked>,
    /// The serial number of the certificate in this folder, if it is among them: it is put aside with its key.
    pub here: Option<SerialNumber>,
}

/// What came back.
enum Told {
    Revoked(RevocationAnswer),
    /// The certificate by which it was asked is revoked: the answer to an earlier attempt was lost.
    Already,
}

/// What an answer is.
enum Heard {
    Told(Told),
    /// None of CUHK's to this: why, whether that may pass, and how many seconds to wait.
    Failed(EnrolError, bool, Option<u64>),
}

impl Student {
    /// Revokes certificates of one's own, for good, from now on. It is safe to repeat.
    ///
    /// Where the certificate in the folder is among them, it and its key are put aside, and the folder takes a new enrolment.
    ///
    /// # Errors
    /// [`RevokeError`].
    pub async fn revoke(
        &self,
        by: RevokeBy,
        what: RevokeWhat,
        reason: RevocationReason,
    ) -> Result<RevokedOwn, RevokeError> {
        match by {
            RevokeBy::Certificate(id) => self.revoke_by_certificate(id, what, reason).await,
            RevokeBy::Invitation(invitation) => {
                self.revoke_by_invitation(invitation, what, reason).await
            }
        }
    }

    async fn revoke_by_certificate(
        &self,
        id: PersonId,
        what: RevokeWhat,
        reason: RevocationReason,
    ) -> Result<RevokedOwn, RevokeError> {
        let _lock = self.lock(&id).await?;
        let root = self.root().map_err(EnrolError::from)?;
        let held = self.wallet().held(&id, &root, self.now()).map_err(EnrolError::from)?;
        let Held { credential, certificates, person } = held;
        let serial = person.serial().clone();
        let what = match what {
            RevokeWhat::This => RevokeOwn::Serial(serial.clone()),
            RevokeWhat::Serial(serial) => RevokeOwn::Serial(serial),
            RevokeWhat::Device(device) => RevokeOwn::Device(device),
            RevokeWhat::All => RevokeOwn::All,
        };
        let is_this = what == RevokeOwn::Serial(serial.clone());
        let identity =
            TlsIdentity::from_pki(&certificates, &credential.key).map_err(EnrolError::from)?;
        let cuhk = self.config.cuhk.clone();
        let request = RevocationRequest { what, reason };
        let told = self.ask_to_revoke(&root, &cuhk, Some(&identity), None, &request).await?;
        let revoked = match told {
            Told::Revoked(answer) => answer.revoked,
            Told::Already if is_this => Vec::new(),
            Told::Already => {
                // Whatever else was meant, this one is gone for good.
                let aside = self.put_aside(&id, &serial)?;
                return Err(RevokeError::AlreadyRevoked { serial, aside });
            }
        };
        let gone = is_this || revoked.iter().any(|one| one.serial == serial.to_string());
        if gone {
            self.put_aside(&id, &serial)?;
        }
        Ok(RevokedOwn { id, revoked, here: gone.then_some(serial) })
    }

    async fn revoke_by_invitation(
        &self,
        invitation: Invitation,
        what: RevokeWhat,
        reason: RevocationReason,
    ) -> Result<RevokedOwn, RevokeError> {
        let what = match what {
            RevokeWhat::This => return Err(RevokeError::Which),
            RevokeWhat::Serial(serial) => RevokeOwn::Serial(serial),
            RevokeWhat::Device(device) => RevokeOwn::Device(device),
            RevokeWhat::All => RevokeOwn::All,
        };
        let Invitation { cuhk, invitee, code, pin } = invitation;
        let id = match invitee {
            Invitee::Person(id) => id,
            Invitee::Server(origin) => return Err(EnrolError::ForServer { origin }.into()),
        };
        let _lock = self.lock(&id).await?;
        let root = self.root_by_pin(&cuhk, pin).await?;
        let request = RevocationRequest { what, reason };
        let invited = Some((&id, &code));
        let answer = match self.ask_to_revoke(&root, &cuhk, None, invited, &request).await? {
            Told::Revoked(answer) => answer,
            // Only a certificate can be refused for being revoked.
            Told::Already => RevocationAnswer { revoked: Vec::new() },
        };
        let held = self.wallet().held(&id, &root, self.now()).ok();
        let here = held.map(|held| held.person.serial().clone());
        let here =
            here.filter(|serial| answer.revoked.iter().any(|one| one.serial == serial.to_string()));
        if let Some(serial) = &here {
            self.put_aside(&id, serial)?;
        }
        Ok(RevokedOwn { id, revoked: answer.revoked, here })
    }

    /// Puts key and certificate of a revoked certificate aside, and tells of it.
    pub(crate) fn put_aside(
        &self,
        id: &PersonId,
        serial: &SerialNumber,
    ) -> Result<std::path::PathBuf, EnrolError> {
        let path = self.wallet().put_aside(id, serial).map_err(WalletError::from)?;
        self.tell(Event::PutAside { id: id.clone(), serial: serial.clone(), path: path.clone() });
        Ok(path)
    }

    /// Asks CUHK, again when what failed may pass: what is revoked stays revoked, so repeating it is safe.
    async fn ask_to_revoke(
        &self,
        root: &Arc<Root>,
        cuhk: &Origin,
        identity: Option<&TlsIdentity>,
        invited: Option<(&PersonId, &Code)>,
        request: &RevocationRequest,
    ) -> Result<Told, RevokeError> {
        let trust = self.code_trust(root, cuhk);
        let client = https_client(&trust, identity, self.config.timeouts.exchange)
            .map_err(EnrolError::from)?;
        let content =
            serde_json::to_vec(request).map_err(|error| RevokeError::Unwritten { error })?;
        let mut patience = Patience::new(&self.config.timeouts);
        loop {
            let post = client
                .post(cuhk.join(REVOCATIONS))
                .header(header::CONTENT_TYPE, JSON)
                .body(content.clone());
            let post = match invited {
                Some((id, code)) => {
                    post.basic_auth(Invitee::Person(id.clone()).user_id(), Some(code.expose()))
                }
                None => post,
            };
            let (error, may_pass, wait): (EnrolError, bool, Option<u64>) =
                match send(post, MAX_ANSWER).await {
                    Ok(answer) => match self.told(cuhk, &answer) {
                        Heard::Told(told) => return Ok(told),
                        Heard::Failed(error, may_pass, wait) => (error, may_pass, wait),
                    },
                    Err(source) => {
                        let may_pass =
                            matches!(source, ReachError::Timeout | ReachError::Interrupted(_));
                        (self.unreached(Service::Cuhk, cuhk, source).into(), may_pass, None)
                    }
                };
            let pause = match may_pass {
                true => patience.next_pause(wait.map(Duration::from_secs)),
                false => None,
            };
            let Some(after) = pause else { return Err(error.into()) };
            self.tell(Event::Retrying { why: error.to_string(), after });
            tokio::time::sleep(after).await;
        }
    }

    /// What an answer says.
    fn told(&self, cuhk: &Origin, answer: &Answer) -> Heard {
        if answer.status == StatusCode::OK
            && answer.media_type() == JSON
            && let Ok(told) = json::from_slice(&answer.body)
        {
            return Heard::Told(Told::Revoked(told));
        }
        let service = Service::Cuhk;
        match ProblemAnswer::from_answer(answer) {
            Some(problem) if problem.problem_type == Some(ProblemType::CertificateRevoked) => {
                Heard::Told(Told::Already)
            }
            Some(problem) => {
                let wait = problem.retry_after;
                let refused = Refused { service, problem: Box::new(problem) };
                let may_pass = refused.is_temporary();
                Heard::Failed(refused.into(), may_pass, wait)
            }
            None => {
                let (status, defect) = (answer.status, content_of(answer));
                let wait = retry_after(&answer.headers);
                let origin = cuhk.clone();
                let foreign = Foreign { service, origin, status, defect, retry_after: wait };
                Heard::Failed(foreign.into(), is_temporary(status), wait)
            }
        }
    }
}
