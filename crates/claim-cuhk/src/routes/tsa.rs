//! Timestamps for whom CUHK has enrolled: `/tsa` (RFC 3161 §3.4).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use claim_core::invitation::Invitee;
use claim_core::outage::{QUERY, REPLY, TSA};
use claim_core::{Problem, ProblemType};
use claim_http::{ConnectionInfo, KnownAs, Standing, read_body};
use claim_pki::TimestampRequest;
use http::{HeaderMap, header};

use crate::enrolment::on_record;
use crate::renewal::{Known, holder, not_revoked};
use crate::state::Cuhk;

pub(super) fn routes() -> Router<Arc<Cuhk>> {
    Router::new().route(TSA, post(stamp))
}

/// A timestamp, for the holder of a certificate that is good now.
async fn stamp(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let chain = connection.client_chain.as_deref().unwrap_or_default();
    // Unlike at renewal, there is no grace: whose certificate has ended can sign no claim.
    let known = holder(&cuhk.desk.authority(), chain, cuhk.desk.clock.now(), 0);
    let by = known.as_ref().ok().map(Known::by);
    let person = known.and_then(Known::person);
    let known_as = person.as_ref().ok().map(|id| KnownAs(id.to_string().into()));
    let result = async {
        // To its end, even of somebody who will be refused, as at enrolment.
        let (max, within) = (TimestampRequest::MAX_SIZE, cuhk.body_read_timeout);
        let content = read_body(&parts.headers, body, max, within).await;
        let at = cuhk.desk.clock.now();
        if person.is_err() {
            Standing::admit(&parts.extensions)?;
        }
        let id = person?;
        not_revoked(&cuhk, chain).await?;
        on_record(&cuhk, &Invitee::Person(id.clone())).await?;
        let _under_way = cuhk.rates.count(&id, at)?;
        check_content_type(&parts.headers)?;
        let token = cuhk.timestamps.stamp(&content?, at)?;
        let headers = [(header::CONTENT_TYPE, REPLY)];
        Ok((headers, Body::from(token.der().to_vec())).into_response())
    };
    let result = result.await;
    let mut response = cuhk.answer_to(by, connection.peer, result);
    if let Some(known_as) = known_as {
        response.extensions_mut().insert(known_as);
    }
    response
}

/// Parameters are ignored, as at enrolment.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(QUERY) {
        return Ok(());
    }
    let detail = format!("the Content-Type must be {QUERY}");
    Err(Problem::new(ProblemType::UnsupportedMediaType, detail))
}
