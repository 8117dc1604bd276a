//! What a client tells when it cannot reach a server.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use claim_http::{
    ClientError, ReachError, ServerTrust, TlsFailure, TlsIdentity, TrustError, https_client, send,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::fixture::{Authority, LONG, TestServer, is_rerun, read_to_close, rerun};

fn app() -> Router {
    Router::new().route("/", get(async || "here")).route("/never", get(std::future::pending::<()>))
}

async fn reach(client: &reqwest::Client, url: &str) -> Result<String, ReachError> {
    let answer = send(client.get(url), 4).await?;
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

fn tls_failure(result: Result<String, ReachError>) -> TlsFailure {
    match result {
        Err(ReachError::Tls(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trusted_server_is_reached_over_http2() {
    let server = TestServer::start(app());
    let answer = server.client().get(server.url("/")).send().await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(reach(&server.client(), &server.url("/")).await.unwrap(), "here");
}

#[tokio::test]
async fn an_unverified_client_reaches_anyone_for_first_contact() {
    let server = TestServer::start(app());
    let client = https_client(&ServerTrust::Unverified, None, LONG).unwrap();
    assert_eq!(reach(&client, &server.url("/")).await.unwrap(), "here");
}

#[tokio::test]
async fn the_certificates_defect_is_named() {
    let server = TestServer::start(app());
    let url = server.url("/");
    let stranger = ServerTrust::Root(Authority::new("Another root").root());
    let client = https_client(&stranger, None, LONG).unwrap();
    assert_eq!(tls_failure(reach(&client, &url).await), TlsFailure::UnknownIssuer);

    let client = server.client();
    let by_address = format!("https://{}/", server.address);
    match tls_failure(reach(&client, &by_address).await) {
        TlsFailure::WrongName { expected, presented } => {
            assert_eq!(expected, "127.0.0.1");
            assert!(presented.iter().any(|name| name.contains("localhost")), "{presented:?}");
        }
        other => panic!("{other}"),
    }

    for (from, until) in [(2020, 2021), (2100, 2101)] {
        let (chain, key) = server.authority.certify_with(&["localhost"], |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(until, 1, 1);
        });
        server.certificate.replace(&TlsIdentity::from_pem(&chain, &key).unwrap());
        let client = server.client();
        match tls_failure(reach(&client, &url).await) {
            TlsFailure::Expired { at, not_after } => {
                assert_eq!((not_after.to_string().get(..4), until), (Some("2021"), 2021));
                assert!(at > not_after);
            }
            TlsFailure::NotYetValid { at, not_before } => {
                assert_eq!((not_before.to_string().get(..4), from), (Some("2100"), 2100));
                assert!(at < not_before);
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_somebody_silent() {
    let server = TestServer::start(app());
    let client = server.client();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = reach(&client, &format!("https://{address}/")).await.unwrap_err();
    assert!(matches!(error, ReachError::Refused), "{error:?}");
    assert!(!error.may_have_arrived());

    let error = reach(&client, "https://no-such-host.invalid/").await.unwrap_err();
    assert!(matches!(error, ReachError::NotResolved), "{error:?}");

    let hasty = https_client(&server.trust(), None, Duration::from_millis(300)).unwrap();
    let error = reach(&hasty, &server.url("/never")).await.unwrap_err();
    assert!(matches!(error, ReachError::Timeout), "{error:?}");
    assert!(error.may_have_arrived());
}

#[tokio::test]
async fn what_speaks_no_tls_is_told() {
    let server = TestServer::start(app());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        read_to_close(&mut tcp).await;
    });
    assert_eq!(tls_failure(reach(&server.client(), &url).await), TlsFailure::NotTls);
}

#[tokio::test]
async fn a_connection_that_breaks_is_told() {
    let server = TestServer::start(Router::new().route(
        "/",
        get(async || {
            let broken = Err::<String, _>(std::io::Error::other("gone"));
            axum::body::Body::from_stream(futures_util::stream::iter([Ok("h".to_owned()), broken]))
        }),
    ));
    let error = reach(&server.client(), &server.url("/")).await.unwrap_err();
    assert!(matches!(error, ReachError::Interrupted(_)), "{error:?}");
    assert!(error.may_have_arrived());
}

#[tokio::test]
async fn an_answer_has_a_budget() {
    let server = TestServer::start(Router::new().route("/", get(async || "12345")));
    let error = reach(&server.client(), &server.url("/")).await.unwrap_err();
    assert!(matches!(error, ReachError::TooLong { max: 4 }), "{error:?}");
}

#[tokio::test]
async fn plain_http_is_not_even_tried() {
    let server = TestServer::start(app());
    let error = reach(&server.client(), &format!("http://{}/", server.address)).await.unwrap_err();
    assert!(matches!(error, ReachError::Unsendable(_)), "{error:?}");
    assert_eq!(server.count("claim_connections_accepted_total"), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = TestServer::start(Router::new().route(
        "/",
        get(async || (http::StatusCode::TEMPORARY_REDIRECT, [("location", "/other")])),
    ));
    let answer = send(server.client().get(server.url("/")), 10).await.unwrap();
    assert_eq!(answer.status, 307);
}

#[tokio::test]
async fn the_systems_roots_are_trusted_when_asked_for() {
    let name = "clients::the_systems_roots_are_trusted_when_asked_for";
    if !is_rerun() {
        let server = TestServer::start(app());
        let folder = tempfile::tempdir().unwrap();
        let (file, url) = (server.root_file(&folder), server.url("/"));
        let (empty, none) = (tempfile::tempdir().unwrap(), folder.path().join("none.pem"));
        std::fs::write(&none, "").unwrap();
        let empty = ("SSL_CERT_DIR", empty.path().to_str().unwrap());
        let roots = ("SSL_CERT_FILE", file.to_str().unwrap());
        rerun(name, "", &[empty, roots, ("CLAIM_TEST_URL", &url)]).await;
        return rerun(name, "", &[empty, ("SSL_CERT_FILE", none.to_str().unwrap())]).await;
    }
    let client = https_client(&ServerTrust::System, None, LONG);
    match std::env::var("CLAIM_TEST_URL") {
        Ok(url) => assert_eq!(reach(&client.unwrap(), &url).await.unwrap(), "here"),
        Err(_) => assert!(matches!(
            client,
            Err(ClientError::Trust(TrustError::NoSystemRoots { found: 0 }))
        )),
    }
}
