//! What is for everybody to read: the page for whoever opens Blackboard in a browser, and the OpenAPI document.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use claim_core::Origin;
use claim_core::messages::JSON;
use http::header;

use crate::api::Api;
use crate::blackboard::Blackboard;

/// The OpenAPI document, which does not change while the server runs.
#[derive(Clone, Debug)]
pub(crate) struct Document(Bytes);

/// Makes it.
pub(crate) fn document(api: &Api, origin: &Origin) -> Document {
    Document(Bytes::from(api.document(origin)))
}

/// `GET /openapi.json`.
pub(crate) async fn openapi(Extension(Document(content)): Extension<Document>) -> Response {
    let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, content).into_response()
}

/// `GET /`: what this server is, and how to use it.
pub(crate) async fn home(State(blackboard): State<Arc<Blackboard>>) -> Html<String> {
    // An origin is ASCII, and its canonical form leaves few marks; these are the ones that HTML knows.
    let origin = blackboard.origin.as_str().replace('&', "&amp;").replace('<', "&lt;");
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Blackboard</title>\n\
         <h1>Blackboard</h1>\n\
         <p>This is the Blackboard of Claim at <code>{origin}</code>: students hand in here, and can prove it.</p>\n\
         <p>To talk to it, enrol at CUHK once, then run</p>\n\
         <pre>claim student --blackboard {origin}</pre>\n\
         <p>Programs find the protocol in <code>docs/PROTOCOL.md</code>. \
         Its requests are described for tools in <a href=\"openapi.json\">openapi.json</a>. \
         <a href=\"problems/\">What the server may answer when it refuses</a></p>\n\
         </html>\n"
    ))
}
