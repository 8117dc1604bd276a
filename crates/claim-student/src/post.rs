//! One JSON message to Blackboard and its answer, without belief in the answer yet.

use claim_core::json;
use claim_core::messages::JSON;
use claim_http::{Answer, ProblemAnswer, ReachError, retry_after, send};
use http::{StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest answer that is read, in bytes.
pub(crate) const MAX_ANSWER: usize = 64 * 1024;

/// Why there is no answer of the expected kind.
#[derive(Debug)]
pub(crate) enum PostError {
    Reach(ReachError),
    Problem(Box<ProblemAnswer>),
    Foreign { status: StatusCode, defect: String, retry_after: Option<u64> },
    Unsendable(serde_json::Error),
}

/// Posts a message of steps 3 and 5, whose answer is `201` with JSON.
pub(crate) async fn post<A: DeserializeOwned>(
    client: &reqwest::Client,
    url: String,
    message: &impl Serialize,
) -> Result<A, PostError> {
    let body = serde_json::to_vec(message).map_err(PostError::Unsendable)?;
    let request = client.post(url).header(header::CONTENT_TYPE, JSON).body(body);
    let answer = send(request, MAX_ANSWER).await.map_err(PostError::Reach)?;
    if answer.status == StatusCode::CREATED && answer.media_type() == JSON {
        return json::from_slice(&answer.body).map_err(|error| PostError::Foreign {
            status: answer.status,
            retry_after: None,
            defect: format!("the message is not in the form of the protocol: {error}"),
        });
    }
    match ProblemAnswer::from_answer(&answer) {
        Some(problem) => Err(PostError::Problem(Box::new(problem))),
        None => Err(PostError::Foreign {
            status: answer.status,
            defect: content_of(&answer),
            retry_after: retry_after(&answer.headers),
        }),
    }
}

/// What kind of content an answer has, in words.
pub(crate) fn content_of(answer: &Answer) -> String {
    match answer.media_type().as_str() {
        "" => "no content type".to_owned(),
        media_type => format!("content of type {media_type}"),
    }
}
