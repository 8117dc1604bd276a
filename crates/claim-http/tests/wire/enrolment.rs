//! The EST client (RFC 7030) against servers that answer well and badly.

use std::collections::HashSet;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use claim_core::invitation::{Code, Invitee};
use claim_core::{Problem, ProblemType};
use claim_http::{
    CERTS_ONLY, ClientCertificates, ConnectionInfo, EstError, Limits, PKCS10, ReachError, Refusal,
    decode_est_body, encode_est_body, fetch_ca_certificates, https_client, read_body,
    simple_enroll, simple_reenroll,
};
use claim_pki::{Certificate, encode_certs_only};
use http::{StatusCode, header};

use crate::fixture::{Authority, LONG, TestServer};

const CODE: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const REQUEST: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x00];

fn certificate() -> Certificate {
    let (pem, _) = Authority::new("Test root").certify(&["somebody"]);
    Certificate::from_pem(&pem).unwrap()
}

fn certs_only(certificates: &[Certificate]) -> Response {
    let body = encode_est_body(&encode_certs_only(certificates).unwrap());
    ([(header::CONTENT_TYPE, CERTS_ONLY)], body).into_response()
}

/// A server that gives this answer to each of the three requests.
fn answering(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> TestServer {
    let (first, second) = (answer.clone(), answer.clone());
    TestServer::start(
        Router::new()
            .route("/.well-known/est/cacerts", get(async move || answer()))
            .route("/.well-known/est/simpleenroll", post(async move || first()))
            .route("/.well-known/est/simplereenroll", post(async move || second())),
    )
}

async fn enroll(server: &TestServer) -> Result<Certificate, EstError> {
    let invitee = Invitee::Person("1155123456".parse().unwrap());
    let code: Code = CODE.parse().unwrap();
    simple_enroll(&server.client(), &server.origin, &invitee, &code, REQUEST).await
}

/// Answers with a certificate if the request is exactly as it should be, for this user.
async fn check(
    request: Request,
    user_id: &str,
    certificate: Certificate,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    assert_eq!(head.headers[header::CONTENT_TYPE], PKCS10);
    let body = read_body(&head.headers, body, 1000, LONG).await?;
    assert_eq!(decode_est_body(&body).unwrap(), REQUEST);
    let expected = format!("Basic {}", STANDARD.encode(format!("{user_id}:{CODE}")));
    assert_eq!(head.headers[header::AUTHORIZATION], expected);
    Ok(certs_only(&[certificate]))
}

#[tokio::test]
async fn the_authoritys_certificates_are_fetched() {
    let certificates = [certificate(), certificate()];
    let server = answering({
        let certificates = certificates.clone();
        move || certs_only(&certificates)
    });
    let fetched = fetch_ca_certificates(&server.client(), &server.origin).await.unwrap();
    // They are a set: what leads to what, their names tell.
    let digests = |all: &[Certificate]| all.iter().map(|one| *one.digest()).collect::<HashSet<_>>();
    assert_eq!(digests(&fetched), digests(&certificates));
}

#[tokio::test]
async fn a_person_or_a_server_enrols_with_a_code() {
    for (invitee, user_id) in [
        (Invitee::Person("1155123456".parse().unwrap()), "1155123456"),
        (
            Invitee::Server("https://blackboard.example:3141".parse().unwrap()),
            "https%3A%2F%2Fblackboard.example%3A3141",
        ),
    ] {
        let issued = certificate();
        let handler = {
            let issued = issued.clone();
            async move |request: Request| check(request, user_id, issued).await
        };
        let app = Router::new().route("/.well-known/est/simpleenroll", post(handler));
        let server = TestServer::start(app);
        let code: Code = CODE.parse().unwrap();
        let client = server.client();
        let got = simple_enroll(&client, &server.origin, &invitee, &code, REQUEST).await.unwrap();
        assert_eq!(got.der(), issued.der());
    }
}

#[tokio::test]
async fn renewal_shows_the_certificate_of_now() {
    let issued = certificate();
    let handler = {
        let issued = issued.clone();
        async move |Extension(info): Extension<ConnectionInfo>, request: Request| {
            assert!(!request.headers().contains_key(header::AUTHORIZATION));
            assert_eq!(info.client_chain.unwrap().len(), 1);
            certs_only(&[issued])
        }
    };
    let app = Router::new().route("/.well-known/est/simplereenroll", post(handler));
    let server = TestServer::start_with(Limits::default(), ClientCertificates::Requested, app);
    let identity = server.authority.identity(&["somebody"]);
    let client = https_client(&server.trust(), Some(&identity), LONG).unwrap();
    let got = simple_reenroll(&client, &server.origin, REQUEST).await.unwrap();
    assert_eq!(got.der(), issued.der());
}

#[tokio::test]
async fn a_refusal_is_read() {
    let server = answering(|| {
        Refusal(Problem::new(ProblemType::CodeUsed, "first used yesterday")).into_response()
    });
    match enroll(&server).await {
        Err(EstError::Refused(problem)) => {
            assert_eq!(problem.problem_type, Some(ProblemType::CodeUsed));
            assert_eq!(problem.detail.as_deref(), Some("first used yesterday"));
        }
        other => panic!("{other:?}"),
    }
    let renewal = simple_reenroll(&server.client(), &server.origin, REQUEST).await;
    assert!(matches!(renewal, Err(EstError::Refused(_))), "{renewal:?}");
}

#[tokio::test]
async fn something_else_that_listens_there_is_told() {
    let server = answering(|| axum::response::Html("<h1>It works!</h1>").into_response());
    match enroll(&server).await {
        Err(EstError::NotEst { status: StatusCode::OK, media_type }) => {
            assert_eq!(media_type, "text/html");
        }
        other => panic!("{other:?}"),
    }
    let server = answering(|| (StatusCode::NOT_FOUND, "no").into_response());
    let answer = fetch_ca_certificates(&server.client(), &server.origin).await;
    assert!(matches!(answer, Err(EstError::NotEst { status: StatusCode::NOT_FOUND, .. })));
}

#[tokio::test]
async fn answers_that_hold_no_certificate_are_refused() {
    let certs = |body: String| ([(header::CONTENT_TYPE, CERTS_ONLY)], body).into_response();

    let server = answering(move || certs("@@@".to_owned()));
    assert!(matches!(enroll(&server).await, Err(EstError::NotBase64)));

    let server = answering(move || certs(encode_est_body(REQUEST)));
    assert!(matches!(enroll(&server).await, Err(EstError::NotCertsOnly(_))));

    let two = [certificate(), certificate()];
    let server = answering(move || certs_only(&two));
    assert!(matches!(enroll(&server).await, Err(EstError::NotOneCertificate { found: 2 })));

    let server = answering(move || certs("A".repeat(70_000)));
    assert!(matches!(
        enroll(&server).await,
        Err(EstError::Reach(ReachError::TooLong { max: 65_536 }))
    ));
}
