//! Steps 3 to 5: a session with Blackboard.

mod error;

use std::sync::Arc;
use std::time::Duration;

use claim_core::messages::{Challenge, SessionAnswer};
use claim_core::student::{self, Credential, Session};
use claim_core::{Digest, PersonId, Timestamp};
use claim_http::{https_client, system_rng};
use claim_pki::{Certificate, Root};

use crate::error::{Foreign, Refused, Service};
use crate::event::Event;
use crate::post::{PostError, post};
use crate::retry::Patience;
use crate::student::Student;
use crate::wallet::{Held, WalletError};

pub use error::SessionError;

/// A session with Blackboard, ready for step 6. It opens itself anew when Blackboard no longer knows it.
#[derive(Debug)]
pub struct OpenSession {
    pub(crate) party: Party,
    pub(crate) session: Session,
    /// Milliseconds that Blackboard's clock is ahead of ours.
    pub(crate) clock_offset: i64,
}

/// Everything that opens a session.
#[derive(Debug)]
pub(crate) struct Party {
    pub(crate) student: Student,
    pub(crate) client: reqwest::Client,
    pub(crate) root: Arc<Root>,
    pub(crate) credential: Credential,
    /// The same chain as in the credential, read.
    pub(crate) certificates: Vec<Certificate>,
}

impl Student {
    /// Steps 3 to 5 with the configured Blackboard, by the certificate of this id.
    ///
    /// What fails for a moment only (a busy server, an interrupted connection) is tried again from step 3.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn open_session(&self, id: &PersonId) -> Result<OpenSession, SessionError> {
        self.renew_if_expired(id).await;
        let party = self.party(id)?;
        let (session, clock_offset) = party.open().await?;
        Ok(OpenSession { party, session, clock_offset })
    }

    /// The same with one attempt: whoever has something better to do meanwhile learns soon that Blackboard is away.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn open_session_at_once(&self, id: &PersonId) -> Result<OpenSession, SessionError> {
        self.renew_if_expired(id).await;
        let party = self.party(id)?;
        let (session, clock_offset) = party.exchange().await?;
        Ok(OpenSession { party, session, clock_offset })
    }

    fn party(&self, id: &PersonId) -> Result<Party, SessionError> {
        let root = self.root()?;
        let now = self.now();
        let held = self.wallet().held(id, &root, now)?;
        if held.is_expired(now) {
            let not_after = held.person.not_after();
            return Err(WalletError::Expired { id: id.clone(), not_after, at: now }.into());
        }
        let client = https_client(&self.trust(&root), None, self.config.timeouts.exchange)?;
        let Held { credential, certificates, .. } = held;
        Ok(Party { student: self.clone(), client, root, credential, certificates })
    }
}

impl OpenSession {
    /// Whose session it is.
    pub fn id(&self) -> &PersonId {
        &self.party.credential.id
    }

    /// When the session ends, by Blackboard's clock; messages after that open a new one.
    pub fn expires_at(&self) -> Timestamp {
        self.session.expires_at()
    }

    /// How many milliseconds Blackboard's clock is ahead of this machine's; negative when behind.
    ///
    /// Requests are signed with Blackboard's time, so a difference does no harm here; but a person
    /// whose clock is wrong by minutes will miss a deadline one day, and should be told.
    pub fn clock_offset(&self) -> i64 {
        self.clock_offset
    }

    /// Blackboard's time, as well as it is known.
    pub fn server_now(&self) -> Timestamp {
        let now = self.party.student.now().as_millis();
        Timestamp::from_millis(now.saturating_add(self.clock_offset))
    }
}

impl Party {
    /// Steps 3 to 5, again from step 3 when what failed may pass.
    pub(crate) async fn open(&self) -> Result<(Session, i64), SessionError> {
        let mut patience = Patience::new(&self.student.config.timeouts);
        loop {
            let error = match self.exchange().await {
                Ok(open) => return Ok(open),
                Err(error) => error,
            };
            let may_pass = error.may_pass();
            let retry_after = error.retry_after().map(Duration::from_secs);
            let pause = if may_pass { patience.next_pause(retry_after) } else { None };
            let Some(after) = pause else { return Err(error) };
            self.student.tell(Event::Retrying { why: error.to_string(), after });
            tokio::time::sleep(after).await;
        }
    }

    async fn exchange(&self) -> Result<(Session, i64), SessionError> {
        let Self { student, client, root, credential, .. } = self;
        let blackboard = &student.config.blackboard;
        let (request, waiting) = student::request(credential, blackboard, &mut system_rng());
        student.tell(Event::ChallengeSent {
            sentence: request.request.clone(),
            blackboard: blackboard.clone(),
            nonce: request.nonce,
        });
        let challenge: Challenge = post(client, blackboard.join("/v1/challenges"), &request)
            .await
            .map_err(|error| self.error(error))?;
        student.tell(Event::ChallengeReceived {
            scheme: challenge.scheme.clone(),
            enc: challenge.enc.0.len(),
            ciphertext: challenge.ciphertext.0.len(),
            expires_at: challenge.expires_at,
        });
        let (request, waiting) =
            waiting.receive(&challenge).map_err(|error| self.exchange_error(error))?;
        student.tell(Event::SessionKeyDecrypted { fingerprint: waiting.key_fingerprint() });
        let sent = student.now();
        student.tell(Event::ConfirmationSent);
        let answer: SessionAnswer = post(client, blackboard.join("/v1/sessions"), &request)
            .await
            .map_err(|error| self.error(error))?;
        let received = student.now();
        let chain = answer.certificate.clone();
        let session =
            waiting.receive(answer, root, received).map_err(|error| self.exchange_error(error))?;
        self.judge(session.server(), &chain).await?;
        student.tell(Event::BlackboardVerified {
            origin: session.origin().clone(),
            key_fingerprint: Digest::from_bytes(*session.server_key_fingerprint()),
        });
        let clock_offset = clock_offset(sent, received, session.server_time());
        let expires_at = session.expires_at();
        student.tell(Event::SessionOpened { expires_at, clock_offset });
        Ok((session, clock_offset))
    }

    fn error(&self, error: PostError) -> SessionError {
        let (service, origin) = (Service::Blackboard, &self.student.config.blackboard);
        match error {
            PostError::Reach(source) => self.student.unreached(service, origin, source).into(),
            PostError::Problem(problem) => Refused { service, problem }.into(),
            PostError::Foreign { status, defect, retry_after } => {
                Foreign { service, origin: origin.clone(), status, defect, retry_after }.into()
            }
            PostError::Unsendable(source) => SessionError::Unsendable(source),
        }
    }

    fn exchange_error(&self, source: student::ExchangeError) -> SessionError {
        SessionError::Exchange { blackboard: self.student.config.blackboard.clone(), source }
    }
}

/// The server's time is compared with the middle between sending and receiving.
fn clock_offset(sent: Timestamp, received: Timestamp, server: Timestamp) -> i64 {
    server.as_millis() - (sent.as_millis() + received.as_millis()) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_measured_from_the_middle() {
        let at = Timestamp::from_millis;
        assert_eq!(clock_offset(at(1_000), at(3_000), at(2_000)), 0);
        assert_eq!(clock_offset(at(1_000), at(3_000), at(62_000)), 60_000);
        assert_eq!(clock_offset(at(61_000), at(63_000), at(2_000)), -60_000);
    }
}
