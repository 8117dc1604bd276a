//! Refusals on the wire: `application/problem+json` (RFC 9457).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use claim_core::{Origin, Problem, ProblemType};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The media type of problem documents (RFC 9457 §3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A handler's refusal: `Err(Refusal(problem))`, or `?` on any error that turns into a [`Problem`].
///
/// The server writes the document, as it knows its own origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal(pub Problem);

/// Marks an answer that holds a problem document already, for the counters.
#[derive(Clone, Copy)]
pub(crate) struct Told(pub(crate) ProblemType);

/// Which refusal an answer is, if it is one that a server of ours made.
pub fn problem_type_of(response: &Response) -> Option<ProblemType> {
    let refusal = response.extensions().get().map(|Refusal(problem)| problem.problem_type);
    refusal.or_else(|| response.extensions().get().map(|Told(problem_type)| *problem_type))
}

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(self.0.problem_type);
        response.extensions_mut().insert(self);
        response
    }
}

/// The whole answer to a refused request of the server with this origin: status, headers, document.
///
/// For handlers that must see the bytes, e.g. to sign them; others return a [`Refusal`].
pub fn problem_response(problem: &Problem, origin: &Origin) -> Response {
    let mut response = Response::new(Body::from(problem.to_json(origin)));
    *response.status_mut() = status(problem.problem_type);
    headers(problem, response.headers_mut());
    response.extensions_mut().insert(Told(problem.problem_type));
    response
}

fn status(problem_type: ProblemType) -> StatusCode {
    StatusCode::from_u16(problem_type.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Gives an answer with other content the status of a problem, and the header fields that go with it.
pub(crate) fn problem_head(problem: &Problem, response: &mut Response) {
    *response.status_mut() = status(problem.problem_type);
    demanded(problem, response.headers_mut());
}

/// The media type, and what HTTP demands of a status.
fn headers(problem: &Problem, headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    demanded(problem, headers);
}

/// The headers that HTTP demands of a status.
fn demanded(problem: &Problem, headers: &mut HeaderMap) {
    /// Seconds, where the problem does not tell them by a member `retry_after`.
    const RETRY_AFTER: u64 = 5;
    match problem.problem_type.status() {
        // RFC 9110 §15.5.2: a 401 must tell how to authenticate.
        401 => {
            let challenge = HeaderValue::from_static(r#"Basic realm="CUHK", charset="UTF-8""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        429 | 503 | 507 => {
            let member = problem.extensions.get("retry_after");
            let seconds = member.and_then(serde_json::Value::as_u64).unwrap_or(RETRY_AFTER);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn answer(problem: Problem) -> Response {
        problem_response(&problem, &"https://localhost:3141".parse().unwrap())
    }

    #[test]
    fn every_problem_has_its_status_and_media_type() {
        for &problem_type in ProblemType::ALL {
            let response = answer(Problem::new(problem_type, "this time"));
            assert_eq!(response.status().as_u16(), problem_type.status());
            assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        }
    }

    #[test]
    fn an_unauthorized_client_is_told_how_to_authenticate() {
        let response = answer(Problem::new(ProblemType::CodeRefused, ""));
        assert_eq!(
            response.headers()[header::WWW_AUTHENTICATE],
            r#"Basic realm="CUHK", charset="UTF-8""#
        );
    }

    #[test]
    fn whoever_must_wait_is_told_how_long() {
        let full = Problem::new(ProblemType::StorageFull, "").with("retry_after", 20);
        assert_eq!(answer(full).headers()[header::RETRY_AFTER], "20");
        let response = answer(Problem::new(ProblemType::Overloaded, ""));
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        let response =
            answer(Problem::new(ProblemType::StorageUnavailable, "").with("retry_after", 60));
        assert_eq!(response.headers()[header::RETRY_AFTER], "60");
    }
}
