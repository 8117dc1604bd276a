//! How many connections there may be, how long they last, and how they end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use claim_http::{Limits, Metrics, Stopped, bind, serve_health};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

use crate::fixture::{LONG, TestServer, is_rerun, read_answer, read_to_close, rerun};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

const SOON: Duration = Duration::from_millis(200);

fn app() -> Router {
    Router::new().route("/", get(async || "here"))
}

/// An application whose one handler tells when it has begun, and waits to be let go.
fn waiting() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        async move || {
            begun.notify_one();
            go.notified().await;
            "done"
        }
    };
    let app = Router::new().route("/", get(handler)).route("/quick", get(async || "here"));
    (app, begun, go)
}

fn refused(reason: &str) -> String {
    format!("claim_connections_refused_total{{reason=\"{reason}\"}}")
}

#[tokio::test]
async fn one_address_gets_no_more_than_its_share() {
    let limits = Limits { max_connections_per_address: 2, ..Limits::default() };
    let server = TestServer::start_limited(limits, app());
    let first = server.tls(b"http/1.1").await;
    let _second = server.tls(b"http/1.1").await;
    let mut third = server.tcp().await;
    assert_eq!(read_to_close(&mut third).await, "");
    server.counted(&refused("address-full"), 1).await;
    assert_eq!(server.count("claim_connections_open"), 2);
    drop(first);
    server.counted("claim_connections_open", 1).await;
    server.tls(b"http/1.1").await;
}

#[tokio::test]
async fn the_server_takes_no_more_than_it_can() {
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let server = TestServer::start_limited(limits, app());
    let mut first = server.tls(b"http/1.1").await;
    let mut second = server.tcp().await;
    assert_eq!(read_to_close(&mut second).await, "");
    server.counted(&refused("full"), 1).await;
    // Those inside do not notice.
    first.write_all(REQUEST).await.unwrap();
    assert!(read_answer(&mut first).await.ends_with("here"));
    assert_eq!(server.count("claim_connections_accepted_total"), 2);
}

#[tokio::test]
async fn silence_after_the_handshake_runs_out_of_time() {
    let limits = Limits { header_read_timeout: SOON, ..Limits::default() };
    let server = TestServer::start_limited(limits, app());
    for (alpn, count) in [(b"http/1.1".as_slice(), 1), (b"h2", 2)] {
        let mut tls = server.tls(alpn).await;
        read_to_close(&mut tls).await;
        server.counted(&refused("header-timeout"), count).await;
    }
}

#[tokio::test]
async fn a_header_a_byte_at_a_time_runs_out_of_time() {
    // Long enough for the first request on any machine.
    let limits = Limits { header_read_timeout: Duration::from_secs(1), ..Limits::default() };
    let server = TestServer::start_limited(limits, app());
    let mut tls = server.tls(b"http/1.1").await;
    // The second request on a connection is no better off than the first.
    tls.write_all(REQUEST).await.unwrap();
    read_answer(&mut tls).await;
    let (mut reader, mut writer) = tokio::io::split(tls);
    let drip = async move {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        for byte in b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x')) {
            pace.tick().await;
            if writer.write_all(&[*byte]).await.is_err() || writer.flush().await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = drip => {}
        _ = read_to_close(&mut reader) => {}
    }
    server.counted(&refused("header-timeout"), 1).await;
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let limits = Limits { idle_timeout: SOON, ..Limits::default() };
    let server = TestServer::start_limited(limits, app());
    let mut tls = server.tls(b"http/1.1").await;
    tls.write_all(REQUEST).await.unwrap();
    read_answer(&mut tls).await;
    // By close_notify, so that the client knows that nothing is missing.
    let mut rest = Vec::new();
    tokio::time::timeout(LONG, tls.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(rest.is_empty());

    let io = TokioIo::new(server.tls(b"h2").await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(server.url("/")).body(String::new()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    // By GOAWAY with no error.
    tokio::time::timeout(LONG, connection).await.unwrap().unwrap().unwrap();
    server.counted("claim_connections_open", 0).await;
    assert!(!server.metrics.text().contains("connections_refused_total{"));
}

#[tokio::test]
async fn a_handler_may_take_longer_than_idle_connections_live() {
    let (app, begun, go) = waiting();
    let limits = Limits { idle_timeout: SOON, ..Limits::default() };
    let server = TestServer::start_limited(limits, app);
    for alpn in [b"http/1.1".as_slice(), b"h2"] {
        let io = TokioIo::new(server.tls(alpn).await);
        let answer = if alpn == b"h2" {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            let request = http::Request::get(server.url("/")).body(String::new()).unwrap();
            tokio::spawn(async move { sender.send_request(request).await.unwrap().status() })
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            let request = http::Request::get("/").header("host", "x").body(String::new()).unwrap();
            tokio::spawn(async move { sender.send_request(request).await.unwrap().status() })
        };
        begun.notified().await;
        // Two idle lives of others pass meanwhile.
        for _ in 0..2 {
            let answer = server.raw("GET /quick HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(answer.ends_with("here"));
        }
        go.notify_one();
        assert_eq!(answer.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn stopping_waits_for_what_is_under_way() {
    for http1 in [true, false] {
        let (app, begun, go) = waiting();
        let server = TestServer::start(app);
        let (address, url) = (server.address, server.url("/"));
        let mut idle = server.tls(b"http/1.1").await;
        let mut busy = server.tls(b"http/1.1").await;
        let client = server.client();
        let answer = if http1 {
            busy.write_all(REQUEST).await.unwrap();
            tokio::spawn(async move { read_answer(&mut busy).await })
        } else {
            tokio::spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() })
        };
        begun.notified().await;
        let stopping = server.stop();
        // Nobody else gets in, and those who have nothing under way are sent off.
        read_to_close(&mut idle).await;
        assert!(TcpStream::connect(address).await.is_err());
        assert!(!stopping.is_finished());
        go.notify_one();
        assert!(answer.await.unwrap().ends_with("done"));
        assert_eq!(stopping.await.unwrap(), Stopped { cut_off: 0 });
    }
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let (app, begun, _go) = waiting();
    let limits = Limits { drain_timeout: SOON, ..Limits::default() };
    let server = TestServer::start_limited(limits, app);
    let mut tls = server.tls(b"http/1.1").await;
    // Somebody in the middle of the handshake is not waited for at all.
    let mut shaking = server.tcp().await;
    tls.write_all(REQUEST).await.unwrap();
    begun.notified().await;
    assert_eq!(server.stop().await.unwrap(), Stopped { cut_off: 1 });
    assert_eq!(read_to_close(&mut tls).await, "");
    assert_eq!(read_to_close(&mut shaking).await, "");
}

#[tokio::test]
async fn health_and_metrics_have_a_listener_of_their_own() {
    let listeners = bind(&[([127, 0, 0, 1], 0).into()]).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let metrics = Metrics::new();
    let (stop, stopped) = oneshot::channel::<()>();
    let (ready, is_ready) = tokio::sync::watch::channel(Err("the disk is full".to_owned()));
    let task = tokio::spawn(serve_health(
        listeners,
        metrics.clone(),
        move || is_ready.borrow().clone(),
        async {
            let _ = stopped.await;
        },
    ));
    let get = async |path: &str| {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        tcp.write_all(request.as_bytes()).await.unwrap();
        read_to_close(&mut tcp).await
    };
    assert!(get("/healthz").await.starts_with("HTTP/1.1 200"));
    let answer = get("/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("the disk is full"), "{answer}");
    let _ = ready.send_replace(Ok(()));
    assert!(get("/readyz").await.starts_with("HTTP/1.1 200"));
    let answer = get("/metrics").await;
    assert!(answer.contains("content-type: application/openmetrics-text"), "{answer}");
    assert!(answer.contains("claim_connections_open 0") && answer.ends_with("# EOF\n"), "{answer}");
    stop.send(()).unwrap();
    tokio::time::timeout(LONG, task).await.unwrap().unwrap();
}

#[tokio::test]
async fn running_out_of_files_is_no_end() {
    if !is_rerun() {
        let name = "connections::running_out_of_files_is_no_end";
        return rerun(name, "ulimit -n 64;", &[]).await;
    }
    let server = TestServer::start(app());
    // Each connection takes two files of this process; at last there is none to accept with.
    let mut held = Vec::new();
    while let Ok(tcp) = TcpStream::connect(server.address).await {
        held.push(tcp);
    }
    assert!(held.len() > 10);
    let no_socket = async {
        while server.count(&refused("no-socket")) == 0 {
            // The server may have taken the last file in time: leave it one less.
            if let Ok(tcp) = TcpStream::connect(server.address).await {
                held.push(tcp);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, no_socket).await.expect("the server never ran out of files");
    drop(held);
    let mut tls = tokio::time::timeout(LONG, server.tls(b"http/1.1")).await.unwrap();
    tls.write_all(REQUEST).await.unwrap();
    assert!(read_answer(&mut tls).await.ends_with("here"));
}

#[tokio::test]
async fn a_handler_ends_when_its_client_goes_away() {
    /// Tells when the handler is dropped.
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, dropped) = (Arc::clone(&begun), Arc::clone(&dropped));
        async move || {
            let _dropped = Dropped(dropped);
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let server = TestServer::start(Router::new().route("/", get(handler)));

    let mut tls = server.tls(b"http/1.1").await;
    tls.write_all(REQUEST).await.unwrap();
    begun.notified().await;
    drop(tls);
    tokio::time::timeout(LONG, dropped.notified()).await.unwrap();

    let (client, url) = (server.client(), server.url("/"));
    let request = tokio::spawn(async move { client.get(url).send().await });
    begun.notified().await;
    request.abort();
    tokio::time::timeout(LONG, dropped.notified()).await.unwrap();
}
