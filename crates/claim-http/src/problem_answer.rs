//! A problem document as a client gets it: a stranger's text, within bounds.

use std::fmt;

use claim_core::{Escaped, ProblemType, json};
use http::StatusCode;
use serde_json::{Map, Value};

use crate::client::{Answer, retry_after};
use crate::problem::PROBLEM_JSON;

/// What a server says when it refuses (RFC 9457).
///
/// The texts are the server's and not to be trusted: they are cut at a length and escaped by `Display`.
/// So is the kind: the answer's authenticity is for the caller to judge.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemAnswer {
    /// The HTTP status, which alone counts (RFC 9457 §3.1.2).
    pub status: StatusCode,
    /// The type, where it is one of the protocol's.
    pub problem_type: Option<ProblemType>,
    /// The last segment of `type`, where it looks like one of ours: a server may be newer than the client.
    pub slug: Option<String>,
    /// What happened; the protocol's own words where the type is known.
    pub title: String,
    /// What was wrong this time.
    pub detail: Option<String>,
    /// All further members.
    pub extensions: Map<String, Value>,
    /// The header `Retry-After`, in seconds from the answer on.
    pub retry_after: Option<u64>,
    /// The server's id of the request, to ask its people about.
    pub request_id: Option<String>,
}

impl ProblemAnswer {
    /// The longest text that is kept of each member, in characters.
    pub const MAX_TEXT: usize = 1000;

    /// Reads a problem document; `None` when the answer is none.
    pub fn from_answer(answer: &Answer) -> Option<Self> {
        if answer.media_type() != PROBLEM_JSON {
            return None;
        }
        let Ok(Value::Object(mut members)) = json::from_slice(&answer.body) else { return None };
        let mut text = |name| match members.remove(name) {
            Some(Value::String(text)) => Some(bounded(&text)),
            _ => None,
        };
        let (uri, title, detail) = (text("type"), text("title"), text("detail"));
        members.remove("status");
        let slug = uri.as_deref().and_then(slug).map(str::to_owned);
        let problem_type = slug.as_deref().and_then(ProblemType::from_slug);
        let field = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
        Some(Self {
            status: answer.status,
            problem_type,
            slug,
            title: match problem_type {
                Some(known) => known.title().to_owned(),
                None => title.unwrap_or_else(|| answer.status.to_string()),
            },
            detail: detail.filter(|detail| !detail.is_empty()),
            extensions: members,
            retry_after: retry_after(&answer.headers),
            request_id: field(crate::edge::X_REQUEST_ID).map(bounded),
        })
    }
}

impl fmt::Display for ProblemAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(&self.title))?;
        match &self.detail {
            Some(detail) => write!(f, ": {}", Escaped(detail)),
            None => Ok(()),
        }
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(ProblemAnswer::MAX_TEXT).collect()
}

/// `<origin>/problems/<slug>`.
fn slug(uri: &str) -> Option<&str> {
    let (_, slug) = uri.rsplit_once("/problems/")?;
    let ours = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (!slug.is_empty() && slug.len() <= 64 && slug.bytes().all(ours)).then_some(slug)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::Problem;
    use http::{HeaderMap, header};

    use super::*;

    fn answer(body: impl Into<bytes::Bytes>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            "Application/Problem+JSON; charset=utf-8".parse().unwrap(),
        );
        headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
        headers.insert("x-request-id", "00ff".parse().unwrap());
        Answer { status: StatusCode::FORBIDDEN, headers, body: body.into() }
    }

    #[test]
    fn our_own_documents_come_back() {
        let origin = "https://localhost:3141".parse().unwrap();
        let problem = Problem::new(ProblemType::CodeExpired, "it was yesterday's").with("n", 1);
        let read = ProblemAnswer::from_answer(&answer(problem.to_json(&origin))).unwrap();
        assert_eq!(read.problem_type, Some(ProblemType::CodeExpired));
        assert_eq!(read.slug.as_deref(), Some("code-expired"));
        assert_eq!(read.extensions["n"], 1);
        assert_eq!(read.extensions.len(), 1);
        assert_eq!((read.retry_after, read.request_id.as_deref()), (Some(7), Some("00ff")));
        assert_eq!(
            read.to_string(),
            format!("{}: it was yesterday's", ProblemType::CodeExpired.title())
        );
    }

    #[test]
    fn text_of_strangers_is_bounded_and_escaped() {
        let body = serde_json::json!({
            "type": "https://x/problems/../../etc", "title": "\u{1b}[31m", "detail": "x".repeat(9999),
        });
        let read = ProblemAnswer::from_answer(&answer(body.to_string())).unwrap();
        assert_eq!((read.problem_type, read.slug.as_deref()), (None, None));
        assert_eq!(read.detail.as_ref().unwrap().len(), ProblemAnswer::MAX_TEXT);
        assert!(!read.to_string().contains('\u{1b}'));
    }

    #[test]
    fn what_is_no_document_is_none() {
        for body in ["", "[]", "null", "{", r#"{"type":1,"type":2}"#] {
            assert_eq!(ProblemAnswer::from_answer(&answer(body)), None, "{body:?}");
        }
        let mut html = answer("{}");
        html.headers.insert(header::CONTENT_TYPE, "text/html".parse().unwrap());
        assert_eq!(ProblemAnswer::from_answer(&html), None);
    }

    #[test]
    fn an_unknown_type_keeps_its_slug_and_title() {
        let body = r#"{"type":"https://x/problems/brand-new","title":"New","detail":""}"#;
        let read = ProblemAnswer::from_answer(&answer(body)).unwrap();
        assert_eq!((read.problem_type, read.slug.as_deref()), (None, Some("brand-new")));
        assert_eq!(read.to_string(), "New");
        let bare = ProblemAnswer::from_answer(&answer("{}")).unwrap();
        assert_eq!(bare.title, "403 Forbidden");
    }
}
