//! Enrolment over Secure Transport: `/.well-known/est/` (RFC 7030 as clarified by RFC 8951).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use claim_core::invitation::Invitee;
use claim_core::{Problem, ProblemType};
use claim_http::{BodyError, ConnectionInfo, KnownAs, Standing, read_body};
use claim_store::cuhk::audit::{Authentication, By};
use http::HeaderMap;
use tracing::Instrument;

use crate::credentials::Credentials;
use crate::enrolment::Admitted;
use crate::est::{
    MAX_REQUEST, asked_attributes, certs_only, check_content_type, device, read_request,
};
use crate::renewal::{Known, holder, not_revoked};
use crate::state::{Asked, Cuhk};

pub(super) fn routes() -> Router<Arc<Cuhk>> {
    Router::new()
        .route("/.well-known/est/cacerts", get(ca_certificates))
        .route("/.well-known/est/csrattrs", get(csr_attributes))
        .route("/.well-known/est/simpleenroll", post(simple_enroll))
        .route("/.well-known/est/simplereenroll", post(simple_reenroll))
}

/// The root and the issuing certificates that are valid, the newest first (RFC 7030 §4.1).
async fn ca_certificates(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
) -> Response {
    let authority = cuhk.desk.authority();
    let mut certificates = vec![authority.root_certificate().clone()];
    certificates.extend(authority.issuing_certificates().cloned());
    cuhk.answer(connection.peer, certs_only(&certificates))
}

/// What a certification request should be made of (RFC 7030 §4.5).
async fn csr_attributes(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
) -> Response {
    cuhk.answer(connection.peer, asked_attributes())
}

/// A first certificate, for an id and a one-time code (RFC 7030 §4.2.1, §3.2.3).
async fn simple_enroll(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let credentials = Credentials::from_headers(&parts.headers);
    let by = credentials
        .as_ref()
        .map(|sent| By::known(sent.requester().user_id(), Authentication::Code));
    let result = async {
        let content = content(&cuhk, &parts.headers, body).await;
        Standing::admit(&parts.extensions)?;
        let admitted = Admitted::by_code(&cuhk, credentials, connection.peer.ip()).await?;
        let admitted = admitted.on(device(&parts.headers)?);
        let asked = Asked::ByCode { from_folder: admitted.by_folder_code };
        certify(&cuhk, admitted, asked, &parts.headers, content, connection.peer).await
    };
    let result = result.await;
    cuhk.answer_to(by, connection.peer, result)
}

/// A further certificate, for the holder of one (RFC 7030 §4.2.2, §3.3.2).
async fn simple_reenroll(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let chain = connection.client_chain.as_deref().unwrap_or_default();
    let now = cuhk.desk.clock.now();
    let known = holder(&cuhk.desk.authority(), chain, now, cuhk.renewal_grace);
    let known_as = known.as_ref().ok().map(|known| KnownAs(known.holder.to_string().into()));
    let by = known.as_ref().ok().map(Known::by);
    let result = async {
        let content = content(&cuhk, &parts.headers, body).await;
        if known.is_err() {
            Standing::admit(&parts.extensions)?;
        }
        let known = known?;
        not_revoked(&cuhk, chain).await?;
        let _under_way = match &known.holder {
            Invitee::Person(id) => Some(cuhk.renewals.count(id, now)?),
            Invitee::Server(_) => None,
        };
        let admitted = Admitted::by_certificate(&cuhk, known).await?;
        let admitted = admitted.on(device(&parts.headers)?);
        certify(&cuhk, admitted, Asked::ByCertificate, &parts.headers, content, connection.peer)
            .await
    };
    let result = result.await;
    let mut response = cuhk.answer_to(by, connection.peer, result);
    if let Some(known_as) = known_as {
        response.extensions_mut().insert(known_as);
    }
    response
}

/// Reads the content to its end, even of somebody who will be refused: `curl` does not show an answer over HTTP/2
/// that comes while it still sends.
async fn content(cuhk: &Cuhk, headers: &HeaderMap, body: Body) -> Result<Bytes, BodyError> {
    read_body(headers, body, MAX_REQUEST, cuhk.body_read_timeout).await
}

/// Reads the certification request and makes the certificate.
async fn certify(
    cuhk: &Arc<Cuhk>,
    admitted: Admitted,
    asked: Asked,
    headers: &HeaderMap,
    content: Result<Bytes, BodyError>,
    peer: SocketAddr,
) -> Result<Response, Problem> {
    check_content_type(headers)?;
    let order = admitted.order(&read_request(&content?)?)?;
    let holder = order.holder.to_string();
    // In a task of its own: a client that goes away must not stop what has begun half-way.
    let making = {
        let cuhk = Arc::clone(cuhk);
        async move { cuhk.certify(order, asked, peer).await }
    };
    let made = tokio::spawn(making.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "making a certificate failed");
        Problem::new(ProblemType::InternalError, "the certificate could not be made")
    })?;
    // RFC 7030 §4.2.3: "only the certificate that was issued".
    let mut response = certs_only(&[made?])?;
    response.extensions_mut().insert(KnownAs(holder.into()));
    Ok(response)
}
