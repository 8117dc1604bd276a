//! What is put around every handler, as clients see it.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use claim_core::{Problem, ProblemType};
use claim_http::{
    Limits, ProblemAnswer, Refusal, RequestId, problem_pages, problem_response, read_body, send,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::fixture::{LONG, TestServer, read_answer};

const SOON: Duration = Duration::from_millis(200);

/// A thousand bytes at most.
async fn upload(within: Duration, request: Request) -> Result<String, Refusal> {
    let (head, body) = request.into_parts();
    let bytes = read_body(&head.headers, body, 1000, within).await?;
    Ok(bytes.len().to_string())
}

fn app() -> Router {
    Router::new()
        .route("/", get(async || "here"))
        .route("/id", get(async |Extension(id): Extension<RequestId>| id.as_str().to_owned()))
        .route("/items/{item}", get(async |Path(item): Path<String>| item).delete(async || ()))
        .route("/upload", post(async |request: Request| upload(LONG, request).await))
        .route("/hasty", post(async |request: Request| upload(SOON, request).await))
        .route("/panic", get(panics))
        .route("/refuse", get(async || Refusal(Problem::new(ProblemType::ClockSkew, "301 s"))))
        .merge(problem_pages())
}

async fn panics() -> Response {
    panic!("a defect");
}

async fn problem(server: &TestServer, request: reqwest::RequestBuilder) -> ProblemAnswer {
    let answer = send(request, 10_000).await.unwrap();
    let problem = ProblemAnswer::from_answer(&answer).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let slug = problem.slug.as_deref().unwrap();
    assert_eq!(document["type"], server.url(&format!("/problems/{slug}")));
    assert_eq!(document["status"], answer.status.as_u16());
    problem
}

#[tokio::test]
async fn curl_gets_an_answer_over_both_versions() {
    let server = TestServer::start(app());
    let folder = tempfile::tempdir().unwrap();
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let output = Command::new("curl")
            .args(["-sS", "--noproxy", "*", option, "-w", " by %{http_version}", "--cacert"])
            .arg(server.root_file(&folder))
            .arg(server.url("/"))
            .output()
            .await
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("here by {version}"),
            "{stderr}"
        );
    }
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_and_closed_headers() {
    let server = TestServer::start(app());
    let client = server.client();
    let mut ids = std::collections::HashSet::new();
    for path in ["/id", "/id", "/nowhere", "/refuse"] {
        // What the client calls its request counts for nothing.
        let request = client.get(server.url(path)).header("x-request-id", "mine");
        let answer = send(request, 1000).await.unwrap();
        let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 16);
        if path == "/id" {
            assert_eq!(answer.body, id);
        }
        assert!(ids.insert(id));
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"));
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_a_page() {
    let server = TestServer::start(app());
    let client = server.client();
    let found = problem(&server, client.get(server.url("/nowhere"))).await;
    assert_eq!(found.problem_type, Some(ProblemType::NotFound));

    let request = client.put(server.url("/items/7"));
    let answer = send(request.try_clone().unwrap(), 1000).await.unwrap();
    let mut methods: Vec<_> =
        answer.headers["allow"].to_str().unwrap().split(',').map(str::trim).collect();
    methods.sort_unstable();
    assert_eq!(methods, ["DELETE", "GET", "HEAD"]);
    let found = problem(&server, request).await;
    assert_eq!(found.problem_type, Some(ProblemType::MethodNotAllowed));

    let found = problem(&server, client.get(server.url("/refuse"))).await;
    assert_eq!(found.problem_type, Some(ProblemType::ClockSkew));
    assert_eq!(found.detail.as_deref(), Some("301 s"));

    assert_eq!(server.count("claim_problems_total{slug=\"not-found\"}"), 1);
    assert_eq!(server.count("claim_problems_total{slug=\"method-not-allowed\"}"), 2);
    assert_eq!(server.count("claim_requests_total{route=\"/items/{item}\",status=\"405\"}"), 2);
    assert_eq!(server.count("claim_requests_total{route=\"none\",status=\"404\"}"), 1);
}

#[tokio::test]
async fn a_handlers_own_problem_response_stays_as_it_is() {
    let origin = "https://blackboard.example".parse().unwrap();
    let handler = async move || {
        let problem = Problem::new(ProblemType::Overloaded, "").with("retry_after", 3);
        let mut response = problem_response(&problem, &origin);
        response.headers_mut().insert("signature", "claim=:AA==:".parse().unwrap());
        response
    };
    let server = TestServer::start(Router::new().route("/", get(handler)));
    let answer = send(server.client().get(server.url("/")), 1000).await.unwrap();
    assert_eq!(answer.headers["signature"], "claim=:AA==:");
    assert_eq!(answer.headers["retry-after"], "3");
    assert!(answer.body.starts_with(b"{") && answer.status == 503);
    assert_eq!(server.count("claim_problems_total{slug=\"overloaded\"}"), 1);
}

#[tokio::test]
async fn a_panic_is_one_requests_problem_alone() {
    let server = TestServer::start(app());
    let client = server.client();
    let found = problem(&server, client.get(server.url("/panic"))).await;
    assert_eq!(found.problem_type, Some(ProblemType::InternalError));
    assert!(found.detail.unwrap().contains(&found.request_id.unwrap()));
    assert_eq!(client.get(server.url("/")).send().await.unwrap().status(), 200);
    // Over HTTP/1.1 too the same connection goes on.
    let mut tls = server.tls(b"http/1.1").await;
    for (path, status) in [("/panic", "500"), ("/", "200")] {
        tls.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let answer = read_answer(&mut tls).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

#[tokio::test]
async fn over_long_headers_are_431() {
    let server = TestServer::start(app());
    let long = "x".repeat(20_000);
    let many: String = (0..100).map(|n| format!("X-{n}: y\r\n")).collect();
    for fields in [format!("X: {long}\r\n"), many] {
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        let answer = server.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let answer = server.client().get(server.url("/")).header("x", &long).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 431));
    // Within the limit there is room for what the protocol sends.
    let fits = server.client().get(server.url("/")).header("x", "x".repeat(12_000));
    assert_eq!(fits.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn nonsense_instead_of_http_is_400() {
    let server = TestServer::start(app());
    for request in ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"] {
        let answer = server.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    // Request smuggling (RFC 9112 §6.3): two lengths, or a length beside chunks, end the connection.
    for fields in ["Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: +3\r\n"] {
        let request = format!("POST /upload HTTP/1.1\r\nHost: x\r\n{fields}\r\nabcd");
        let answer = server.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_within_the_budget_is_read() {
    let server = TestServer::start(app());
    let request = server.client().post(server.url("/upload")).body("x".repeat(1000));
    assert_eq!(send(request, 1000).await.unwrap().body, "1000");
}

#[tokio::test]
async fn a_body_that_is_too_large_gets_its_answer_all_the_same() {
    let server = TestServer::start(app());
    let too_large = vec![b'x'; 10 * 1024 * 1024];
    let request = server.client().post(server.url("/upload")).body(too_large.clone());
    let found = problem(&server, request).await;
    assert_eq!(found.problem_type, Some(ProblemType::ContentTooLarge));

    // HTTP/1.1: the answer must not be lost to a reset while the client is still sending.
    let head = "POST /upload HTTP/1.1\r\nHost: x\r\n";
    for framing in
        ["Content-Length: 10485760\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nA00000\r\n"]
    {
        let (mut reader, mut writer) = tokio::io::split(server.tls(b"http/1.1").await);
        let body = too_large.clone();
        let sending = tokio::spawn(async move {
            writer.write_all(format!("{head}{framing}").as_bytes()).await.unwrap();
            // The server may stop reading at any time.
            let _ = writer.write_all(&body).await;
            writer
        });
        let answer = read_answer(&mut reader).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        drop(sending.await);
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let server = TestServer::start(app());
    let request = "POST /hasty HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx";
    let answer = server.raw(request).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("/problems/request-timeout"), "{answer}");
}

#[tokio::test]
async fn content_codings_are_415() {
    let server = TestServer::start(app());
    let request =
        server.client().post(server.url("/upload")).header("content-encoding", "gzip").body("x");
    let found = problem(&server, request).await;
    assert_eq!(found.problem_type, Some(ProblemType::UnsupportedMediaType));
}

#[tokio::test]
async fn each_problem_has_a_page_that_needs_nothing_else() {
    let server = TestServer::start(app());
    let client = server.client();
    let list = send(client.get(server.url("/problems/")), 100_000).await.unwrap();
    let list = String::from_utf8(list.body.to_vec()).unwrap();
    for problem_type in ProblemType::ALL {
        let slug = problem_type.slug();
        assert!(list.contains(&format!("<a href=\"{slug}\">")), "{slug}");
        let page =
            send(client.get(server.url(&format!("/problems/{slug}"))), 100_000).await.unwrap();
        assert_eq!((page.status.as_u16(), page.media_type().as_str()), (200, "text/html"));
        let html = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(!html.contains("<your id>") && !html.contains("<script"), "{html}");
        // The policy allows exactly the style sheet that the page has.
        let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let digest = claim_core::Digest::of(style.as_bytes());
        let allowed = format!("'sha256-{}'", claim_core::encoding::base64(digest.as_bytes()));
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains(&allowed) && policy.starts_with("default-src 'none';"), "{policy}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
    }
    let missing = problem(&server, client.get(server.url("/problems/no-such"))).await;
    assert_eq!(missing.problem_type, Some(ProblemType::NotFound));
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut_off() {
    let endless = async || {
        let chunk = Bytes::from_static(&[0; 65536]);
        Body::from_stream(futures_util::stream::repeat_with(move || {
            Ok::<_, std::io::Error>(chunk.clone())
        }))
    };
    let limits = Limits { answer_stall_timeout: SOON, ..Limits::default() };
    let server = TestServer::start_limited(limits, Router::new().route("/", get(endless)));
    let stalled = "claim_connections_refused_total{reason=\"answer-stalled\"}";

    let mut tls = server.tls(b"http/1.1").await;
    tls.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tls.read_u8().await.unwrap();
    server.counted(stalled, 1).await;

    // Over HTTP/2 the client can stop the answer by its window alone.
    let client = server.client();
    let held = client.get(server.url("/")).send().await.unwrap();
    server.counted(stalled, 2).await;
    tokio::time::timeout(LONG, held.bytes()).await.unwrap().unwrap_err();
}
