//! Step 6: from a request to one that counts, and the signature on every answer to an authentic one.
//!
//! The order is the protocol's: the session token opens, the signature over the head verifies, and from there on
//! every answer is signed; then the time, the person's share, the content and its digest. No content is read
//! before the signature is verified.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use claim_core::blackboard::{Answerer, AuthenticHead, AuthenticRequest, Session};
use claim_core::messages::JSON;
use claim_core::signing::{self, RequestParts};
use claim_core::{Hasher, PersonId, Problem, ProblemType};
use claim_http::{Content, KnownAs, PROBLEM_JSON, UnderWay, read_content};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request};
use serde::Serialize;

use crate::blackboard::Blackboard;
use crate::error;
use crate::media::MediaType;
use crate::routes::{Peer, refused};

const CLAIM_SESSION: HeaderName = HeaderName::from_static("claim-session");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// How many bytes must come within one `body-read-timeout`: with its default, about 17 kilobytes a second.
const BODY_STEP: usize = 512 * 1024;

/// The content that a route takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takes {
    /// Its media type.
    pub(crate) media_type: MediaType,
    /// The most bytes it may have.
    pub(crate) max: usize,
}

/// A request that counts, with its content.
pub(crate) struct Counted {
    /// Whose request it is, and what makes it recognisable.
    pub(crate) request: AuthenticRequest,
    /// The content; its digest was signed.
    pub(crate) content: Content,
}

impl Takes {
    /// For requests that have none.
    pub(crate) const NOTHING: Self = Self { media_type: MediaType::Octets, max: 0 };
}

/// What a handler answers with when it does as it was asked.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    content: Option<(&'static str, Bytes)>,
    /// The request takes nothing from its person's share of the minute.
    forgiven: bool,
}

impl Reply {
    /// An answer with content of this media type.
    pub(crate) fn new(status: StatusCode, media_type: &'static str, content: Bytes) -> Self {
        Self { status, content: Some((media_type, content)), forgiven: false }
    }

    /// An answer in JSON.
    pub(crate) fn json<T: Serialize>(status: StatusCode, message: &T) -> Result<Self, Problem> {
        let content = serde_json::to_vec(message).map_err(|error| error::internal(&error))?;
        Ok(Self::new(status, JSON, Bytes::from(content)))
    }

    /// 204: done, and nothing to tell.
    pub(crate) fn done() -> Self {
        Self { status: StatusCode::NO_CONTENT, content: None, forgiven: false }
    }

    /// The same, where the request brought what was waited for.
    pub(crate) fn forgiven(self, forgiven: bool) -> Self {
        Self { forgiven, ..self }
    }
}

/// Whether the request says that it belongs to a session.
fn claims_a_session(headers: &HeaderMap) -> bool {
    headers.contains_key(CLAIM_SESSION)
}

/// Lets an authentic request through to `handle`, and signs whatever comes of it.
pub(crate) async fn authenticated<F, H>(
    blackboard: &Arc<Blackboard>,
    peer: Peer,
    request: Request,
    takes: Takes,
    handle: H,
) -> Response
where
    H: FnOnce(Counted) -> F,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let (parts, body) = request.into_parts();
    let (head, has_digest) = match authenticate(blackboard, &parts).await {
        Ok(authentic) => authentic,
        Err(problem) => return refused(blackboard, peer, None, &problem),
    };
    let (answerer, id) = (head.answerer(), head.person().clone());
    let work = async {
        let (counted, under_way) = count(blackboard, head, has_digest, &parts, body, takes).await?;
        let reply = handle(counted).await?;
        if reply.forgiven {
            under_way.forgive();
        }
        Ok(reply)
    };
    // A handler that panics holds nothing that outlives it; its answer is signed like any other.
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| Err(error::internal(&Panicked)));
    let answering = Answering { answerer, method: parts.method };
    answering.answer(blackboard, peer, id, outcome)
}

/// A handler panicked; what it said went to standard error, by way of the panic hook.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
struct Panicked;

/// Refuses a request that no route takes; where it is authentic, with a signature.
pub(crate) async fn refuse(
    blackboard: &Arc<Blackboard>,
    peer: Peer,
    request: Request,
    problem: Problem,
) -> Response {
    let (parts, _) = request.into_parts();
    if !claims_a_session(&parts.headers) {
        return refused(blackboard, peer, None, &problem);
    }
    let (head, _) = match authenticate(blackboard, &parts).await {
        Ok(authentic) => authentic,
        Err(problem) => return refused(blackboard, peer, None, &problem),
    };
    let (answerer, id) = (head.answerer(), head.person().clone());
    let timely = head.timely(blackboard.clock.now()).map_err(|error| error::not_counted(&error));
    let outcome = timely.and(Err(problem));
    let answering = Answering { answerer, method: parts.method };
    answering.answer(blackboard, peer, id, outcome)
}

/// Opens the session token, then verifies the signature over the head.
///
/// Returns also whether the head announces content, by its digest.
async fn authenticate(
    blackboard: &Blackboard,
    parts: &request::Parts,
) -> Result<(AuthenticHead, bool), Problem> {
    let fields = Fields::extract(&parts.headers)?;
    let (origin, now) = (&blackboard.origin, blackboard.clock.now());
    let open = |ring: &_| Session::open(&fields.claim_session, origin, ring, now);
    let session = blackboard.sealing.open_token(now, open, error::session_token).await?;
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let head = RequestParts {
        method: parts.method.as_str(),
        target,
        claim_session: &fields.claim_session,
        content_digest: fields.content_digest.as_deref(),
        content_type: fields.content_type.as_deref(),
        signature_input: &fields.signature_input,
        signature: &fields.signature,
    };
    let head = session.authenticate(origin, &head).map_err(|error| error::not_authentic(&error))?;
    Ok((head, fields.content_digest.is_some()))
}

/// What an authentic request must also be to count.
async fn count<'b>(
    blackboard: &'b Blackboard,
    head: AuthenticHead,
    has_digest: bool,
    parts: &request::Parts,
    body: Body,
    takes: Takes,
) -> Result<(Counted, UnderWay<'b>), Problem> {
    let now = blackboard.clock.now();
    let head = head.timely(now).map_err(|error| error::not_counted(&error))?;
    if blackboard.revocations.is_revoked(head.certificate()) {
        let detail = "the certificate that opened this session has been revoked since";
        return Err(Problem::new(ProblemType::CertificateRevoked, detail));
    }
    let under_way = blackboard.rates.count(head.person(), now)?;
    if has_digest {
        takes.media_type.check(&parts.headers)?;
    }
    // A slow line may take as long for each of these steps as for the whole of a small request.
    let steps = u32::try_from(takes.max.div_ceil(BODY_STEP)).unwrap_or(1).max(1);
    let patience = blackboard.body_timeout.saturating_mul(steps);
    let mut hasher = Hasher::new();
    let see = |bytes: &[u8]| hasher.update(bytes);
    let content = read_content(&parts.headers, body, takes.max, patience, see).await?;
    let request = head.digested(hasher.finish()).map_err(|error| error::not_counted(&error))?;
    Ok((Counted { request, content }, under_way))
}

/// Signs the answers to one request.
struct Answering {
    answerer: Answerer,
    method: Method,
}

impl Answering {
    fn answer(
        self,
        blackboard: &Blackboard,
        peer: Peer,
        id: PersonId,
        outcome: Result<Reply, Problem>,
    ) -> Response {
        let (response, content) = match outcome {
            Ok(Reply { status, content, .. }) => {
                let bytes = content.as_ref().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
                let mut response = Response::new(Body::from(bytes));
                *response.status_mut() = status;
                if let Some((media_type, _)) = &content {
                    let value = HeaderValue::from_static(media_type);
                    response.headers_mut().insert(header::CONTENT_TYPE, value);
                }
                (response, content)
            }
            Err(problem) => {
                let content = Bytes::from(problem.to_json(&blackboard.origin));
                let response = refused(blackboard, peer, Some(id.clone()), &problem);
                (response, Some((PROBLEM_JSON, content)))
            }
        };
        let mut response = self.sign(blackboard, response, content);
        response.extensions_mut().insert(KnownAs(id.as_str().into()));
        response
    }

    fn sign(
        &self,
        blackboard: &Blackboard,
        mut response: Response,
        content: Option<(&str, Bytes)>,
    ) -> Response {
        // An answer to HEAD has no content (RFC 9110 §9.3.2), so there is none to sign; nor has one without a byte.
        let content = content.filter(|(_, bytes)| self.method != Method::HEAD && !bytes.is_empty());
        let content =
            content.as_ref().map(|(media_type, bytes)| signing::Content { media_type, bytes });
        let status = response.status().as_u16();
        let fields = self.answerer.sign(status, content, blackboard.clock.now());
        let named = [
            (CONTENT_DIGEST, fields.content_digest),
            (SIGNATURE_INPUT, Some(fields.signature_input)),
            (SIGNATURE, Some(fields.signature)),
        ];
        for (name, value) in named {
            // All of them are base64 and numbers: never anything that a header cannot hold.
            if let Some(value) = value.and_then(|text| HeaderValue::try_from(text).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// The fields that the signature of a request covers or consists of.
struct Fields {
    claim_session: String,
    content_digest: Option<String>,
    content_type: Option<String>,
    signature_input: String,
    signature: String,
}

impl Fields {
    fn extract(headers: &HeaderMap) -> Result<Self, Problem> {
        let claim_session = field(headers, &CLAIM_SESSION)
            .map_err(|_| Problem::new(ProblemType::SessionInvalid, "Claim-Session is not ASCII"))?;
        let claim_session = claim_session.ok_or_else(|| {
            Problem::new(ProblemType::SessionInvalid, "there is no Claim-Session")
        })?;
        let signed = |name: &HeaderName| {
            field(headers, name).map_err(|NotAscii| {
                let detail = format!("{name} is not ASCII");
                Problem::new(ProblemType::SignatureMalformed, detail)
            })
        };
        Ok(Self {
            claim_session,
            content_digest: signed(&CONTENT_DIGEST)?,
            content_type: signed(&header::CONTENT_TYPE)?,
            signature_input: signed(&SIGNATURE_INPUT)?.unwrap_or_default(),
            signature: signed(&SIGNATURE)?.unwrap_or_default(),
        })
    }
}

struct NotAscii;

/// The combined value of a field (RFC 9421 §2.1): its lines, trimmed, joined with a comma and a space.
fn field(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, NotAscii> {
    let mut lines = headers.get_all(name).iter().peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    let lines: Result<Vec<_>, _> =
        lines.map(|line| line.to_str().map(str::trim).map_err(|_| NotAscii)).collect();
    Ok(Some(lines?.join(", ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn extract(lines: &[(&'static str, &'static [u8])]) -> Result<Fields, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Fields::extract(&headers)
    }

    #[test]
    fn lines_of_one_field_are_joined() {
        let fields = extract(&[
            ("claim-session", b" token\t"),
            ("signature", b"a=:AA==: "),
            ("signature", b"claim=:AQ==:"),
            ("content-type", b"text/plain"),
        ]);
        let fields = fields.unwrap_or_else(|problem| panic!("{problem:?}"));
        assert_eq!(fields.claim_session, "token");
        assert_eq!(fields.signature, "a=:AA==:, claim=:AQ==:");
        assert_eq!(fields.content_type.as_deref(), Some("text/plain"));
        assert_eq!(fields.content_digest, None);
        assert_eq!(fields.signature_input, "");
    }

    #[test]
    fn bytes_beyond_ascii_are_refused_as_what_they_spoil() {
        let refused = |lines: &[_]| extract(lines).err().unwrap().problem_type;
        assert_eq!(refused(&[]), ProblemType::SessionInvalid);
        assert_eq!(refused(&[("claim-session", b"\xc3\xa9")]), ProblemType::SessionInvalid);
        for name in ["signature", "signature-input", "content-digest", "content-type"] {
            let lines = [("claim-session", &b"token"[..]), (name, b"\xc3\xa9")];
            assert_eq!(refused(&lines), ProblemType::SignatureMalformed, "{name}");
        }
    }
}
