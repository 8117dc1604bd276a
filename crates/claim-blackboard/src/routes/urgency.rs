//! What goes first when there is more to do than can be done.

use claim_core::outage::OUTAGES;
use claim_http::Urgency;
use http::Method;

/// How urgent a request is: a student at 23:58 needs a session, what is due, and the lodging. Files may follow, and
/// receipts and messages can wait.
pub(crate) fn urgency(method: &Method, route: &str) -> Urgency {
    match (method.as_str(), route) {
        // Whoever has come further has had a session key encrypted already.
        ("POST", "/v1/challenges") => Urgency::Beginning,
        ("POST", "/v1/sessions" | "/v1/claims" | OUTAGES | "/v1/claims/{id}/withdrawal")
        | ("GET", "/v1/assignments") => Urgency::Deadline,
        ("PUT", "/v1/claims/{id}/files/{file}/{index}") | ("GET", "/v1/claims/{id}") => {
            Urgency::Content
        }
        _ => Urgency::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lodging_and_the_steps_to_it_go_before_files_and_files_before_the_rest() {
        for (method, route, expected) in [
            (Method::POST, "/v1/challenges", Urgency::Beginning),
            (Method::POST, "/v1/sessions", Urgency::Deadline),
            (Method::GET, "/v1/assignments", Urgency::Deadline),
            (Method::POST, "/v1/claims", Urgency::Deadline),
            (Method::POST, "/v1/outages", Urgency::Deadline),
            (Method::POST, "/v1/claims/{id}/withdrawal", Urgency::Deadline),
            (Method::GET, "/v1/claims/{id}", Urgency::Content),
            (Method::PUT, "/v1/claims/{id}/files/{file}/{index}", Urgency::Content),
            (Method::GET, "/v1/claims/{id}/files/{file}/{index}", Urgency::Other),
            (Method::GET, "/v1/claims/{id}/receipt", Urgency::Other),
            (Method::POST, "/v1/messages", Urgency::Other),
            (Method::GET, "/log/{*path}", Urgency::Other),
            (Method::GET, "/", Urgency::Other),
            (Method::POST, "", Urgency::Other),
        ] {
            assert_eq!(urgency(&method, route), expected, "{method} {route}");
        }
    }
}
