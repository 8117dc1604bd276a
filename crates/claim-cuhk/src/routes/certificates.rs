//! What was issued to whoever asks: a person sees each certificate in their name, so that a thief's shows.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use claim_core::certificates::{CERTIFICATES, CertificateList, ListedCertificate};
use claim_core::invitation::Invitee;
use claim_core::messages::JSON;
use claim_core::{PersonId, Problem, ProblemType};
use claim_http::{ConnectionInfo, KnownAs, Standing};
use claim_store::cuhk::Device;
use http::header;

use crate::enrolment::{on_record, storage};
use crate::renewal::{Known, holder, not_revoked};
use crate::state::Cuhk;

/// How long after its end a certificate is still shown, in seconds: a year.
const SHOWN: i64 = 365 * 24 * 3600;

/// The most certificates in one answer, the newest of them.
const MOST_SHOWN: u32 = 200;

pub(super) fn routes() -> Router<Arc<Cuhk>> {
    Router::new().route(CERTIFICATES, get(list))
}

/// The certificates of the person who shows one of them; by the same rules as at renewal.
async fn list(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let chain = connection.client_chain.as_deref().unwrap_or_default();
    let now = cuhk.desk.clock.now();
    let known = holder(&cuhk.desk.authority(), chain, now, cuhk.renewal_grace);
    let by = known.as_ref().ok().map(Known::by);
    let person = known.and_then(Known::person);
    let known_as = person.as_ref().ok().map(|id| KnownAs(id.to_string().into()));
    let result = async {
        if person.is_err() {
            Standing::admit(&parts.extensions)?;
        }
        let id = person?;
        not_revoked(&cuhk, chain).await?;
        on_record(&cuhk, &Invitee::Person(id.clone())).await?;
        answer(&certificates(&cuhk, &id).await?)
    };
    let result = result.await;
    let mut response = cuhk.answer_to(by, connection.peer, result);
    if let Some(known_as) = known_as {
        response.extensions_mut().insert(known_as);
    }
    response
}

fn answer(list: &CertificateList) -> Result<Response, Problem> {
    let body = serde_json::to_vec(list).map_err(|error| {
        tracing::error!(%error, "a list of certificates could not be encoded");
        Problem::new(ProblemType::InternalError, "the answer could not be encoded")
    })?;
    Ok(([(header::CONTENT_TYPE, JSON)], body).into_response())
}

async fn certificates(cuhk: &Cuhk, id: &PersonId) -> Result<CertificateList, Problem> {
    let from = cuhk.desk.clock.now().plus_seconds(-SHOWN);
    let devices = cuhk.desk.store.devices(id, from, MOST_SHOWN).await.map_err(storage)?;
    let limit = cuhk.most_live(&Invitee::Person(id.clone())).map(std::num::NonZeroU32::get);
    Ok(CertificateList { limit, certificates: devices.into_iter().map(listed).collect() })
}

fn listed(device: Device) -> ListedCertificate {
    let Device { serial, issued_at, not_after, provenance, revoked, renewed_by } = device;
    ListedCertificate {
        serial,
        device: provenance.device,
        authenticated_by: provenance.authenticated_by.map(|by| by.name().to_owned()),
        issued_at,
        not_after,
        predecessor: provenance.predecessor,
        renewed_by,
        revoked_at: revoked.map(|(at, _)| at),
        revocation_reason: revoked.map(|(_, reason)| reason.as_str().to_owned()),
    }
}
