//! One signed request of step 6 and the answer to it that counts, and how often to try.

mod ask;
mod hindrance;

use std::time::Duration;

use bytes::Bytes;
use claim_core::encoding::RequestNonce;
use claim_core::signing::{AnswerParts, Content, Outgoing};
use claim_core::student::{AnswerError, ExpectAnswer};
use claim_core::{ProblemType, Timestamp};
use claim_http::{Answer, ProblemAnswer, retry_after, send};
use http::{HeaderMap, Method, header};

use crate::error::{Refused, Service};
use crate::event::Event;
use crate::post::MAX_ANSWER;
use crate::session::OpenSession;

pub use ask::AskError;
pub use hindrance::Hindrance;

/// How long a Blackboard that seems to be away is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// As long as all requests are.
    Patient,
    /// Some seconds: CUHK may stamp the claim meanwhile.
    Hurried,
}

/// A request of step 6.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: Method,
    /// Path and query: signed to the letter, so it is sent to the letter.
    target: String,
    content: Option<(&'static str, Bytes)>,
    max_answer: usize,
    /// Beyond what every exchange gets.
    extra_time: Duration,
    /// Whether something else can be done while Blackboard is away.
    hurried: bool,
}

impl Ask {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        let (method, target) = (Method::GET, target.into());
        let (max_answer, extra_time, hurried) = (MAX_ANSWER, Duration::ZERO, false);
        Self { method, target, content: None, max_answer, extra_time, hurried }
    }

    pub(crate) fn post(
        target: impl Into<String>,
        media_type: &'static str,
        content: impl Into<Bytes>,
    ) -> Self {
        let content = Some((media_type, content.into()));
        Self { method: Method::POST, content, ..Self::get(target) }
    }

    pub(crate) fn put(
        target: impl Into<String>,
        media_type: &'static str,
        content: impl Into<Bytes>,
    ) -> Self {
        Self { method: Method::PUT, ..Self::post(target, media_type, content) }
    }

    /// How much content the answer may have, in bytes.
    pub(crate) fn at_most(self, max_answer: usize) -> Self {
        Self { max_answer, ..self }
    }

    /// Gives the exchange more time than others have.
    pub(crate) fn with_time(self, extra_time: Duration) -> Self {
        Self { extra_time, ..self }
    }

    /// Gives up soon where Blackboard seems to be away: whoever waits for it might miss a deadline.
    pub(crate) fn in_haste(self, haste: Haste) -> Self {
        Self { hurried: haste == Haste::Hurried, ..self }
    }

    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried
    }
}

/// What Blackboard itself says, and signed.
pub(crate) enum Signed {
    /// A refusal that follows from what was signed.
    Refused(Refused),
    /// Anything but a problem document.
    Answer(Answer),
}

impl OpenSession {
    /// Signs and sends once; what comes back as `Ok` is signed by Blackboard for this very request.
    pub(crate) async fn exchange(
        &self,
        ask: &Ask,
        nonce: &RequestNonce,
    ) -> Result<Signed, Hindrance> {
        let content = ask.content.as_ref();
        let content = content.map(|(media_type, bytes)| Content { media_type, bytes });
        let outgoing = Outgoing { method: ask.method.as_str(), target: &ask.target, content };
        let (fields, waiting) = self.session.sign(&outgoing, self.server_now(), nonce);
        let blackboard = self.session.origin();
        let mut request = self
            .party
            .client
            .request(ask.method.clone(), blackboard.join(&ask.target))
            .timeout(self.party.student.config.timeouts.exchange + ask.extra_time)
            .header("claim-session", self.session.token())
            .header("signature-input", fields.signature_input)
            .header("signature", fields.signature);
        if let Some((media_type, bytes)) = &ask.content {
            request = request
                .header("content-digest", fields.content_digest.unwrap_or_default())
                .header(header::CONTENT_TYPE, *media_type)
                .body(bytes.clone());
        }
        let answer = send(request, ask.max_answer).await.map_err(|source| {
            let student = &self.party.student;
            Hindrance::Unreached(student.unreached(Service::Blackboard, blackboard, source))
        })?;
        match authenticate(&waiting, &answer) {
            Ok(()) => signed(answer),
            Err(error) => Err(unsigned(&answer, error)),
        }
    }

    /// Does what may help against this, and waits: the next attempt may be made then.
    pub(crate) async fn overcome(
        &mut self,
        hindrance: &Hindrance,
        after: Duration,
    ) -> Result<(), crate::session::SessionError> {
        let why = hindrance.to_string();
        if let Hindrance::ClockSkew { server_time, .. } = hindrance {
            self.correct_clock(*server_time);
        }
        self.party.student.tell(Event::Retrying { why: why.clone(), after });
        tokio::time::sleep(after).await;
        if let Hindrance::NoSession(_) = hindrance {
            self.party.student.tell(Event::SessionLost { why });
            self.reopen().await?;
        }
        Ok(())
    }

    pub(crate) async fn reopen(&mut self) -> Result<(), crate::session::SessionError> {
        (self.session, self.clock_offset) = self.party.open().await?;
        Ok(())
    }

    fn correct_clock(&mut self, server_time: Timestamp) {
        self.clock_offset = server_time.millis_since(self.party.student.now());
        self.party.student.tell(Event::ClockCorrected { clock_offset: self.clock_offset });
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
fn signed(answer: Answer) -> Result<Signed, Hindrance> {
    let Some(problem) = ProblemAnswer::from_answer(&answer) else {
        return Ok(Signed::Answer(answer));
    };
    let server_time = problem.extensions.get("server_time").and_then(|time| time.as_str());
    let server_time = server_time.and_then(|time| time.parse().ok());
    let skewed = problem.problem_type == Some(ProblemType::ClockSkew);
    let refused = Refused { service: Service::Blackboard, problem: Box::new(problem) };
    match server_time {
        Some(server_time) if skewed => Err(Hindrance::ClockSkew { server_time, refused }),
        _ if is_final(&refused) => Ok(Signed::Refused(refused)),
        _ => Err(Hindrance::Busy(refused)),
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
            retry_after: retry_after(&answer.headers),
            error,
        },
    }
}
