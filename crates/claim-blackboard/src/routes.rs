//! The addresses of Blackboard.

mod changes;
mod claims;
mod courses;
mod described;
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
use claim_core::outage::OUTAGES;
use claim_core::{Origin, PersonId, Problem, ProblemType};
use claim_http::{ConnectionInfo, problem_pages, problem_response};

use crate::api::{Api, Route};
use crate::authenticated;
use crate::blackboard::Blackboard;
use crate::event::Event;

pub(crate) use courses::Page;
pub(crate) use urgency::urgency;

/// All addresses.
pub(crate) fn router(blackboard: Arc<Blackboard>) -> Router {
    let api = api();
    let document = pages::document(&api, &blackboard.origin);
    api.into_router().fallback(nothing_here).layer(Extension(document)).with_state(blackboard)
}

/// The OpenAPI 3.1 document of a Blackboard with this origin, in JSON: what it serves at `/openapi.json`.
pub fn openapi(origin: &Origin) -> String {
    api().document(origin)
}

/// The one table of addresses: what answers there, and what is said of it.
pub(crate) fn api() -> Api {
    Api::new()
        .at("/", [Route::get(pages::home, &described::HOME)])
        .at("/openapi.json", [Route::get(pages::openapi, &described::OPENAPI)])
        .at("/v1/challenges", [Route::post(sessions::challenge, &described::CHALLENGE)])
        .at("/v1/sessions", [Route::post(sessions::open, &described::SESSION)])
        .at("/v1/messages", [Route::post(messages::keep, &described::MESSAGE)])
        .at("/v1/assignments", [Route::get(claims::assignments, &described::ASSIGNMENTS)])
        .at("/v1/claims", [Route::post(claims::lodge, &described::LODGE)])
        .at(OUTAGES, [Route::post(claims::lodge_stamped, &described::LODGE_STAMPED)])
        .at("/v1/claims/{id}", [Route::get(claims::state, &described::CLAIM)])
        .at("/v1/claims/{id}/receipt", [Route::get(claims::receipt, &described::RECEIPT)])
        .at("/v1/claims/{id}/withdrawal", [Route::post(claims::withdraw, &described::WITHDRAW)])
        .at(
            "/v1/claims/{id}/files/{file}/{index}",
            [
                Route::get(claims::get_piece, &described::PIECE),
                Route::put(claims::put_piece, &described::PUT_PIECE),
            ],
        )
        .at("/v1/courses", [Route::get(courses::list, &described::COURSES)])
        .at("/v1/courses/{course}", [Route::get(courses::show, &described::COURSE)])
        .at("/v1/courses/{course}/members", [Route::get(courses::members, &described::MEMBERS)])
        .at("/v1/courses/{course}/events", [Route::get(events::of_course, &described::EVENTS)])
        .at("/v1/changes", [Route::get(changes::own, &described::OWN_CHANGES)])
        .at(
            "/v1/courses/{course}/changes",
            [
                Route::get(changes::of_course, &described::CHANGES),
                Route::post(courses::change, &described::CHANGE),
            ],
        )
        .at(
            "/v1/courses/{course}/assignments/{assignment}/hand-ins",
            [Route::get(courses::hand_ins, &described::HAND_INS)],
        )
        .at(
            "/v1/courses/{course}/assignments/{assignment}/students/{sid}",
            [Route::get(courses::student_view, &described::STUDENT_VIEW)],
        )
        .files(
            "/log/{*path}",
            log::file,
            [
                ("/log/checkpoint", &described::CHECKPOINT),
                ("/log/tile/{level}/{tile}", &described::TILE),
                ("/log/tile/{level}/{tile}.p/{width}", &described::PARTIAL_TILE),
                ("/log/tile/entries/{tile}", &described::ENTRIES),
                ("/log/tile/entries/{tile}.p/{width}", &described::PARTIAL_ENTRIES),
            ],
        )
        .shared(
            problem_pages(),
            [("/problems/", &described::PROBLEMS), ("/problems/{slug}", &described::PROBLEM)],
        )
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
