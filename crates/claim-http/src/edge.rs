//! What surrounds every handler: request id, time, counters, security headers, problem documents.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use claim_core::{Origin, Problem, ProblemType};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, StatusCode, Version, header};
use tracing::Instrument;

use crate::connection::ConnectionInfo;
use crate::metrics::Metrics;
use crate::problem::{Refusal, Told, problem_response};

/// The request's id in the answer, and in the log.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the server gave a request; every request carries it as an `Extension`.
///
/// What a client sends under the same name is not looked at: it could be made to look like another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Sixteen hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who made a request, in one word, once that was proved; a handler puts it among the extensions of its answer, and
/// the log has it. A refusal of such a request does not count against the address that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAs(pub Arc<str>);

/// Puts around all routes, and around what is no route, what [`crate::Server`] puts there by itself: request
/// ids, counters, security headers, problem documents, the answer to a panic.
///
/// For tests that call the routes without a server.
pub fn with_edge(app: Router, origin: Origin, metrics: Metrics) -> Router {
    // Sequential from a random start: unique within a run, and not the same after a restart.
    let start = RandomState::new().build_hasher().finish();
    let edge = Edge { origin, metrics, next_id: AtomicU64::new(start) };
    app.layer(from_fn_with_state(Arc::new(edge), surround))
}

struct Edge {
    origin: Origin,
    metrics: Metrics,
    next_id: AtomicU64,
}

async fn surround(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let _under_way = edge.metrics.request_begins();
    let id = format!("{:016x}", edge.next_id.fetch_add(1, Ordering::Relaxed));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    // The path itself is a stranger's text and stays out of the log.
    let connection = request.extensions().get::<ConnectionInfo>().map(|info| info.id);
    let method = method(&request);
    let span = tracing::info_span!("request", request = id, connection, method, route);
    request.extensions_mut().insert(RequestId(id.as_str().into()));

    let handle = async {
        match one_host(&request) {
            Ok(()) => next.run(request).await,
            Err(problem) => Refusal(problem).into_response(),
        }
    };
    // A handler that panics holds nothing that outlives it: what is shared is behind locks,
    // and what counts is in transactions.
    let handled = AssertUnwindSafe(handle).catch_unwind();
    let mut response = async {
        let response = handled.await.unwrap_or_else(|panic| {
            tracing::error!(panic = panic_message(&*panic), "a handler panicked");
            let detail = format!("the request was {id}");
            Refusal(Problem::new(ProblemType::InternalError, detail)).into_response()
        });
        edge.with_problem(response)
    }
    .instrument(span)
    .await;
    let status = response.status().as_u16();
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    let who = response.extensions().get::<KnownAs>().map(|KnownAs(who)| &**who);
    // Outside of the span, whose fields would double these.
    macro_rules! answered {
        ($log:ident) => {
            tracing::$log!(
                request = id,
                connection,
                method,
                route,
                status,
                milliseconds,
                who,
                "answered"
            )
        };
    }
    // Whom a flood keeps waiting, a warning for each would fill the log.
    let is_busy = matches!(response.extensions().get(), Some(Told(ProblemType::Overloaded)));
    if status >= 500 && !is_busy {
        answered!(warn)
    } else {
        answered!(info)
    }

    if let Some(Told(problem_type)) = response.extensions().get() {
        edge.metrics.problem(*problem_type);
    }
    edge.metrics.request(route, response.status(), began.elapsed());
    secure(&mut response, &id);
    response
}

/// "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host
/// header field and to any request message that contains more than one Host header field line" (RFC 9112 §3.2):
/// two readers could take it for two servers.
fn one_host(request: &Request) -> Result<(), Problem> {
    let found = request.headers().get_all(header::HOST).iter().count();
    if found > 1 || (found == 0 && request.version() == Version::HTTP_11) {
        let detail = format!("there are {found} Host header fields; there must be one");
        return Err(Problem::new(ProblemType::MalformedRequest, detail));
    }
    Ok(())
}

impl Edge {
    /// Writes the document of a [`Refusal`], and of axum's own bare 404 and 405.
    fn with_problem(&self, mut response: Response) -> Response {
        if let Some(Refusal(problem)) = response.extensions_mut().remove() {
            let mut refused = problem_response(&problem, &self.origin);
            if let Some(known) = response.extensions_mut().remove::<KnownAs>() {
                refused.extensions_mut().insert(known);
            }
            return refused;
        }
        if response.extensions().get::<Told>().is_some()
            || response.headers().contains_key(header::CONTENT_TYPE)
        {
            return response;
        }
        match response.status() {
            StatusCode::NOT_FOUND => problem_response(
                &Problem::new(ProblemType::NotFound, "no such address on this server"),
                &self.origin,
            ),
            StatusCode::METHOD_NOT_ALLOWED => {
                let detail = "the header Allow names the methods of this address";
                let problem = Problem::new(ProblemType::MethodNotAllowed, detail);
                let allow = response.headers_mut().remove(header::ALLOW);
                let mut response = problem_response(&problem, &self.origin);
                // RFC 9110 §15.5.6: a 405 must name the methods. For routes axum adds the header
                // further out, unless there is one already.
                if let Some(allow) = allow {
                    response.headers_mut().insert(header::ALLOW, allow);
                }
                response
            }
            _ => response,
        }
    }
}

/// A known method's name; others are text of strangers.
fn method(request: &Request) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    let sent = request.method().as_str();
    KNOWN.into_iter().find(|known| *known == sent).unwrap_or("other")
}

/// Headers that keep a browser from making more of an answer than it is.
fn secure(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::REFERRER_POLICY, "no-referrer");
    default(header::CACHE_CONTROL, "no-store");
    default(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, id);
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)")
}
