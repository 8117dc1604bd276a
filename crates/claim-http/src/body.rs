//! The body of a request, within a budget of bytes and time.

use std::mem;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use claim_core::{Problem, ProblemType};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// From this size on, in bytes, what arrives at once is kept as it is; smaller pieces are put together, as each costs
/// some memory of its own and the other side chooses how many there are.
const LARGE: usize = 4 * 1024;

/// The content of a request, in the pieces in which it arrived: to join megabytes would be to copy them.
#[derive(Debug, Default)]
pub struct Content {
    parts: Vec<Bytes>,
    /// What came after the last of these in pieces that were too small.
    rest: BytesMut,
}

impl Content {
    /// In one piece.
    pub fn into_bytes(self) -> Bytes {
        let mut parts = self.into_parts();
        match parts.len() {
            0 => Bytes::new(),
            1 => parts.swap_remove(0),
            _ => parts.concat().into(),
        }
    }

    /// In pieces, in their order.
    pub fn into_parts(mut self) -> Vec<Bytes> {
        self.keep_rest();
        self.parts
    }

    fn push(&mut self, data: Bytes) {
        if data.len() < LARGE {
            self.rest.extend_from_slice(&data);
        } else {
            self.keep_rest();
            self.parts.push(data);
        }
    }

    fn keep_rest(&mut self) {
        if !self.rest.is_empty() {
            self.parts.push(mem::take(&mut self.rest).freeze());
        }
    }
}

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
    read_content(headers, body, max, within, |_| {}).await.map(Content::into_bytes)
}

/// The same, in the pieces in which it arrives; each is shown to `see` as it does.
///
/// # Errors
/// As [`read_body`].
pub async fn read_content(
    headers: &HeaderMap,
    body: Body,
    max: usize,
    within: Duration,
    see: impl FnMut(&[u8]),
) -> Result<Content, BodyError> {
    let encoded = |value: &http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(encoded) {
        return Err(BodyError::Encoded);
    }
    // Refused by its own word before a byte of it is read.
    if hyper::body::Body::size_hint(&body).lower() > max as u64 {
        return Err(BodyError::TooLarge { max });
    }
    let reading = collect(Limited::new(body, max), see);
    match tokio::time::timeout(within, reading).await {
        Ok(Ok(content)) => Ok(content),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge { max }),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TooSlow { within }),
    }
}

async fn collect(
    body: Limited<Body>,
    mut see: impl FnMut(&[u8]),
) -> Result<Content, <Limited<Body> as hyper::body::Body>::Error> {
    let mut body = pin!(body);
    let mut content = Content::default();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing here.
        if let Ok(data) = frame?.into_data() {
            see(&data);
            content.push(data);
        }
    }
    Ok(content)
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
    async fn content_is_the_same_however_it_arrives() {
        let (large, small) = ([1; LARGE], [2; 100]);
        for sent in [
            vec![],
            vec![&small[..]],
            vec![&small[..], &small[..]],
            vec![&large[..]],
            vec![&small[..], &small[..], &large[..], &large[..], &small[..]],
        ] {
            let frames: Vec<_> = sent.iter().map(|part| Bytes::copy_from_slice(part)).collect();
            let body = || {
                Body::from_stream(stream::iter(
                    frames.clone().into_iter().map(Ok::<_, std::io::Error>),
                ))
            };
            let headers = HeaderMap::new();
            let mut seen = Vec::new();
            let see = |data: &[u8]| seen.extend_from_slice(data);
            let content = read_content(&headers, body(), 1 << 20, LONG, see).await.unwrap();
            let parts = content.into_parts();
            assert_eq!(parts.concat(), sent.concat());
            assert_eq!(seen, sent.concat());
            assert_eq!(read_body(&headers, body(), 1 << 20, LONG).await.unwrap(), sent.concat());
        }
    }

    #[tokio::test]
    async fn small_pieces_are_put_together() {
        let one_by_one = stream::iter((0..10_000).map(|_| Ok::<_, std::io::Error>("a")));
        let body = Body::from_stream(one_by_one);
        let content = read_content(&HeaderMap::new(), body, 10_000, LONG, |_| {}).await.unwrap();
        assert_eq!(content.into_parts().len(), 1);
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
