//! Signing in: `/v1/sign-ins` for terminals, `/sign-in` for browsers.

mod pages;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use claim_core::encoding::Bytes;
use claim_core::{Problem, ProblemType};
use claim_http::{ConnectionInfo, KnownAs, Standing, read_body};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::est::{certs_only, device};
use crate::sign_in::{Asked, CALLBACK, CONFIRM, LIFE, PAGE, RETRY_AFTER, offered};
use crate::state::Cuhk;

/// The longest content that is read, in bytes: a request for a P-256 key has a few hundred.
const MAX_CONTENT: usize = 8 * 1024;

pub(super) fn routes() -> Router<Arc<Cuhk>> {
    Router::new()
        .route("/v1/sign-ins", post(begin))
        .route("/v1/sign-ins/certificate", post(ask))
        .route(PAGE, get(pages::start).post(pages::typed))
        .route(CALLBACK, get(pages::came_back))
        .route(CONFIRM, get(pages::look).post(pages::decide))
}

/// A terminal leaves its key.
async fn begin(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let content = read_body(&parts.headers, body, MAX_CONTENT, cuhk.body_read_timeout).await;
        Standing::admit(&parts.extensions)?;
        let sign_ins = offered(&cuhk)?;
        check_content_type(&parts.headers, "application/json")?;
        let begun = sign_ins.begin(&cuhk, &content?, connection.peer).await?;
        let document = json!({
            "secret": begun.secret, "code": begun.code, "link": begun.link,
            "expires_at": begun.expires_at, "expires_in": LIFE, "interval": RETRY_AFTER,
        });
        let headers = [(header::CONTENT_TYPE, "application/json")];
        Ok((StatusCode::CREATED, headers, document.to_string()).into_response())
    };
    let result = result.await;
    cuhk.answer(connection.peer, result)
}

/// A terminal asks what became of its key.
async fn ask(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut by = None;
    let result = async {
        let content = read_body(&parts.headers, body, MAX_CONTENT, cuhk.body_read_timeout).await;
        Standing::admit(&parts.extensions)?;
        content?;
        let (secret, device) = (bearer(&parts.headers), device(&parts.headers)?);
        match offered(&cuhk)?.ask(&cuhk, secret, device, connection.peer, &mut by).await? {
            Asked::Waiting { signed_in, expires_at } => {
                let document = json!({ "signed_in": signed_in, "expires_at": expires_at });
                let headers = [
                    (header::CONTENT_TYPE, "application/json".to_owned()),
                    (header::RETRY_AFTER, RETRY_AFTER.to_string()),
                ];
                Ok((StatusCode::ACCEPTED, headers, document.to_string()).into_response())
            }
            Asked::Certified(person, certificate) => {
                let mut response = certs_only(&[*certificate])?;
                response.extensions_mut().insert(KnownAs(person.to_string().into()));
                Ok(response)
            }
        }
    };
    let result = result.await;
    cuhk.answer_to(by, connection.peer, result)
}

/// The one bearer token of a request (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<Bytes<32>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' ').parse().ok()).flatten()
}

/// Parameters are ignored, as at enrolment.
fn check_content_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let detail = format!("the Content-Type must be {expected}");
    Err(Problem::new(ProblemType::UnsupportedMediaType, detail))
}
