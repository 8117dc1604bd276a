//! What fails below HTTP: it is closed, by an alert where there is TLS to speak of, and counted.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::enrolment::enroll;
use crate::program::{Program, count, root};
use crate::student::{CHALLENGES, JSON};
use crate::wire::{Ask, Client, LONG, Version, Wire};

/// Short times, and few connections from one address.
const SHORT: &str = "handshake-timeout = 1\nheader-read-timeout = 1\nbody-read-timeout = 1\n\
     max-connections-per-address = 12\n";

/// How fast the bytes of a slow client come.
const PACE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_below_http_is_closed_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let limits = format!("[cuhk.limits]\n{SHORT}[blackboard.limits]\n{SHORT}");
    std::fs::write(dir.join("claim.toml"), limits).unwrap();
    let mut cuhk = Program::cuhk(dir).await;
    let mut blackboard = Program::blackboard(dir, &cuhk.origin).await;
    tokio::join!(
        refuses_below_http(dir, &cuhk, enroll("1155123456", "any code", b"")),
        refuses_below_http(dir, &blackboard, Ask::post(CHALLENGES, JSON, "")),
    );
    cuhk.assert_sound();
    blackboard.assert_sound();
}

async fn refuses_below_http(dir: &Path, program: &Program, posted: Ask) {
    let client = Client::new(&root(dir), &program.origin, None);
    let (address, metrics) = (client.address(), program.metrics);

    let before = refused(metrics, "not-tls").await;
    let mut plain = Wire::plain(address).await;
    plain.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    // A TLS alert record (RFC 8446 §5.1), and not a word of HTTP.
    assert_eq!(plain.rest().await.first(), Some(&21));
    counted(metrics, "not-tls", before + 1).await;

    let before = refused(metrics, "old-tls").await;
    let output = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-connect", &address.to_string()])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("alert protocol version") && !output.status.success(), "{text}");
    counted(metrics, "old-tls", before + 1).await;

    let before = refused(metrics, "handshake-timeout").await;
    let mut silent = Wire::plain(address).await;
    assert_eq!(silent.rest().await, b"");
    counted(metrics, "handshake-timeout", before + 1).await;
    // The beginning of a ClientHello of 512 bytes.
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3].into_iter().chain(std::iter::repeat(0));
    slowly(Wire::plain(address).await, hello).await;
    counted(metrics, "handshake-timeout", before + 2).await;

    let before = refused(metrics, "header-timeout").await;
    assert_eq!(client.open().await.rest().await, b"");
    counted(metrics, "header-timeout", before + 1).await;
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(1000));
    slowly(client.open().await, head.into_bytes()).await;
    counted(metrics, "header-timeout", before + 2).await;
    // Content at that pace is HTTP, and gets an answer.
    let mut wire = client.open().await;
    wire.send(posted.head(&client.host(), "Content-Length: 1000\r\n").as_bytes()).await;
    let answered = slowly(wire, std::iter::repeat(b' ')).await;
    assert!(answered.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answered));

    let before = refused(metrics, "handshake-given-up").await;
    drop(Wire::plain(address).await);
    counted(metrics, "handshake-given-up", before + 1).await;

    // More connections than one address may have: these are closed before the handshake.
    reaches(metrics, "claim_connections_open", 0).await;
    let full = refused(metrics, "address-full").await;
    let late = refused(metrics, "handshake-timeout").await;
    let mut crowd = Vec::new();
    for _ in 0..15 {
        crowd.push(Wire::plain(address).await);
    }
    for mut wire in crowd {
        assert_eq!(wire.rest().await, b"");
    }
    counted(metrics, "handshake-timeout", late + 12).await;
    counted(metrics, "address-full", full + 3).await;

    for version in Version::BOTH {
        assert_eq!(client.ask(version, &Ask::get("/")).await.status, 200);
    }
    drop(client);
    reaches(metrics, "claim_connections_open", 0).await;
}

/// Sends byte for byte until the other side closes, and returns what came from there.
async fn slowly<S>(wire: Wire<S>, bytes: impl IntoIterator<Item = u8>) -> Vec<u8>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (reader, mut writer) = tokio::io::split(wire.stream);
    let mut reader = Wire::over(tokio::io::join(reader, tokio::io::sink()));
    let drip = async {
        let mut pace = tokio::time::interval(PACE);
        for byte in bytes {
            pace.tick().await;
            if tokio::io::AsyncWriteExt::write_all(&mut writer, &[byte]).await.is_err() {
                break;
            }
        }
        // The answer, if there is one, comes all the same.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = drip => Vec::new(),
        read = reader.rest() => read,
    }
}

async fn refused(metrics: SocketAddr, reason: &str) -> u64 {
    count(metrics, &sample(reason)).await
}

async fn counted(metrics: SocketAddr, reason: &str, value: u64) {
    reaches(metrics, &sample(reason), value).await;
}

fn sample(reason: &str) -> String {
    format!("claim_connections_refused_total{{reason=\"{reason}\"}}")
}

/// Waits until the counter has this value.
async fn reaches(metrics: SocketAddr, sample: &str, value: u64) {
    let reached = async { while count(metrics, sample).await != value {} };
    let in_time = tokio::time::timeout(LONG, reached).await.is_ok();
    assert!(in_time, "{sample} is {} instead of {value}", count(metrics, sample).await);
}
