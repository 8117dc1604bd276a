//! What holders revoke of their own: `/revocations`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use claim_core::messages::JSON;
use claim_core::revoking::{REVOCATIONS, RevocationAnswer, RevocationRequest};
use claim_core::{Problem, ProblemType, json};
use claim_http::{ConnectionInfo, KnownAs, Standing, read_body};
use http::{HeaderMap, header};
use tracing::Instrument;

use crate::credentials::Credentials;
use crate::own_revocation::{Owner, revoke};
use crate::state::Cuhk;

/// The longest request, in bytes.
const MAX_REQUEST: usize = 4096;

pub(super) fn routes() -> Router<Arc<Cuhk>> {
    Router::new().route(REVOCATIONS, post(revoke_own))
}

/// Revokes certificates of whoever asks: known by an id and an open code where these are sent, else by the certificate of
/// the TLS handshake.
async fn revoke_own(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let (mut known_as, mut by) = (None, None);
    let result = async {
        // To its end, even of somebody who will be refused, as at enrolment.
        let content = read_body(&parts.headers, body, MAX_REQUEST, cuhk.body_read_timeout).await;
        let now = cuhk.desk.clock.now();
        let owner = if parts.headers.contains_key(header::AUTHORIZATION) {
            Standing::admit(&parts.extensions)?;
            let credentials = Credentials::from_headers(&parts.headers);
            let peer = connection.peer.ip();
            Owner::by_code(&cuhk, credentials.as_ref(), peer, now, &mut by).await?
        } else {
            let chain = connection.client_chain.as_deref().unwrap_or_default();
            let owner = Owner::by_certificate(&cuhk, chain, now, &mut by).await;
            if owner.is_err() {
                Standing::admit(&parts.extensions)?;
            }
            owner?
        };
        known_as = Some(KnownAs(owner.id.to_string().into()));
        check_content_type(&parts.headers)?;
        let request: RevocationRequest = json::from_slice(&content?)
            .map_err(|error| Problem::new(ProblemType::MalformedRequest, error))?;
        // In a task of its own: a client that goes away must not stop what has begun half-way.
        let (cuhk, peer) = (Arc::clone(&cuhk), connection.peer);
        let revoking = async move { revoke(&cuhk, owner, request, peer).await };
        let revoked = tokio::spawn(revoking.in_current_span()).await.map_err(|error| {
            tracing::error!(%error, "revoking failed");
            Problem::new(ProblemType::InternalError, "the certificate could not be revoked")
        })?;
        answer(&revoked?)
    };
    let result = result.await;
    let mut response = cuhk.answer_to(by, connection.peer, result);
    if let Some(known_as) = known_as {
        response.extensions_mut().insert(known_as);
    }
    response
}

fn answer(revoked: &RevocationAnswer) -> Result<Response, Problem> {
    let content = serde_json::to_vec(revoked).map_err(|error| {
        tracing::error!(%error, "the answer cannot be written");
        Problem::new(ProblemType::InternalError, "the answer could not be written")
    })?;
    Ok(([(header::CONTENT_TYPE, JSON)], content).into_response())
}

/// Parameters are ignored, as at enrolment.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(JSON) {
        return Ok(());
    }
    let detail = format!("the Content-Type must be {JSON}");
    Err(Problem::new(ProblemType::UnsupportedMediaType, detail))
}
