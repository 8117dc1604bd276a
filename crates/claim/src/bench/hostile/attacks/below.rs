//! Below HTTP.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::Victim;
use super::super::stage::{Speaks, Stage};

/// Between two bytes of somebody slow.
pub(super) const DRIP: Duration = Duration::from_millis(200);

/// Nothing to anybody, all the time.
pub(super) async fn control() -> Result<()> {
    let begin = std::time::Instant::now();
    while begin.elapsed() < Duration::from_millis(1) {
        std::hint::spin_loop();
    }
    Ok(())
}

pub(super) async fn half_open(stage: &Stage) -> Result<()> {
    let mut tcp = stage.tcp(Victim::Blackboard).await?;
    // Until the server closes.
    tcp.read_u8().await?;
    Ok(())
}

pub(super) async fn connections(stage: &Stage) -> Result<()> {
    drop(stage.tcp(Victim::Blackboard).await?);
    Ok(())
}

pub(super) async fn slow_handshake(stage: &Stage) -> Result<()> {
    let mut tcp = stage.tcp(Victim::Blackboard).await?;
    // The beginning of a ClientHello of 512 bytes (RFC 8446 §5.1, §4.1.2), then its random.
    for byte in [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3].into_iter().chain([0; 500]) {
        tcp.write_all(&[byte]).await?;
        tokio::time::sleep(DRIP).await;
    }
    Ok(())
}

pub(super) async fn handshake(stage: &Stage) -> Result<()> {
    drop(stage.tls(Victim::Blackboard, Speaks::Http1).await?);
    Ok(())
}

pub(super) async fn cuhk_handshake(stage: &Stage) -> Result<()> {
    drop(stage.tls(Victim::Cuhk, Speaks::Http1).await?);
    Ok(())
}

pub(super) async fn certified_handshake(stage: &Stage) -> Result<()> {
    let mut stream = stage.tls(Victim::Cuhk, Speaks::Http1Certified).await?;
    // The client is through before the server has looked at its certificate; so it says goodbye, and waits for it.
    stream.shutdown().await?;
    // Its end is as good as a byte.
    let _read = stream.read(&mut [0; 1]).await?;
    Ok(())
}
