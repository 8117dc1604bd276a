//! What the attacker says to the servers, and what comes back.

use anyhow::{Context as _, Result, bail};
use claim_core::encoding::RequestNonce;
use claim_core::messages::{Challenge, JSON, SessionAnswer};
use claim_core::signing::{Content, Outgoing, SignatureFields};
use claim_core::student::{self, Credential, Session};
use claim_core::{Escaped, Origin, Timestamp, json};
use claim_http::{Answer, Clock, ProblemAnswer, send, system_rng};
use claim_pki::Root;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::verdict::{Outcome, Refusal};

/// The largest answer that is read, in bytes.
pub(super) const MAX_ANSWER: usize = 64 * 1024;

const TARGET: &str = "/v1/messages";
const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// The time of this machine.
pub(super) fn now() -> Timestamp {
    Clock::system().now()
}

/// Posts a message of steps 3 or 5.
pub(super) async fn post(
    client: &reqwest::Client,
    url: String,
    message: &impl Serialize,
) -> Result<Answer> {
    let body = serde_json::to_vec(message)?;
    let request = client.post(url).header("content-type", JSON).body(body);
    Ok(send(request, MAX_ANSWER).await?)
}

/// Takes an answer for what it is: a refusal by a problem document, or a success.
pub(super) fn outcome(answer: &Answer) -> Outcome {
    let status = answer.status;
    if status.is_success() {
        return Outcome::Through { words: format!("{status} {}", shortened(&answer.body)) };
    }
    let Some(problem) = ProblemAnswer::from_answer(answer) else {
        let words = format!("{status} {}", shortened(&answer.body));
        return Outcome::Refused { kind: None, words };
    };
    let kind = problem
        .problem_type
        .filter(|known| known.status() == status.as_u16())
        .map(Refusal::Problem);
    // `ProblemAnswer` takes the titles of its own table; what is shown here is what came.
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let member = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
    let (title, detail) = (member("title"), member("detail"));
    let slug = problem.slug.unwrap_or_default();
    let words = format!("{} {slug}: {}: {}", status.as_u16(), Escaped(&title), Escaped(&detail));
    Outcome::Refused { kind, words }
}

/// What is in an answer that must be a success.
pub(super) fn accepted<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    match outcome(answer) {
        Outcome::Through { .. } => Ok(json::from_slice(&answer.body)?),
        Outcome::Refused { words, .. } => bail!("an honest request was refused: {words}"),
    }
}

/// Steps 3 to 5 as anybody does them who has a certificate and its key; also Blackboard's part of step 5.
pub(super) async fn open_session(
    client: &reqwest::Client,
    blackboard: &Origin,
    credential: &Credential,
    root: &Root,
) -> Result<(Session, SessionAnswer)> {
    let (request, waiting) = student::request(credential, blackboard, &mut system_rng());
    let answer = post(client, blackboard.join("/v1/challenges"), &request).await?;
    let challenge: Challenge = accepted(&answer)?;
    let (request, waiting) = waiting.receive(&challenge)?;
    let answer = post(client, blackboard.join("/v1/sessions"), &request).await?;
    let answer: SessionAnswer = accepted(&answer)?;
    let session = waiting.receive(answer.clone(), root, now())?;
    Ok((session, answer))
}

/// A signed message as it travels: whoever is on its way can change any part of it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    url: String,
    token: String,
    media_type: String,
    signature_input: String,
    signature: String,
    pub(super) content_digest: String,
    pub(super) content: Vec<u8>,
}

impl Message {
    /// Signs a message as the student's program does.
    pub(super) fn sign(session: &Session, text: &str, nonce: &RequestNonce) -> Result<Self> {
        let content = Content { media_type: MEDIA_TYPE, bytes: text.as_bytes() };
        Self::signed(session, TARGET, &content, nonce)
    }

    /// Signs any content for any address.
    pub(super) fn signed(
        session: &Session,
        target: &str,
        content: &Content<'_>,
        nonce: &RequestNonce,
    ) -> Result<Self> {
        let Content { media_type, bytes } = *content;
        let request = Outgoing { method: "POST", target, content: Some(Content { ..*content }) };
        let (fields, _) = session.sign(&request, now(), nonce);
        let SignatureFields { content_digest, signature_input, signature } = fields;
        Ok(Self {
            url: session.origin().join(target),
            token: session.token().to_owned(),
            media_type: media_type.to_owned(),
            signature_input,
            signature,
            content_digest: content_digest.context("a message without a digest")?,
            content: bytes.to_vec(),
        })
    }

    /// Sends it as it is now.
    pub(super) async fn send(&self, client: &reqwest::Client) -> Result<Answer> {
        let request = client
            .post(&self.url)
            .header("claim-session", &self.token)
            .header("content-digest", &self.content_digest)
            .header("content-type", &self.media_type)
            .header("signature-input", &self.signature_input)
            .header("signature", &self.signature)
            .body(self.content.clone());
        Ok(send(request, MAX_ANSWER).await?)
    }
}

/// A stranger's text, cut at a length that does not fill the terminal.
fn shortened(body: &[u8]) -> String {
    const MOST: usize = 200;
    let text: String = String::from_utf8_lossy(body).chars().take(MOST).collect();
    Escaped(&text).to_string()
}
