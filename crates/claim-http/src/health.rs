//! The listener for those who run a server: `/healthz`, `/readyz`, `/metrics`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{StatusCode, header};
use tokio::net::TcpListener;

use crate::connection::{Version, serve_connection};
use crate::delays::Delays;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::server::serve;
use crate::turnwise::Newcomer;

/// How long whoever asks about the health of a server that has stopped may still read the answer. Short, for it
/// comes on top of the server's own drain time.
const DRAIN: Duration = Duration::from_secs(1);

/// Serves health and metrics over plain HTTP/1.1 until `shutdown` completes.
///
/// For loopback addresses: it has no access control. `ready` is asked at each `/readyz`
/// and gives the reason when the server should get no requests now.
/// `/healthz` answers as long as the process does.
pub async fn serve_health(
    listeners: Vec<TcpListener>,
    metrics: Metrics,
    ready: impl Fn() -> Result<(), String> + Clone + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) {
    let text = metrics.clone();
    let app = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async move || readiness(ready())))
        .route(
            "/metrics",
            get(async move || ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], text.text())),
        );
    // Its connections are not those of the server, and must not count as such.
    let own = Metrics::new();
    let open = |tcp, info, shared: Arc<_>, newcomer: Newcomer| async move {
        newcomer.enters();
        Some(serve_connection(tcp, Version::Http1, info, &shared))
    };
    let limits = Limits { max_connections: 64, drain_timeout: DRAIN, ..Limits::default() };
    let delays = Arc::new(Delays::new(limits.bearable_wait, own.clone()));
    serve(listeners, app, limits, own, delays, open, shutdown).await;
}

fn readiness(ready: Result<(), String>) -> impl IntoResponse {
    match ready {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}
