//! How students talk to the servers: by the protocol's own types, once, without trying again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use claim_core::encoding::RequestNonce;
use claim_core::messages::{Challenge, JSON, SessionAnswer};
use claim_core::signing::{AnswerParts, Content, Outgoing, SignatureFields};
use claim_core::student::{self, Credential, Session};
use claim_core::{Origin, Timestamp, json};
use claim_http::{Answer, Clock, ServerTrust, TlsIdentity, https_client, send, system_rng};
use claim_pki::Root;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A server, as students see it.
#[derive(Clone)]
pub struct Wire {
    /// The client.
    pub http: reqwest::Client,
    /// Where the server is.
    pub origin: Origin,
    root: Arc<Root>,
}

/// A request of step 6.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// The content with its type.
    pub content: Option<(&'static str, Vec<u8>)>,
    /// What makes it the same request when it is repeated.
    pub nonce: RequestNonce,
}

impl Ask {
    /// A request without content.
    pub fn get(target: String) -> Self {
        Self {
            method: "GET",
            target,
            content: None,
            nonce: RequestNonce::random(&mut system_rng()),
        }
    }

    /// A request with content.
    pub fn with(
        method: &'static str,
        target: String,
        media_type: &'static str,
        content: Vec<u8>,
    ) -> Self {
        let nonce = RequestNonce::random(&mut system_rng());
        Self { method, target, content: Some((media_type, content)), nonce }
    }
}

/// The time of this machine.
pub fn now() -> Timestamp {
    Clock::system().now()
}

impl Wire {
    /// A client with connections of its own; one may show a certificate in the TLS handshake.
    ///
    /// # Errors
    /// When there can be none.
    pub fn new(root: &Arc<Root>, origin: &Origin, shows: Option<&TlsIdentity>) -> Result<Self> {
        let trust = ServerTrust::CuhkServer { root: Arc::clone(root), origin: origin.clone() };
        let http = https_client(&trust, shows, TIMEOUT)?;
        Ok(Self { http, origin: origin.clone(), root: Arc::clone(root) })
    }

    /// What is public.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn fetch(&self, path: &str) -> Result<Answer> {
        Ok(send(self.http.get(self.origin.join(path)), MAX_ANSWER).await?)
    }

    /// Steps 3 to 5.
    ///
    /// # Errors
    /// When it does not come to a session.
    pub async fn session(&self, credential: &Credential) -> Result<Session> {
        let (request, waiting) = student::request(credential, &self.origin, &mut system_rng());
        let challenge: Challenge = self.post("/v1/challenges", &request).await?;
        let (request, waiting) = waiting.receive(&challenge)?;
        let answer: SessionAnswer = self.post("/v1/sessions", &request).await?;
        Ok(waiting.receive(answer, &self.root, now())?)
    }

    async fn post<A: DeserializeOwned>(&self, path: &str, message: &impl Serialize) -> Result<A> {
        let request = self.http.post(self.origin.join(path)).header("content-type", JSON);
        let answer = send(request.body(serde_json::to_vec(message)?), MAX_ANSWER).await?;
        if answer.status != http::StatusCode::CREATED {
            bail!("{path}: {}", shown(&answer));
        }
        Ok(json::from_slice(&answer.body)?)
    }

    /// Step 6, once. The answer is the server's own, whatever it is.
    ///
    /// # Errors
    /// When no answer comes that Blackboard has signed.
    pub async fn ask(&self, session: &Session, ask: &Ask) -> Result<Answer> {
        let Ask { method, target, content, nonce } = ask;
        let content = content.as_ref().map(|(media_type, bytes)| Content { media_type, bytes });
        let outgoing = Outgoing { method, target, content };
        let (fields, expected) = session.sign(&outgoing, now(), nonce);
        let SignatureFields { content_digest, signature_input, signature } = fields;
        let mut request = self
            .http
            .request(method.parse()?, self.origin.join(target))
            .header("claim-session", session.token())
            .header("signature-input", signature_input)
            .header("signature", signature);
        if let Some(digest) = content_digest {
            request = request.header("content-digest", digest);
        }
        if let Some(content) = content {
            request =
                request.header("content-type", content.media_type).body(content.bytes.to_vec());
        }
        let answer = send(request, MAX_ANSWER).await?;
        let field = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let parts = AnswerParts {
            status: answer.status.as_u16(),
            content_digest: field("content-digest"),
            content_type: field("content-type"),
            signature_input: field("signature-input").unwrap_or_default(),
            signature: field("signature").unwrap_or_default(),
        };
        expected
            .receive(&parts, &answer.body)
            .map_err(|error| anyhow!("{error}: {}", shown(&answer)))?;
        Ok(answer)
    }
}

/// An answer for a report.
pub fn shown(answer: &Answer) -> String {
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(300).collect();
    format!("{} {text}", answer.status)
}

/// A refusal for a report; a server that asks to come again must say when.
pub fn refused(answer: &Answer) -> String {
    let waits = matches!(answer.status.as_u16(), 429 | 503 | 507);
    let when = answer.headers.get("retry-after").and_then(|value| value.to_str().ok());
    match when.and_then(|seconds| seconds.parse::<u64>().ok()) {
        None if waits => format!("WRONG: no Retry-After: {}", shown(answer)),
        _ => shown(answer),
    }
}
