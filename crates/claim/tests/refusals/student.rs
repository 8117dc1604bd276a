//! A student made of the protocol alone, who can also do everything wrong.

use claim_core::encoding::RequestNonce;
use claim_core::messages::{Challenge, MessageAnswer, SessionAnswer, SessionRequest};
use claim_core::signing::{Content, Outgoing, SignatureFields};
use claim_core::student::{self, Credential, ExpectAnswer, ExpectConfirmation, Session};
use claim_core::{Timestamp, json};
use claim_http::Answer;
use claim_pki::Root;
use serde_json::Value;

use crate::authority::{now, rng};
use crate::wire::{Ask, Client, Version};

pub(crate) const CHALLENGES: &str = "/v1/challenges";
pub(crate) const SESSIONS: &str = "/v1/sessions";
pub(crate) const MESSAGES: &str = "/v1/messages";
pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// Step 3 as it should be, as JSON to be spoilt.
pub(crate) fn step_3(credential: &Credential, client: &Client) -> Value {
    let (request, _) = student::request(credential, &client.origin, &mut rng());
    serde_json::to_value(request).unwrap()
}

/// Step 3 with this content.
pub(crate) fn ask_step_3(content: &Value) -> Ask {
    Ask::post(CHALLENGES, JSON, content.to_string())
}

/// Step 5 with this content.
pub(crate) fn ask_step_5(content: &Value) -> Ask {
    Ask::post(SESSIONS, JSON, content.to_string())
}

/// Steps 3 and 4, and what step 5 would be.
pub(crate) async fn challenged<'c>(
    credential: &'c Credential,
    client: &Client,
) -> (ExpectConfirmation<'c>, SessionRequest) {
    let (request, waiting) = student::request(credential, &client.origin, &mut rng());
    let content = serde_json::to_value(request).unwrap();
    let answer = client.ask(Version::Http2, &ask_step_3(&content)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let challenge: Challenge = json::from_slice(&answer.body).unwrap();
    let (request, waiting) = waiting.receive(&challenge).unwrap();
    (waiting, request)
}

/// Steps 3 to 5.
pub(crate) async fn open(
    credential: &Credential,
    client: &Client,
    root: &Root,
    now: Timestamp,
) -> Session {
    let (waiting, request) = challenged(credential, client).await;
    let content = serde_json::to_value(request).unwrap();
    let answer = client.ask(Version::Http2, &ask_step_5(&content)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer: SessionAnswer = json::from_slice(&answer.body).unwrap();
    waiting.receive(answer, root, now).unwrap()
}

/// A request of step 6.
#[derive(Clone)]
pub(crate) struct Say {
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    pub(crate) content: Option<(&'static str, Vec<u8>)>,
    pub(crate) created: Timestamp,
    pub(crate) nonce: RequestNonce,
}

/// A request of step 6 that is signed, and what waits for its answer.
pub(crate) struct Signed<'s> {
    pub(crate) ask: Ask,
    pub(crate) expected: ExpectAnswer<'s>,
}

impl Say {
    pub(crate) fn text(text: impl AsRef<[u8]>, created: Timestamp) -> Self {
        Self {
            method: "POST",
            target: MESSAGES,
            content: Some((TEXT, text.as_ref().to_vec())),
            created,
            nonce: RequestNonce::random(&mut rng()),
        }
    }

    /// A request without content.
    pub(crate) fn reading(target: &'static str, created: Timestamp) -> Self {
        let nonce = RequestNonce::random(&mut rng());
        Self { method: "GET", target, content: None, created, nonce }
    }

    /// The same at this moment, as another request.
    pub(crate) fn anew(&self) -> Self {
        Self { created: now(), nonce: RequestNonce::random(&mut rng()), ..self.clone() }
    }

    pub(crate) fn signed<'s>(&self, session: &'s Session) -> Signed<'s> {
        let Self { method, target, content, created, nonce } = self;
        let content = content.as_ref().map(|(media_type, bytes)| Content { media_type, bytes });
        let outgoing = Outgoing { method, target, content };
        let (signature, expected) = session.sign(&outgoing, *created, nonce);
        let SignatureFields { content_digest, signature_input, signature } = signature;
        let mut headers = vec![
            ("claim-session", session.token().to_owned()),
            ("signature-input", signature_input),
            ("signature", signature),
        ];
        headers.extend(content.map(|content| ("content-type", content.media_type.to_owned())));
        headers.extend(content_digest.map(|digest| ("content-digest", digest)));
        let body = content.map(|content| content.bytes.to_vec()).unwrap_or_default();
        Signed { ask: Ask { method, target: (*target).to_owned(), headers, body }, expected }
    }
}

/// What Blackboard says about an accepted message.
pub(crate) fn accepted(answer: &Answer) -> MessageAnswer {
    assert_eq!(answer.status, 201, "{answer:?}");
    json::from_slice(&answer.body).unwrap()
}
