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
use claim_core::signing::{AnswerParts, Content, Outgoing};
use claim_core::student::{AnswerError, ExpectAnswer};
use claim_core::{Digest, ProblemType, Timestamp, json};
use claim_http::{Answer, ProblemAnswer, send, system_rng};
use http::{HeaderMap, StatusCode, header};

use crate::error::{Refused, Service};
use crate::event::Event;
use crate::post::{MAX_ANSWER, content_of};
use crate::retry::Patience;
use crate::session::OpenSession;

pub use error::{Hindrance, SayError};

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
            let why = hindrance.to_string();
            if let Hindrance::ClockSkew { server_time, .. } = hindrance {
                self.correct_clock(server_time);
            }
            self.party.student.tell(Event::Retrying { why: why.clone(), after });
            tokio::time::sleep(after).await;
            if lost {
                self.party.student.tell(Event::SessionLost { why });
                self.reopen().await?;
                message.session = self.session_digest();
            }
        }
    }

    /// Signs and sends once.
    async fn attempt(&self, message: &Unsettled) -> Attempt {
        let content = Content { media_type: MEDIA_TYPE, bytes: message.text.as_bytes() };
        let request = Outgoing { method: "POST", target: TARGET, content: Some(content) };
        let (fields, waiting) = self.session.sign(&request, self.server_now(), &message.nonce);
        let blackboard = self.session.origin();
        let request = self
            .party
            .client
            .post(blackboard.join(TARGET))
            .header("claim-session", self.session.token())
            .header("content-digest", fields.content_digest.unwrap_or_default())
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .header("signature-input", fields.signature_input)
            .header("signature", fields.signature)
            .body(message.text.clone());
        let answer = match send(request, MAX_ANSWER).await {
            Ok(answer) => answer,
            Err(source) => {
                let unreached =
                    self.party.student.unreached(Service::Blackboard, blackboard, source);
                return Attempt::Hindered(Hindrance::Unreached(unreached));
            }
        };
        match authenticate(&waiting, &answer) {
            Ok(()) => signed(&answer),
            Err(error) => Attempt::Hindered(unsigned(&answer, error)),
        }
    }

    async fn reopen(&mut self) -> Result<(), SayError> {
        (self.session, self.clock_offset) = self.party.open().await.map_err(SayError::Session)?;
        Ok(())
    }

    fn correct_clock(&mut self, server_time: Timestamp) {
        self.clock_offset = server_time.millis_since(self.party.student.now());
        self.party.student.tell(Event::ClockCorrected { clock_offset: self.clock_offset });
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

/// Whether Blackboard signed this answer to this request.
fn authenticate(waiting: &ExpectAnswer<'_>, answer: &Answer) -> Result<(), AnswerError> {
    let field = |name| field(&answer.headers, name);
    let (input, signature) = (field("signature-input"), field("signature"));
    let (digest, media_type) = (field("content-digest"), field("content-type"));
    let parts = AnswerParts {
        status: answer.status.as_u16(),
        content_digest: digest.as_deref(),
        content_type: media_type.as_deref(),
        signature_input: input.as_deref().unwrap_or_default(),
        signature: signature.as_deref().unwrap_or_default(),
    };
    waiting.receive(&parts, &answer.body)
}

/// A field as signatures see it: all its lines, joined (RFC 9421 §2.1). What is not ASCII is no field of ours.
fn field(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut lines = headers.get_all(name).iter().map(|line| line.to_str().ok().map(str::trim));
    let first = lines.next()??.to_owned();
    lines.try_fold(first, |joined, line| Some(joined + ", " + line?))
}

/// What Blackboard itself says.
fn signed(answer: &Answer) -> Attempt {
    let status = answer.status;
    if matches!(status, StatusCode::CREATED | StatusCode::OK) && answer.media_type() == JSON {
        return match json::from_slice(&answer.body) {
            Ok(answer) => Attempt::Accepted(answer),
            Err(error) => Attempt::Unreadable { status, defect: error.to_string() },
        };
    }
    let Some(problem) = ProblemAnswer::from_answer(answer) else {
        return Attempt::Unreadable { status, defect: content_of(answer) };
    };
    let server_time = problem.extensions.get("server_time").and_then(|time| time.as_str());
    let server_time = server_time.and_then(|time| time.parse().ok());
    let skewed = problem.problem_type == Some(ProblemType::ClockSkew);
    let refused = Refused { service: Service::Blackboard, problem: Box::new(problem) };
    match server_time {
        Some(server_time) if skewed => {
            Attempt::Hindered(Hindrance::ClockSkew { server_time, refused })
        }
        _ if is_final(&refused) => Attempt::Refused(refused),
        _ => Attempt::Hindered(Hindrance::Busy(refused)),
    }
}

/// Whether Blackboard would refuse every copy of the request, since its reason follows from what was signed.
///
/// "A signed refusal speaks of the copy of the request that was refused" (PROTOCOL.md §5): the reasons named here may
/// lie in what no signature covers, such as the content behind its digest, or in the moment.
fn is_final(refused: &Refused) -> bool {
    let of_one_copy = matches!(
        refused.problem.problem_type,
        Some(
            ProblemType::DigestMismatch
                | ProblemType::ContentTooLarge
                | ProblemType::UnsupportedMediaType
                | ProblemType::MalformedRequest
                | ProblemType::ClockSkew
        )
    );
    !of_one_copy && !refused.is_temporary()
}

/// What anyone may have said: a reason to try again, at most.
fn unsigned(answer: &Answer, error: AnswerError) -> Hindrance {
    let status = answer.status;
    match ProblemAnswer::from_answer(answer) {
        Some(problem)
            if matches!(
                problem.problem_type,
                Some(ProblemType::SessionInvalid | ProblemType::SessionExpired)
            ) =>
        {
            Hindrance::NoSession(Refused {
                service: Service::Blackboard,
                problem: Box::new(problem),
            })
        }
        problem => Hindrance::NotAuthentic {
            status,
            problem: problem.map(Box::new),
            retry_after: field(&answer.headers, "retry-after")
                .and_then(|seconds| seconds.parse().ok()),
            error,
        },
    }
}
