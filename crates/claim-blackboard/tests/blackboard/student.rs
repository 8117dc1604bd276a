//! A student made of the protocol alone, who can also do everything wrong.

use std::sync::Arc;
use std::time::Duration;

use claim_core::encoding::RequestNonce;
use claim_core::messages::{Challenge, MessageAnswer, SessionAnswer};
use claim_core::signing::{AnswerParts, Content, Outgoing, SignatureFields};
use claim_core::student::{self, Credential, ExpectAnswer, Session};
use claim_core::{Origin, Timestamp, json};
use claim_http::{Answer, ServerTrust, https_client, send};
use claim_pki::Root;
use serde::Serialize;

use crate::authority::Authority;
use crate::running::Blackboard;

/// The student of the tests.
pub(crate) const SID: &str = "1155123456";

/// A student with a certificate and a connection.
pub(crate) struct Student {
    pub(crate) credential: Credential,
    pub(crate) root: Root,
    client: reqwest::Client,
    /// By which the Blackboard is known.
    pub(crate) origin: Origin,
    /// Where it is: another port than the origin's for a second replica.
    base: String,
}

pub(crate) use claim_http::system_rng as rng;

/// A request of step 6, as it should be.
#[derive(Clone)]
pub(crate) struct Say {
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    pub(crate) content: Option<(&'static str, Vec<u8>)>,
    pub(crate) created: Timestamp,
    pub(crate) nonce: RequestNonce,
}

impl Say {
    pub(crate) fn text(text: impl AsRef<[u8]>, created: Timestamp) -> Self {
        Self {
            method: "POST",
            target: "/v1/messages",
            content: Some(("text/plain; charset=utf-8", text.as_ref().to_vec())),
            created,
            nonce: RequestNonce::random(&mut rng()),
        }
    }
}

/// What came back, and whether it was signed for this request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) slug: Option<String>,
    pub(crate) signed: bool,
    pub(crate) answer: Answer,
}

impl Reply {
    fn new(answer: Answer, expected: Option<&ExpectAnswer<'_>>) -> Self {
        let field = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap());
        let parts = AnswerParts {
            status: answer.status.as_u16(),
            content_digest: field("content-digest"),
            content_type: field("content-type"),
            signature_input: field("signature-input").unwrap_or_default(),
            signature: field("signature").unwrap_or_default(),
        };
        let signed =
            expected.is_some_and(|expected| expected.receive(&parts, &answer.body).is_ok());
        if !signed {
            assert!(field("signature").is_none(), "a signature that does not verify");
        }
        let slug = claim_http::ProblemAnswer::from_answer(&answer).and_then(|problem| problem.slug);
        Self { status: answer.status.as_u16(), slug, signed, answer }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn message(&self) -> MessageAnswer {
        assert_eq!((self.status, self.signed), (201, true), "{self:?}");
        json::from_slice(&self.answer.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, slug: &str, signed: bool) {
        let found = (self.status, self.slug.as_deref(), self.signed);
        assert_eq!(found, (status, Some(slug), signed), "{self:?}");
        let wait = self.header("retry-after").is_some();
        assert_eq!(wait, status == 503, "{self:?}");
    }
}

impl Student {
    pub(crate) fn new(authority: &Authority, blackboard: &Blackboard, id: &str) -> Self {
        Self::with(authority, blackboard, authority.student(id))
    }

    pub(crate) fn with(
        authority: &Authority,
        blackboard: &Blackboard,
        credential: Credential,
    ) -> Self {
        let root = authority.anchor();
        let trust = ServerTrust::Root(Arc::new(root.clone()));
        let client = https_client(&trust, None, Duration::from_secs(60)).unwrap();
        let (origin, port) = (blackboard.origin.clone(), blackboard.port);
        Self { credential, root, client, origin, base: format!("https://localhost:{port}") }
    }

    /// Steps 3 to 5.
    pub(crate) async fn open(&self, now: Timestamp) -> Session {
        let (waiting, request) = self.challenged().await;
        let answer: SessionAnswer = self.exchange("/v1/sessions", &request).await;
        waiting.receive(answer, &self.root, now).unwrap()
    }

    /// Steps 3 and 4, and what step 5 would be.
    pub(crate) async fn challenged(
        &self,
    ) -> (student::ExpectConfirmation<'_>, claim_core::messages::SessionRequest) {
        let (request, waiting) = student::request(&self.credential, &self.origin, &mut rng());
        let challenge: Challenge = self.exchange("/v1/challenges", &request).await;
        let (request, waiting) = waiting.receive(&challenge).unwrap();
        (waiting, request)
    }

    pub(crate) async fn exchange<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
    ) -> T {
        let reply = self.post(path, "application/json", serde_json::to_vec(message).unwrap()).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        json::from_slice(&reply.answer.body).unwrap()
    }

    /// An unsigned request.
    pub(crate) async fn post(
        &self,
        path: &str,
        media_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        let request = self.request("POST", path).header("content-type", media_type).body(body);
        self.send(request, None).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse::<reqwest::Method>().unwrap();
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn send(
        &self,
        request: reqwest::RequestBuilder,
        expected: Option<&ExpectAnswer<'_>>,
    ) -> Reply {
        Reply::new(send(request, 1 << 20).await.unwrap(), expected)
    }

    /// Step 6.
    pub(crate) async fn say(&self, session: &Session, say: &Say) -> Reply {
        self.say_changed(session, say, |_, _| {}).await
    }

    /// Step 6, with fields and content changed after they were signed.
    pub(crate) async fn say_changed(
        &self,
        session: &Session,
        say: &Say,
        change: impl FnOnce(&mut Vec<(&'static str, String)>, &mut Vec<u8>),
    ) -> Reply {
        let (mut fields, expected) = self.signed(session, say);
        let mut content = say.content.as_ref().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        change(&mut fields, &mut content);
        let mut request = self.request(say.method, say.target);
        for (name, value) in fields {
            request = request.header(name, value);
        }
        self.send(request.body(content), Some(&expected)).await
    }

    /// The fields of a signed request, and what waits for its answer.
    pub(crate) fn signed<'s>(
        &self,
        session: &'s Session,
        say: &Say,
    ) -> (Vec<(&'static str, String)>, ExpectAnswer<'s>) {
        let Say { method, target, content, created, nonce } = say;
        let content = content.as_ref().map(|(media_type, bytes)| Content { media_type, bytes });
        let outgoing = Outgoing { method, target, content };
        let (signature, expected) = session.sign(&outgoing, *created, nonce);
        let SignatureFields { content_digest, signature_input, signature } = signature;
        let mut fields = vec![
            ("claim-session", session.token().to_owned()),
            ("signature-input", signature_input),
            ("signature", signature),
        ];
        fields.extend(content.map(|content| ("content-type", content.media_type.to_owned())));
        fields.extend(content_digest.map(|digest| ("content-digest", digest)));
        (fields, expected)
    }
}
