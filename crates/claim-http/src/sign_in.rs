//! The client's requests of enrolment by single sign-on (docs/PROTOCOL.md): a key is left, and asked for.

use std::time::Duration;

use claim_core::encoding::base64;
use claim_core::{DeviceName, Origin, PersonId, Timestamp, json};
use claim_pki::Certificate;
use http::{StatusCode, header};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::client::{Answer, retry_after, send};
use crate::est::{EstError, MAX_ANSWER, one_certificate};
use crate::problem_answer::ProblemAnswer;

/// The shortest and the longest pause between two questions that a server's word is taken for, in seconds.
const PAUSES: (u64, u64) = (1, 60);

/// A key waits for its person.
pub struct SignInBegun {
    secret: Zeroizing<String>,
    /// What the person types in the browser.
    pub code: String,
    /// The page where the person types it.
    pub link: String,
    /// Until when, by the server's clock.
    pub expires_at: Timestamp,
    /// How long that is from now.
    pub expires_in: Duration,
    /// How long to wait before the first question.
    pub interval: Duration,
}

/// What became of a key.
#[derive(Debug)]
pub enum SignInAnswer {
    /// Nothing yet.
    Waiting {
        /// Whether the person is signed in, and has not decided.
        signed_in: bool,
        /// How long to wait before the next question.
        pause: Duration,
    },
    /// The person has confirmed it: its certificate.
    Certified(Box<Certificate>),
}

#[derive(Deserialize)]
struct Begun {
    secret: String,
    code: String,
    link: String,
    expires_at: Timestamp,
    expires_in: u64,
    interval: u64,
}

#[derive(Deserialize)]
struct Waiting {
    signed_in: bool,
}

/// Leaves a key that is to wait for this person: `POST /v1/sign-ins`.
///
/// # Errors
/// [`EstError`].
pub async fn begin_sign_in(
    client: &reqwest::Client,
    cuhk: &Origin,
    id: &PersonId,
    certification_request: &[u8],
) -> Result<SignInBegun, EstError> {
    let document =
        serde_json::json!({ "id": id, "request": base64(certification_request) }).to_string();
    let request = client
        .post(cuhk.join("/v1/sign-ins"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(document);
    let answer = send(request, MAX_ANSWER).await?;
    let begun: Option<Begun> = document_of(&answer, StatusCode::CREATED);
    let begun = begun.filter(|begun| is_shown(&begun.code) && is_shown(&begun.link));
    let Some(Begun { secret, code, link, expires_at, expires_in, interval }) = begun else {
        return Err(refused(&answer));
    };
    Ok(SignInBegun {
        secret: Zeroizing::new(secret),
        code,
        link,
        expires_at,
        expires_in: Duration::from_secs(expires_in),
        interval: pause(Some(interval)),
    })
}

/// Asks what became of it: `POST /v1/sign-ins/certificate`. Safe to repeat. A certificate that is made on it is for the
/// device of this name.
///
/// # Errors
/// [`EstError`].
pub async fn ask_sign_in(
    client: &reqwest::Client,
    cuhk: &Origin,
    begun: &SignInBegun,
    device: Option<&DeviceName>,
) -> Result<SignInAnswer, EstError> {
    let request =
        client.post(cuhk.join("/v1/sign-ins/certificate")).bearer_auth(begun.secret.as_str());
    let request = match device {
        Some(device) => request.header(DeviceName::HEADER, device.as_str()),
        None => request,
    };
    let answer = send(request, MAX_ANSWER).await?;
    match document_of::<Waiting>(&answer, StatusCode::ACCEPTED) {
        Some(Waiting { signed_in }) => {
            Ok(SignInAnswer::Waiting { signed_in, pause: pause(retry_after(&answer.headers)) })
        }
        None => Ok(SignInAnswer::Certified(Box::new(one_certificate(answer)?))),
    }
}

/// A document that came with this status.
fn document_of<T: serde::de::DeserializeOwned>(answer: &Answer, status: StatusCode) -> Option<T> {
    let is_one = answer.status == status && answer.media_type() == "application/json";
    is_one.then(|| json::from_slice(&answer.body).ok()).flatten()
}

fn refused(answer: &Answer) -> EstError {
    match ProblemAnswer::from_answer(answer) {
        Some(problem) => EstError::Refused(Box::new(problem)),
        None => EstError::NotEst { status: answer.status, media_type: answer.media_type() },
    }
}

/// Whether a text of the server may stand in a terminal as it is.
fn is_shown(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn pause(seconds: Option<u64>) -> Duration {
    Duration::from_secs(seconds.unwrap_or(5).clamp(PAUSES.0, PAUSES.1))
}
