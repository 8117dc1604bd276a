//! More is asked than can be done.

use std::io::Write as _;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use claim_core::ProblemType;
use claim_http::{Limits, ProblemAnswer, Refusal, read_body, send};
use http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::fixture::{LONG, TestServer, read_answer};

/// A server that works at four requests at once; each takes until there is a permit for it.
struct Held {
    server: TestServer,
    permits: Arc<Semaphore>,
}

impl Held {
    fn start() -> Self {
        let permits = Arc::new(Semaphore::new(0));
        let release = Arc::clone(&permits);
        let handler = async move |request: Request| {
            let (head, body) = request.into_parts();
            read_body(&head.headers, body, 1000, LONG).await?;
            drop(release.acquire().await);
            Ok::<_, Refusal>("done")
        };
        let mut app = Router::new();
        for path in ["/deadline", "/beginning", "/content", "/other"] {
            app = app.route(path, get(handler.clone()).post(handler.clone()));
        }
        let limits = Limits { max_requests_at_work: 4, ..Limits::default() };
        Self { server: TestServer::start_limited(limits, app), permits }
    }

    /// Asks, and waits until so many requests are worked at.
    async fn hold(&self, path: &str, at_work: u64) -> JoinHandle<StatusCode> {
        let request = self.server.client().get(self.server.url(path));
        let held = tokio::spawn(async move { send(request, 1000).await.unwrap().status });
        self.server.counted("claim_requests_at_work", at_work).await;
        held
    }

    /// Asks, and is refused as the protocol says.
    async fn is_refused(&self, path: &str) {
        let request = self.server.client().get(self.server.url(path));
        let answer = send(request, 10_000).await.unwrap();
        let problem = ProblemAnswer::from_answer(&answer).unwrap();
        let found = (answer.status.as_u16(), problem.problem_type);
        assert_eq!(found, (503, Some(ProblemType::Overloaded)), "{path}");
        assert!((1..=15).contains(&problem.retry_after.unwrap()), "{path}: {problem:?}");
    }
}

#[tokio::test]
async fn what_is_urgent_is_let_in_while_the_rest_is_refused() {
    let held = Held::start();
    let mut inside = vec![held.hold("/other", 1).await, held.hold("/other", 2).await];
    held.is_refused("/other").await;
    held.is_refused("/nowhere").await;
    inside.push(held.hold("/content", 3).await);
    held.is_refused("/content").await;
    inside.push(held.hold("/deadline", 4).await);
    for path in ["/other", "/content", "/beginning", "/deadline"] {
        for _ in 0..3 {
            held.is_refused(path).await;
        }
    }
    for (urgency, count) in [("other", 5), ("content", 4), ("beginning", 3), ("deadline", 3)] {
        let name = format!("claim_requests_shed_total{{urgency=\"{urgency}\",because=\"full\"}}");
        assert_eq!(held.server.count(&name), count, "{urgency}");
    }
    assert_eq!(held.server.count("claim_requests_at_work"), 4);

    held.permits.add_permits(1000);
    for inside in inside {
        assert_eq!(inside.await.unwrap(), StatusCode::OK);
    }
    held.server.counted("claim_requests_at_work", 0).await;
    let request = held.server.client().get(held.server.url("/other"));
    assert_eq!(send(request, 1000).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn who_sends_slowly_keeps_nobody_out() {
    let held = Held::start();
    let mut slow = Vec::new();
    for count in 1..=8 {
        let mut tls = held.server.tls(b"http/1.1").await;
        let head = "POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1";
        tls.write_all(head.as_bytes()).await.unwrap();
        held.server.counted("claim_requests_under_way", count).await;
        held.server.counted("claim_requests_at_work", 0).await;
        slow.push(tls);
    }
    held.permits.add_permits(1000);
    let request = held.server.client().get(held.server.url("/other"));
    assert_eq!(send(request, 1000).await.unwrap().status, StatusCode::OK);
    for mut tls in slow {
        tls.write_all(b"2").await.unwrap();
        assert!(read_answer(&mut tls).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn who_goes_away_takes_up_no_place() {
    let held = Held::start();
    let inside = [held.hold("/deadline", 1).await, held.hold("/deadline", 2).await];
    for inside in inside {
        inside.abort();
    }
    held.server.counted("claim_requests_at_work", 0).await;
}

/// Plain HTTP would be told apart, had anybody looked at it.
#[tokio::test]
async fn who_goes_away_before_the_handshake_costs_none() {
    let server = TestServer::start(Router::new());
    let mut tcp = std::net::TcpStream::connect(server.address).unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    tcp.shutdown(Shutdown::Write).unwrap();
    server.counted("claim_connections_refused_total{reason=\"handshake-given-up\"}", 1).await;
}

/// A processor's time, so that others wait for it.
async fn busy(request: Request) -> &'static str {
    let bytes = axum::body::to_bytes(request.into_body(), 1000).await.unwrap_or_default();
    let sum: u64 = (0..200_000_u64).map(|n| std::hint::black_box(n ^ bytes.len() as u64)).sum();
    std::hint::black_box(sum);
    "done"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_queue_that_stands_is_refused_and_gone_when_the_flood_is() {
    let app = Router::new().route("/other", get(busy));
    let limits = Limits { bearable_wait: Duration::from_micros(1), ..Limits::default() };
    let server = Arc::new(TestServer::start_limited(limits, app));
    // All of them come again and again until one was refused: the last ones alone would not be many enough.
    let was_refused = Arc::new(AtomicBool::new(false));
    let flood: Vec<_> = (0..200)
        .map(|_| {
            let (client, url) = (server.client(), server.url("/other"));
            let was_refused = Arc::clone(&was_refused);
            tokio::spawn(async move {
                while !was_refused.load(Ordering::Relaxed) {
                    let answer = send(client.get(&url), 1000).await.unwrap();
                    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                        was_refused.store(true, Ordering::Relaxed);
                        return Some(ProblemAnswer::from_answer(&answer).unwrap());
                    }
                }
                None
            })
        })
        .collect();
    let mut problems = Vec::new();
    for one in flood {
        problems.extend(tokio::time::timeout(LONG, one).await.unwrap().unwrap());
    }
    assert!(!problems.is_empty());
    for problem in problems {
        assert_eq!(problem.problem_type, Some(ProblemType::Overloaded));
        assert!(problem.retry_after.is_some());
    }
    let calm = async {
        let request = || server.client().get(server.url("/other"));
        while send(request(), 1000).await.unwrap().status != StatusCode::OK {}
    };
    tokio::time::timeout(LONG, calm).await.unwrap();
}
