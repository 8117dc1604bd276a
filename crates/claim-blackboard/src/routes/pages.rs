//! The page for whoever opens Blackboard in a browser.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Html;

use crate::blackboard::Blackboard;

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
         <a href=\"problems/\">What the server may answer when it refuses</a></p>\n\
         </html>\n"
    ))
}
