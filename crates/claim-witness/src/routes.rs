//! The witness: `/witness/` (C2SP tlog-witness v1.0.0).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use claim_core::{Problem, ProblemType};
use claim_http::{ConnectionInfo, read_body};
use claim_log::witness::MAX_REQUEST_LENGTH;
use claim_store::DiskFault;
use http::{StatusCode, header};
use tracing::Instrument;

use crate::add_checkpoint::{Reply, add_checkpoint};
use crate::host::Host;

/// The addresses of a witness.
pub fn routes<H: Host>() -> Router<Arc<H>> {
    Router::new()
        .route("/witness/add-checkpoint", post(add::<H>))
        .route("/witness/certificate", get(certificate::<H>))
}

/// Cosigns a checkpoint, if it may.
async fn add<H: Host>(
    State(host): State<Arc<H>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let body = read_body(&parts.headers, body, MAX_REQUEST_LENGTH, host.body_timeout()).await?;
        // In a task of its own: a client that goes away must not stop what has begun half-way.
        let adding = {
            let host = Arc::clone(&host);
            async move { add_checkpoint(&*host, &body).await }
        };
        let added = tokio::spawn(adding.in_current_span()).await.map_err(|error| {
            tracing::error!(%error, "adding a checkpoint failed");
            Problem::new(ProblemType::InternalError, "the checkpoint could not be looked at")
        })?;
        added.map(response).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "no checkpoint was added");
            let problem_type = match error.disk_fault() {
                Some(DiskFault::NoRoom) => ProblemType::StorageFull,
                Some(DiskFault::Failing) | None => ProblemType::StorageUnavailable,
            };
            Problem::new(problem_type, "the checkpoint was not cosigned")
        })
    };
    let result = result.await;
    host.answer(connection.peer, result)
}

/// The witness's certificate in PEM.
async fn certificate<H: Host>(State(host): State<Arc<H>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/x-pem-file")];
    (headers, host.witness().certificate().to_pem()).into_response()
}

fn response(Reply { status, content_type, body }: Reply) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [(header::CONTENT_TYPE, content_type)];
    (status, headers, Body::from(body)).into_response()
}
