//! What a browser finds: a page that says what this is, and the root certificate.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

use crate::mode::Mode;
use crate::state::Cuhk;

pub(super) fn routes() -> Router<Arc<Cuhk>> {
    Router::new().route("/", get(start)).route("/cuhk.cer", get(root))
}

/// What this server is.
async fn start(State(cuhk): State<Arc<Cuhk>>) -> Response {
    let root = cuhk.desk.authority().root_digest();
    let origin = &cuhk.origin;
    let whom = match cuhk.mode {
        Mode::LocalDemo => {
            "<p><strong>Local demonstration:</strong> it certifies any student ID, for programs on \
                 this machine. \
             Its certificates prove nothing to anybody else.</p>"
        }
        Mode::Rostered => {
            "<p>It certifies those whom the university has invited. With your invitation, run \
             <code>claim student enroll</code>.</p>"
        }
    };
    // Nothing in it comes from a request; an origin has no character that HTML minds.
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>CUHK</title>\
         <h1>CUHK</h1><p>The certificate authority of Claim, at {origin}.</p>{whom}\
         <h2>Root certificate</h2><p><a href=\"/cuhk.cer\">cuhk.cer</a>, SHA-256 <code>{root}</code></p>\
         <p>Compare this number with one that reached you on another way before you trust the file.</p>\
         <h2>For programs</h2><p>Enrolment over Secure Transport (RFC 7030) at \
         <code>/.well-known/est/</code>. What it may refuse, and why: <a href=\"/problems/\">problems</a>.</p>\
         </html>\n"
    );
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// The root certificate in PEM.
async fn root(State(cuhk): State<Arc<Cuhk>>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-pem-file"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"cuhk.cer\""),
    ];
    (headers, cuhk.desk.authority().root_certificate().to_pem()).into_response()
}
