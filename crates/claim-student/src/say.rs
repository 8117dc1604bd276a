//! Step 6: one message, delivered once, however often it has to be sent.
//!
//! Only an answer that Blackboard signed for this very request says that a message was accepted, or refused for good;
//! the latter only where the reason follows from what was signed, for another copy of the request may fare better.
//! Anything else leads to the same request again: same session, same nonce, so that Blackboard knows the repetition.
//! A new session is a new name space of nonces; a message that may have arrived is never sent again in one.

mod error;

use std::time::Duration;

use claim_core::encoding::RequestNonce;
use claim_core::messages::{JSON, MessageAnswer};
use claim_core::{Digest, json};
use claim_http::{Answer, system_rng};
use http::StatusCode;

use crate::error::Refused;
use crate::event::Event;
use crate::exchange::{Ask, Hindrance, Signed};
use crate::post::content_of;
use crate::retry::Patience;
use crate::session::OpenSession;

pub use error::SayError;

/// The longest message in bytes of UTF-8.
pub const MAX_MESSAGE: usize = 64 * 1024;

const TARGET: &str = "/v1/messages";

/// Signed to the letter, so it is sent to the letter.
const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// A message of which nobody knows whether it arrived; [`OpenSession::settle`] finds out, without doubling it.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsettled {
    text: String,
    nonce: RequestNonce,
    /// H(session token): the nonce means something in that session only.
    session: Digest,
}

/// What one attempt led to.
enum Attempt {
    Accepted(MessageAnswer),
    Refused(Refused),
    Unreadable { status: StatusCode, defect: String },
    Hindered(Hindrance),
}

impl OpenSession {
    /// Sends a message, and returns what Blackboard signed in answer.
    ///
    /// A session whose time is over, or that Blackboard no longer knows, is opened anew. Blackboard's word for
    /// the latter cannot be signed: somebody in the middle of the TLS connection could pass a message on, say this, and so
    /// have it sent a second time. Both would be acknowledged under the student's name, and [`Event::SessionLost`] tells.
    ///
    /// Dropping the future in the middle leaves the outcome open.
    ///
    /// # Errors
    /// [`SayError`].
    pub async fn say(&mut self, text: &str) -> Result<MessageAnswer, SayError> {
        if text.trim().is_empty() {
            return Err(SayError::Empty);
        }
        if text.len() > MAX_MESSAGE {
            return Err(SayError::TooLong { length: text.len() });
        }
        if self.server_now() >= self.session.expires_at() {
            self.reopen().await?;
        }
        let nonce = RequestNonce::random(&mut system_rng());
        self.party.student.tell(Event::MessageSigned { bytes: text.len(), nonce });
        let message = Unsettled { text: text.to_owned(), nonce, session: self.session_digest() };
        self.deliver(message, false).await
    }

    /// Sends a message again whose outcome is unknown; Blackboard recognises it if it has it.
    ///
    /// # Errors
    /// [`SayError`]; [`SayError::OutcomeUnknown`] also when the session has been opened anew since, for then
    /// it would not be recognised.
    pub async fn settle(&mut self, message: Unsettled) -> Result<MessageAnswer, SayError> {
        if message.session != self.session_digest() {
            let last = Box::new(Hindrance::OtherSession);
            return Err(SayError::OutcomeUnknown { message: Box::new(message), attempts: 0, last });
        }
        self.deliver(message, true).await
    }

    /// `may_have_arrived`: in an earlier call.
    async fn deliver(
        &mut self,
        mut message: Unsettled,
        mut may_have_arrived: bool,
    ) -> Result<MessageAnswer, SayError> {
        let mut patience = Patience::new(&self.party.student.config.timeouts);
        loop {
            let hindrance = match self.attempt(&message).await {
                Attempt::Accepted(answer) => {
                    self.party.student.tell(Event::MessageAcknowledged { answer: answer.clone() });
                    return Ok(answer);
                }
                Attempt::Refused(refused) => return Err(SayError::Refused(refused)),
                Attempt::Unreadable { status, defect } => {
                    return Err(SayError::Unreadable { status, defect });
                }
                Attempt::Hindered(hindrance) => hindrance,
            };
            may_have_arrived |= hindrance.may_have_arrived();
            let lost = matches!(hindrance, Hindrance::NoSession(_));
            let may_pass = hindrance.may_pass() && !(lost && may_have_arrived);
            let retry_after = hindrance.retry_after().map(Duration::from_secs);
            let pause = if may_pass { patience.next_pause(retry_after) } else { None };
            let Some(after) = pause else {
                let (last, attempts) = (Box::new(hindrance), patience.attempts());
                return Err(if may_have_arrived {
                    SayError::OutcomeUnknown { message: Box::new(message), attempts, last }
                } else {
                    SayError::NotAccepted { attempts, last }
                });
            };
            self.overcome(&hindrance, after).await?;
            if lost {
                message.session = self.session_digest();
            }
        }
    }

    /// Signs and sends once.
    async fn attempt(&self, message: &Unsettled) -> Attempt {
        let ask = Ask::post(TARGET, MEDIA_TYPE, message.text.clone());
        match self.exchange(&ask, &message.nonce).await {
            Ok(Signed::Answer(answer)) => acknowledged(&answer),
            Ok(Signed::Refused(refused)) => Attempt::Refused(refused),
            Err(hindrance) => Attempt::Hindered(hindrance),
        }
    }

    fn session_digest(&self) -> Digest {
        Digest::of(self.session.token().as_bytes())
    }
}

impl std::fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unsettled({} bytes, nonce {})", self.text.len(), self.nonce)
    }
}

/// What Blackboard itself says, and not as a refusal.
fn acknowledged(answer: &Answer) -> Attempt {
    let status = answer.status;
    if matches!(status, StatusCode::CREATED | StatusCode::OK) && answer.media_type() == JSON {
        return match json::from_slice(&answer.body) {
            Ok(answer) => Attempt::Accepted(answer),
            Err(error) => Attempt::Unreadable { status, defect: error.to_string() },
        };
    }
    Attempt::Unreadable { status, defect: content_of(answer) }
}
