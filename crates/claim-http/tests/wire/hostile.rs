//! What becomes of clients that do as they may, only far too often.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use claim_core::{Problem, ProblemType};
use claim_http::{KnownAs, Limits, ProblemAnswer, Refusal, Standing, send};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::client::TlsStream;

use crate::fixture::{TestServer, read_to_close};

/// The beginning of every HTTP/2 connection (RFC 9113 §3.4), with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Types of frames (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// GET / over https in HPACK: three entries of the static table (RFC 7541 appendix A), and the authority `x`.
const GET: &[u8] = &[0x82, 0x84, 0x87, 0x01, 0x01, b'x'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

async fn http2(server: &TestServer) -> TlsStream<TcpStream> {
    let mut tls = server.tls(b"h2").await;
    tls.write_all(PREFACE).await.unwrap();
    tls
}

/// Sends the same for as long as the server takes it, and reads what comes.
async fn flood(tls: TlsStream<TcpStream>, bytes: &[u8]) {
    let (mut reader, mut writer) = tokio::io::split(tls);
    let sending = async { while writer.write_all(bytes).await.is_ok() {} };
    tokio::join!(sending, read_to_close(&mut reader));
}

fn refused(reason: &str) -> String {
    format!("claim_connections_refused_total{{reason=\"{reason}\"}}")
}

fn app() -> Router {
    let refuse = async || Refusal(Problem::new(ProblemType::SidMismatch, "somebody else's"));
    let known = async || {
        let refusal = Refusal(Problem::new(ProblemType::RequestKey, "another kind"));
        let mut response = refusal.into_response();
        response.extensions_mut().insert(KnownAs("somebody".into()));
        response
    };
    let asking = async |request: Request| -> Result<Response, Refusal> {
        Standing::admit(request.extensions())?;
        Ok("worked at".into_response())
    };
    Router::new()
        .route("/", get(async || "here"))
        .route("/refuse", get(refuse))
        .route("/known", get(known))
        .route("/work", get(asking))
}

async fn slug(server: &TestServer, path: &str) -> Option<String> {
    let answer = send(server.client().get(server.url(path)), 10_000).await.unwrap();
    let problem = ProblemAnswer::from_answer(&answer)?;
    if answer.status == 429 {
        assert!(problem.retry_after.is_some(), "{problem:?}");
    }
    problem.slug
}

#[tokio::test]
async fn an_address_that_was_refused_too_often_must_wait_unless_it_is_known() {
    let refusals_per_minute = NonZeroU32::new(3).unwrap();
    let limits = Limits { refusals_per_minute, ..Limits::default() };
    let server = TestServer::start_limited(limits, app());
    // Whoever is known pays for no one else.
    for _ in 0..5 {
        assert_eq!(slug(&server, "/known").await.as_deref(), Some("request-key"));
    }
    for path in ["/refuse", "/nowhere", "/refuse"] {
        assert_eq!(slug(&server, "/work").await, None);
        assert!(slug(&server, path).await.is_some());
    }
    assert_eq!(slug(&server, "/work").await.as_deref(), Some("too-many-refusals"));
    // What costs little goes on, also the page that tells what it means.
    assert_eq!(slug(&server, "/").await, None);
    assert_eq!(slug(&server, "/known").await.as_deref(), Some("request-key"));
}

#[tokio::test]
async fn pings_without_requests_end_the_connection() {
    let server = TestServer::start(app());
    let pings = frame(PING, 0, 0, b"12345678").repeat(100);
    flood(http2(&server).await, &pings).await;
    server.counted(&refused("overhead"), 1).await;
    assert_eq!(slug(&server, "/work").await, None);
}

#[tokio::test]
async fn headers_that_never_end_end_the_connection() {
    let server = TestServer::start(app());
    let mut tls = http2(&server).await;
    tls.write_all(&frame(HEADERS, 0, 1, GET)).await.unwrap();
    flood(tls, &frame(CONTINUATION, 0, 1, &[])).await;
    server.counted("claim_connections_open", 0).await;
    assert_eq!(server.count("claim_requests_total{route=\"/\",status=\"200\"}"), 0);
}

#[tokio::test]
async fn requests_that_are_reset_unseen_end_the_connection() {
    let server = TestServer::start(app());
    let tls = http2(&server).await;
    let requests: Vec<u8> = (0..1000)
        .flat_map(|number| {
            let stream = 2 * number + 1;
            let request = frame(HEADERS, 5, stream, GET);
            [request, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
        })
        .collect();
    let (mut reader, mut writer) = tokio::io::split(tls);
    // The rest of it meets a closed connection.
    let _ = writer.write_all(&requests).await;
    read_to_close(&mut reader).await;
    server.counted("claim_connections_open", 0).await;
}

#[tokio::test]
async fn requests_that_are_taken_back_while_they_are_worked_at_end_the_connection() {
    let begun = Arc::new(Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        async move || {
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let limits = Limits { max_abandoned_requests: 3, ..Limits::default() };
    let server = TestServer::start_limited(limits, Router::new().route("/", get(handler)));
    let mut tls = http2(&server).await;
    for stream in [1, 3, 5, 7] {
        tls.write_all(&frame(HEADERS, 5, stream, GET)).await.unwrap();
        begun.notified().await;
        tls.write_all(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())).await.unwrap();
    }
    read_to_close(&mut tls).await;
    server.counted(&refused("abandoned"), 1).await;
}

#[tokio::test]
async fn content_that_nobody_reads_is_no_more_than_a_window() {
    let begun = Arc::new(Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        async move |_: Request| {
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let server = TestServer::start(Router::new().route("/", get(handler)));
    let mut tls = http2(&server).await;
    // The window is as the settings say once these are acknowledged (RFC 9113 §6.5.3).
    let mut given = 65_535;
    loop {
        match read_frame(&mut tls).await {
            (SETTINGS, _) => break,
            (WINDOW_UPDATE, payload) => given += increment(&payload),
            _ => {}
        }
    }
    tls.write_all(&frame(SETTINGS, 1, 0, &[])).await.unwrap();
    tls.write_all(&frame(HEADERS, 4, 1, GET)).await.unwrap();
    begun.notified().await;
    let content = frame(DATA, 0, 1, &[0; 16 * 1024]);
    for _ in 0..Limits::default().http2_window_bytes / (16 * 1024) {
        tls.write_all(&content).await.unwrap();
    }
    // The window is full, nobody has complained, and no more is given.
    tls.write_all(&frame(PING, 0, 0, b"12345678")).await.unwrap();
    loop {
        match read_frame(&mut tls).await {
            (PING, payload) => break assert_eq!(payload, b"12345678"),
            (WINDOW_UPDATE, payload) => given += increment(&payload),
            _ => {}
        }
    }
    assert_eq!(given, Limits::default().http2_window_bytes);
    // One frame more is against the rules (RFC 9113 §6.9).
    let _ = tls.write_all(&content).await;
    read_to_close(&mut tls).await;
    server.counted("claim_connections_open", 0).await;
}

async fn read_frame(tls: &mut TlsStream<TcpStream>) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    tls.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    tls.read_exact(&mut payload).await.unwrap();
    (head[3], payload)
}

/// By how much WINDOW_UPDATE makes the window larger.
fn increment(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload.try_into().unwrap())
}
