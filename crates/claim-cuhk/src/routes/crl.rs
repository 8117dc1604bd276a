//! Revocation lists: `/crl/` (RFC 5280 §4.2.1.13, RFC 2585 §4.2).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use claim_core::{Problem, ProblemType};
use claim_http::ConnectionInfo;
use http::header;

use crate::enrolment::storage;
use crate::state::Cuhk;

pub(super) fn routes() -> Router<Arc<Cuhk>> {
    Router::new().route("/crl/{name}", get(list))
}

/// The last list of an issuer, from the records: whoever revokes beside this process has it served at once.
async fn list(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    Path(name): Path<String>,
) -> Response {
    let result = async {
        let nothing = || Problem::new(ProblemType::NotFound, "there is no such revocation list");
        let issuer = name.strip_suffix(".crl").filter(|hex| is_key_id(hex)).ok_or_else(nothing)?;
        let found = cuhk.desk.store.revocation_list(issuer).await.map_err(storage)?;
        let headers = [
            (header::CONTENT_TYPE, "application/pkix-crl"),
            (header::CACHE_CONTROL, "public, max-age=60"),
        ];
        Ok((headers, found.ok_or_else(nothing)?.list).into_response())
    };
    let result = result.await;
    cuhk.answer(connection.peer, result)
}

/// Forty lower-case hexadecimal digits.
fn is_key_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
