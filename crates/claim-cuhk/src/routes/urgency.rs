//! What goes first when there is more to do than can be done.

use claim_http::Urgency;
use http::Method;

/// How urgent a request is: without a certificate nobody hands in, without a timestamp nobody does while Blackboard is
/// away, and without the witness and the revocation list receipts are not complete. Pages can wait.
pub(crate) fn urgency(_: &Method, route: &str) -> Urgency {
    match route {
        "/.well-known/est/cacerts" | "/.well-known/est/csrattrs" => Urgency::Beginning,
        // Whoever types a code has begun; the terminal asks until it is told.
        "/v1/sign-ins" => Urgency::Beginning,
        _ if [
            "/.well-known/est/",
            "/tsa",
            "/witness/",
            "/crl/",
            "/revocations",
            "/v1/sign-ins/",
            "/sign-in",
        ]
        .iter()
        .any(|urgent| route.starts_with(urgent)) =>
        {
            Urgency::Deadline
        }
        _ => Urgency::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_timestamps_and_cosignatures_go_before_pages() {
        for (route, expected) in [
            ("/.well-known/est/cacerts", Urgency::Beginning),
            ("/.well-known/est/simpleenroll", Urgency::Deadline),
            ("/.well-known/est/simplereenroll", Urgency::Deadline),
            (claim_core::outage::TSA, Urgency::Deadline),
            ("/witness/add-checkpoint", Urgency::Deadline),
            ("/crl/{name}", Urgency::Deadline),
            (claim_core::revoking::REVOCATIONS, Urgency::Deadline),
            ("/v1/sign-ins", Urgency::Beginning),
            ("/v1/sign-ins/certificate", Urgency::Deadline),
            ("/sign-in/confirm", Urgency::Deadline),
            (claim_core::certificates::CERTIFICATES, Urgency::Other),
            ("/", Urgency::Other),
            ("/problems/{slug}", Urgency::Other),
            ("", Urgency::Other),
        ] {
            assert_eq!(urgency(&Method::GET, route), expected, "{route}");
        }
    }
}
