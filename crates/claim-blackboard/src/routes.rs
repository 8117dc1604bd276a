//! The addresses of Blackboard.

mod changes;
mod claims;
mod courses;
mod events;
mod log;
mod messages;
mod pages;
mod sessions;
mod urgency;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use claim_core::outage::OUTAGES;
use claim_core::{PersonId, Problem, ProblemType};
use claim_http::{ConnectionInfo, problem_pages, problem_response};
use http::{HeaderValue, header};

use crate::authenticated;
use crate::blackboard::Blackboard;
use crate::event::Event;

pub(crate) use courses::Page;
pub(crate) use urgency::urgency;

/// All addresses.
pub(crate) fn router(blackboard: Arc<Blackboard>) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/v1/challenges", post(sessions::challenge).fallback(wrong_method))
        .route("/v1/sessions", post(sessions::open).fallback(wrong_method))
        .route("/v1/messages", post(messages::keep).fallback(wrong_method))
        .route("/v1/assignments", get(claims::assignments).fallback(only_get))
        .route("/v1/claims", post(claims::lodge).fallback(wrong_method))
        .route(OUTAGES, post(claims::lodge_stamped).fallback(wrong_method))
        .route("/v1/claims/{id}", get(claims::state).fallback(only_get))
        .route("/v1/claims/{id}/receipt", get(claims::receipt).fallback(only_get))
        .route("/v1/claims/{id}/withdrawal", post(claims::withdraw).fallback(wrong_method))
        .route(
            "/v1/claims/{id}/files/{file}/{index}",
            get(claims::get_piece).put(claims::put_piece).fallback(only_get_and_put),
        )
        .route("/v1/courses", get(courses::list).fallback(only_get))
        .route("/v1/courses/{course}", get(courses::show).fallback(only_get))
        .route("/v1/courses/{course}/members", get(courses::members).fallback(only_get))
        .route("/v1/courses/{course}/events", get(events::of_course).fallback(only_get))
        .route("/v1/changes", get(changes::own).fallback(only_get))
        .route(
            "/v1/courses/{course}/changes",
            get(changes::of_course).post(courses::change).fallback(only_get_and_post),
        )
        .route(
            "/v1/courses/{course}/assignments/{assignment}/hand-ins",
            get(courses::hand_ins).fallback(only_get),
        )
        .route(
            "/v1/courses/{course}/assignments/{assignment}/students/{sid}",
            get(courses::student_view).fallback(only_get),
        )
        .route("/log/{*path}", get(log::file))
        .merge(problem_pages())
        .fallback(nothing_here)
        .with_state(blackboard)
}

/// The address that a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl From<&ConnectionInfo> for Peer {
    fn from(info: &ConnectionInfo) -> Self {
        Self(info.peer)
    }
}

/// The whole answer to a refused request, unsigned; and somebody is told.
pub(crate) fn refused(
    blackboard: &Blackboard,
    peer: Peer,
    id: Option<PersonId>,
    problem: &Problem,
) -> Response {
    // A flood that is turned away must not flood the terminal and the log; it is counted.
    if problem.problem_type != ProblemType::TooManyRefusals {
        blackboard.tell(Event::Refused {
            problem_type: problem.problem_type,
            detail: problem.detail.clone(),
            id,
            peer: peer.0,
        });
    }
    problem_response(problem, &blackboard.origin)
}

async fn nothing_here(
    State(blackboard): State<Arc<Blackboard>>,
    Extension(info): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let problem = Problem::new(ProblemType::NotFound, "no such address on this server");
    authenticated::refuse(&blackboard, (&info).into(), request, problem).await
}

/// For addresses that take `POST` and nothing else.
async fn wrong_method(blackboard: Shared, info: Info, request: Request) -> Response {
    not_allowed(blackboard, info, request, "POST").await
}

/// For addresses that are read.
async fn only_get(blackboard: Shared, info: Info, request: Request) -> Response {
    not_allowed(blackboard, info, request, "GET, HEAD").await
}

/// For what is read and added to.
async fn only_get_and_post(blackboard: Shared, info: Info, request: Request) -> Response {
    not_allowed(blackboard, info, request, "GET, HEAD, POST").await
}

/// For pieces of files.
async fn only_get_and_put(blackboard: Shared, info: Info, request: Request) -> Response {
    not_allowed(blackboard, info, request, "GET, HEAD, PUT").await
}

type Shared = State<Arc<Blackboard>>;
type Info = Extension<ConnectionInfo>;

async fn not_allowed(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
    allowed: &'static str,
) -> Response {
    let problem = Problem::new(ProblemType::MethodNotAllowed, format!("allowed here: {allowed}"));
    let mut response = authenticated::refuse(&blackboard, (&info).into(), request, problem).await;
    if response.status() == http::StatusCode::METHOD_NOT_ALLOWED {
        // RFC 9110 §15.5.6: a 405 must name the methods.
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
    response
}
