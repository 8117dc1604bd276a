//! The log, for everybody (PROTOCOL.md §10): static, cacheable, without anything personal.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use claim_core::{Problem, ProblemType};
use claim_http::ConnectionInfo;
use claim_log::Resource;
use http::header;

use super::refused;
use crate::blackboard::Blackboard;
use crate::error;

/// `GET /log/…`.
pub(crate) async fn file(
    State(blackboard): State<Arc<Blackboard>>,
    Extension(info): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let path = request.uri().path().strip_prefix("/log/").unwrap_or_default();
    match read(&blackboard, path).await {
        Ok((resource, content)) => {
            let (media_type, cache) = match resource {
                Resource::Checkpoint => ("text/plain; charset=utf-8", "no-cache"),
                _ => ("application/octet-stream", "public, max-age=31536000, immutable"),
            };
            let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, cache)];
            (headers, content).into_response()
        }
        Err(problem) => refused(&blackboard, (&info).into(), None, &problem),
    }
}

async fn read(blackboard: &Blackboard, path: &str) -> Result<(Resource, Bytes), Problem> {
    let nothing = || Problem::new(ProblemType::NotFound, "the log has no such file");
    let resource: Resource = path.parse().map_err(|_| nothing())?;
    let content = match resource {
        // From the database: the last one whose tiles are all written, at whichever replica.
        Resource::Checkpoint => {
            let head = blackboard.store.log_head().await.map_err(|error| error::storage(&error))?;
            head.map(|head| Bytes::from(head.checkpoint))
        }
        _ => blackboard.log.read(&resource).await.map_err(|error| error::objects(&error))?,
    };
    Ok((resource, content.ok_or_else(nothing)?))
}
