//! Which requests a CUHK in local demo mode takes: those that come straight from this machine, and mean to.
//!
//! The listener is bound to loopback; what is left are proxies on this machine that bring others in, and web
//! pages whose name was made to lead here. Both show in the headers.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use claim_core::{Origin, Problem, ProblemType};
use claim_http::ConnectionInfo;
use http::request::Parts;
use http::{HeaderName, header};

use crate::state::Cuhk;

/// Lets a request through to the routes only if it is local in every respect.
pub(crate) async fn only_local(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    match check(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => cuhk.answer(connection.peer, Err(problem)),
    }
}

/// Looks for traces of a proxy and for another host.
fn check(parts: &Parts) -> Result<(), Problem> {
    if let Some(name) = parts.headers.keys().find(|name| is_of_a_proxy(name)) {
        let detail = format!("the request came through a proxy: it has the header {name}");
        return Err(Problem::new(ProblemType::LocalOnly, detail));
    }
    let mut hosts = 0;
    let from_headers = parts.headers.get_all(header::HOST).iter().map(|value| value.to_str().ok());
    let from_target = parts.uri.authority().map(|authority| Some(authority.as_str()));
    for host in from_headers.chain(from_target) {
        hosts += 1;
        let origin = host.and_then(|host| Origin::from_user(&format!("https://{host}")).ok());
        if !origin.is_some_and(|origin| origin.is_loopback()) {
            return Err(Problem::new(ProblemType::LocalOnly, "the request is for another host"));
        }
    }
    if hosts == 0 {
        return Err(Problem::new(
            ProblemType::LocalOnly,
            "the request does not say for which host",
        ));
    }
    Ok(())
}

/// RFC 7239, RFC 9110 §7.6.3, and what came before them.
fn is_of_a_proxy(name: &HeaderName) -> bool {
    name == header::FORWARDED || name == header::VIA || name.as_str().starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn checked(uri: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts).map_err(|problem| {
            assert_eq!(problem.problem_type, ProblemType::LocalOnly);
            problem.detail
        })
    }

    #[test]
    fn loopback_names_and_addresses_pass() {
        for host in ["localhost:9335", "LOCALHOST", "127.0.0.1:9335", "[::1]:9335", "a.localhost"] {
            assert_eq!(checked("/", &[("host", host)]), Ok(()), "{host}");
            assert_eq!(checked(&format!("https://{host}/"), &[]), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_hosts_do_not() {
        for host in
            ["cuhk.example", "192.0.2.1:9335", "localhost.example", "localhost@evil", "", "a/b"]
        {
            assert!(checked("/", &[("host", host)]).is_err(), "{host}");
        }
        assert!(checked("/", &[]).is_err());
        assert!(checked("/", &[("host", "localhost"), ("host", "cuhk.example")]).is_err());
        assert!(checked("https://cuhk.example/", &[("host", "localhost")]).is_err());
    }

    #[test]
    fn a_proxy_gives_itself_away() {
        for name in
            ["Forwarded", "Via", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Anything"]
        {
            let refused = checked("/", &[("host", "localhost"), (name, "x")]).unwrap_err();
            assert!(refused.contains(&name.to_lowercase()), "{refused}");
        }
    }
}
