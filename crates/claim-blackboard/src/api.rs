//! The API: one table of routes, of which both the router and the OpenAPI document are made.
//!
//! There is no way to add a route without saying what it takes and what it may answer. While debug assertions are on,
//! as in all tests, each answer is held against that: a status or a refusal that is not described is a defect.

mod document;
mod operation;
mod schemas;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::MethodRouter;
use claim_core::{Origin, Problem, ProblemType};
use claim_http::{ConnectionInfo, problem_type_of};
use http::{HeaderValue, Method, StatusCode, header};

use crate::authenticated;
use crate::blackboard::Blackboard;

pub(crate) use operation::{Answer, Content, Operation, Parameter};

use operation::Described;

/// The addresses, with what is said of them.
pub(crate) struct Api {
    router: Router<Arc<Blackboard>>,
    described: Vec<Described>,
}

/// What answers one method of an address.
pub(crate) struct Route {
    method: Method,
    operation: &'static Operation,
    handler: MethodRouter<Arc<Blackboard>>,
}

impl Route {
    /// `GET`, and with it `HEAD`.
    pub(crate) fn get<H, T>(handler: H, operation: &'static Operation) -> Self
    where
        H: Handler<T, Arc<Blackboard>>,
        T: 'static,
    {
        Self::new(Method::GET, axum::routing::get(handler), operation)
    }

    /// `POST`.
    pub(crate) fn post<H, T>(handler: H, operation: &'static Operation) -> Self
    where
        H: Handler<T, Arc<Blackboard>>,
        T: 'static,
    {
        Self::new(Method::POST, axum::routing::post(handler), operation)
    }

    /// `PUT`.
    pub(crate) fn put<H, T>(handler: H, operation: &'static Operation) -> Self
    where
        H: Handler<T, Arc<Blackboard>>,
        T: 'static,
    {
        Self::new(Method::PUT, axum::routing::put(handler), operation)
    }

    fn new(
        method: Method,
        handler: MethodRouter<Arc<Blackboard>>,
        operation: &'static Operation,
    ) -> Self {
        Self { method, operation, handler: as_described(handler, operation) }
    }
}

impl Api {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), described: Vec::new() }
    }

    /// An address, by each of its methods. Below `/v1/` the answer to all others is signed where the request is
    /// authentic; elsewhere the server's own will do.
    pub(crate) fn at<const N: usize>(mut self, path: &'static str, routes: [Route; N]) -> Self {
        let allowed = allowed(&routes);
        let mut all = MethodRouter::new();
        for Route { method, operation, handler } in routes {
            all = all.merge(handler);
            self.described.push(Described { path, method, operation });
        }
        if path.starts_with("/v1/") {
            let refuse =
                move |blackboard, info, request| wrong_method(blackboard, info, request, allowed);
            all = all.fallback(refuse);
        }
        Self { router: self.router.route(path, all), ..self }
    }

    /// Files below an address, whose names have several forms, each described on its own.
    pub(crate) fn files<H, T, const N: usize>(
        mut self,
        path: &'static str,
        handler: H,
        forms: [(&'static str, &'static Operation); N],
    ) -> Self
    where
        H: Handler<T, Arc<Blackboard>>,
        T: 'static,
    {
        let described = |(path, operation)| Described { path, method: Method::GET, operation };
        self.described.extend(forms.map(described));
        Self { router: self.router.route(path, axum::routing::get(handler)), ..self }
    }

    /// Addresses that every server has.
    pub(crate) fn shared<const N: usize>(
        mut self,
        router: Router<Arc<Blackboard>>,
        pages: [(&'static str, &'static Operation); N],
    ) -> Self {
        let described = |(path, operation)| Described { path, method: Method::GET, operation };
        self.described.extend(pages.map(described));
        Self { router: self.router.merge(router), ..self }
    }

    /// The router.
    pub(crate) fn into_router(self) -> Router<Arc<Blackboard>> {
        self.router
    }

    /// The OpenAPI 3.1 document of a server with this origin, in JSON.
    pub(crate) fn document(&self, origin: &Origin) -> String {
        document::of(&self.described, origin)
    }
}

/// Holds the answers of a handler against what is said of them, in builds with debug assertions.
fn as_described(
    handler: MethodRouter<Arc<Blackboard>>,
    operation: &'static Operation,
) -> MethodRouter<Arc<Blackboard>> {
    if !cfg!(debug_assertions) {
        return handler;
    }
    handler.route_layer(from_fn(move |request: Request, next: Next| async move {
        let response = next.run(request).await;
        let (status, problem) = (response.status(), problem_type_of(&response));
        let described = match problem {
            Some(problem) => operation.may_refuse(problem),
            None => operation.may_answer(status),
        };
        let slug = problem.map(ProblemType::slug);
        assert!(described, "{} is not described with {status} {slug:?}", operation.id);
        response
    }))
}

/// The methods of an address, as the header `Allow` names them.
fn allowed(routes: &[Route]) -> String {
    let mut methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.join(", ")
}

async fn wrong_method(
    State(blackboard): State<Arc<Blackboard>>,
    Extension(info): Extension<ConnectionInfo>,
    request: Request,
    allowed: String,
) -> Response {
    let problem = Problem::new(ProblemType::MethodNotAllowed, format!("allowed here: {allowed}"));
    let mut response = authenticated::refuse(&blackboard, (&info).into(), request, problem).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(allowed) = HeaderValue::try_from(allowed)
    {
        // RFC 9110 §15.5.6: a 405 must name the methods.
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
