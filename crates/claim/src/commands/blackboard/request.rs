//! `claim blackboard request`.

use claim_blackboard::{Config, Requested};
use serde_json::json;

use super::start_failure;
use crate::commands::Context;
use crate::exit::Exit;

pub(super) fn run(config: &Config, context: &Context) -> Exit {
    let requested = match claim_blackboard::request(config) {
        Ok(requested) => requested,
        Err(error) => return start_failure(context, &error),
    };
    let Requested { path, answer, origin, timestamp, log } = &requested;
    let line = format!(
        "Wrote {}, which asks for certificates for {origin} of\n  the timestamp key, SHA-256 {timestamp}\n  the log key,       SHA-256 {log}\n\
         Next: have it certified where the root's key is (claim cuhk certify), compare these there, and put the answer here as {}.",
        path.display(),
        answer.display()
    );
    let document = json!({
        "request": path, "answer": answer, "origin": origin,
        "timestamp_key": timestamp.to_string(), "log_key": log.to_string(),
    });
    context.terminal.result(&line, &document);
    Exit::Done
}
