//! The body of a request, within a budget of bytes and time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use claim_core::{Problem, ProblemType};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Why a body was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is, or says that it is, larger than the route takes.
    #[error("the content is larger than {max} bytes")]
    TooLarge {
        /// The route's budget in bytes.
        max: usize,
    },
    /// It did not arrive in time.
    #[error("the content did not arrive within {} seconds", within.as_secs_f64())]
    TooSlow {
        /// The budget.
        within: Duration,
    },
    /// The connection broke, or the framing is wrong.
    #[error("the content ended early")]
    Broken,
    /// A content coding, which the protocol does not use.
    #[error("the content has a Content-Encoding; the protocol uses none")]
    Encoded,
}

/// Reads a whole body of at most `max` bytes.
///
/// Content codings are refused (RFC 9110 §8.4): what is signed is what arrives, and a small
/// message that unfolds into a large one would have no budget.
///
/// # Errors
/// [`BodyError`]; it turns into the fitting [`Problem`].
pub async fn read_body(
    headers: &HeaderMap,
    body: Body,
    max: usize,
    within: Duration,
) -> Result<Bytes, BodyError> {
    let encoded = |value: &http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(encoded) {
        return Err(BodyError::Encoded);
    }
    // Refused by its own word before a byte of it is read.
    if hyper::body::Body::size_hint(&body).lower() > max as u64 {
        return Err(BodyError::TooLarge { max });
    }
    match tokio::time::timeout(within, Limited::new(body, max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge { max }),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TooSlow { within }),
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let problem_type = match error {
            BodyError::TooLarge { .. } => ProblemType::ContentTooLarge,
            BodyError::TooSlow { .. } => ProblemType::RequestTimeout,
            BodyError::Broken => ProblemType::MalformedRequest,
            BodyError::Encoded => ProblemType::UnsupportedMediaType,
        };
        Self::new(problem_type, error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use futures_util::stream;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn pieces(pieces: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(pieces.iter().copied().map(Ok::<_, std::io::Error>)))
    }

    #[tokio::test]
    async fn the_budget_is_inclusive() {
        let headers = HeaderMap::new();
        for body in [Body::from("abcd"), pieces(&["ab", "cd"])] {
            assert_eq!(read_body(&headers, body, 4, LONG).await.unwrap(), "abcd");
        }
        for body in [Body::from("abcde"), pieces(&["ab", "cde"])] {
            assert_eq!(
                read_body(&headers, body, 4, LONG).await.unwrap_err(),
                BodyError::TooLarge { max: 4 }
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_too_slow() {
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let within = Duration::from_secs(30);
        assert_eq!(
            read_body(&HeaderMap::new(), body, 4, within).await.unwrap_err(),
            BodyError::TooSlow { within }
        );
    }

    #[tokio::test]
    async fn a_broken_body_is_told_apart() {
        let body = Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::from(
            std::io::ErrorKind::ConnectionReset,
        ))]));
        assert_eq!(
            read_body(&HeaderMap::new(), body, 4, LONG).await.unwrap_err(),
            BodyError::Broken
        );
    }

    #[tokio::test]
    async fn content_codings_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "Identity".parse().unwrap());
        assert!(read_body(&headers, Body::from("a"), 4, LONG).await.is_ok());
        headers.append(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(
            read_body(&headers, Body::from("a"), 4, LONG).await.unwrap_err(),
            BodyError::Encoded
        );
    }
}
