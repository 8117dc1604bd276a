//! By requests that look like everybody's.

use anyhow::Result;
use claim_core::encoding::base64;
use tokio::io::AsyncWriteExt;

use super::super::Victim::{self, Blackboard, Cuhk};
use super::super::stage::{Speaks, Stage, read_answer};

const JSON: &str = "application/json";
const CHALLENGES: &str = "/v1/challenges";

/// Sends this over one connection, as often as there is an answer.
async fn ask(stage: &Stage, victim: Victim, request: impl Fn() -> Result<Vec<u8>>) -> Result<()> {
    let mut stream = stage.tls(victim, Speaks::Http1).await?;
    // To be let in is a try already: a thousand of them take their time.
    stage.tried();
    let mut unread = Vec::new();
    loop {
        stream.write_all(&request()?).await?;
        read_answer(&mut stream, &mut unread).await?;
        stage.tried();
    }
}

pub(super) async fn requests(stage: &Stage) -> Result<()> {
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", stage.host(Blackboard));
    ask(stage, Blackboard, || Ok(request.clone().into_bytes())).await
}

pub(super) async fn challenges(stage: &Stage) -> Result<()> {
    let request = stage.posted(Blackboard, CHALLENGES, JSON, &stage.challenge);
    ask(stage, Blackboard, || Ok(request.clone())).await
}

pub(super) async fn garbage(stage: &Stage) -> Result<()> {
    let request = stage.posted(Blackboard, CHALLENGES, JSON, &stage.garbage);
    ask(stage, Blackboard, || Ok(request.clone())).await
}

pub(super) async fn one_session(stage: &Stage) -> Result<()> {
    ask(stage, Blackboard, || stage.message()).await
}

pub(super) async fn wrong_codes(stage: &Stage) -> Result<()> {
    let credentials = base64(b"1155123456:AQEBAQEBAQEBAQEBAQEBAQ");
    let lines = format!("Authorization: Basic {credentials}\r\nContent-Length: 4\r\n");
    let path = "/.well-known/est/simpleenroll";
    let request = stage.post(Cuhk, path, "application/pkcs10", &lines) + "AAAA";
    ask(stage, Cuhk, || Ok(request.clone().into_bytes())).await
}
