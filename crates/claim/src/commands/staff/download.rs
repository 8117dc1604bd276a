//! `claim staff download`: what was handed in, with receipts, into one folder.

use std::sync::Arc;

use anyhow::Result;
use claim_core::Escaped;
use claim_student::{Event, Observer, Take, TakeOutcome};
use serde_json::json;

use crate::cli::download::DownloadArgs;
use crate::cli::staff::WhoArgs;
use crate::commands::Context;
use crate::commands::student::{observed, the_one_person};
use crate::exit::Exit;
use crate::progress::Count;
use crate::words;

pub(super) async fn run(arguments: DownloadArgs, who: WhoArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let count = Arc::new(Count::new(terminal));
    let observer: Observer = {
        let count = Arc::clone(&count);
        Arc::new(move |event| {
            count.beside(|| terminal.tell(&words::download::words(&event)));
            follow(&count, &event);
        })
    };
    let id = who.id.clone();
    let student = observed(who.servers(), context, observer)?;
    let id = match the_one_person(&student, id, terminal) {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    let mut session = match student.open_session(&id).await {
        Ok(session) => session,
        Err(error) => return Ok(terminal.explained(&error)),
    };
    let DownloadArgs { assignment, out, layout, all } = arguments;
    let take = Take { assignment, layout: layout.into(), all, into: out };
    let taken = session.take(&take).await;
    count.clear();
    let outcome = match taken {
        Ok(outcome) => outcome,
        Err(error) => return Ok(terminal.explained(&error)),
    };
    words::download::attention(&outcome).iter().for_each(|words| terminal.tell(words));
    let into = Escaped(&take.into.to_string_lossy()).to_string();
    let document = json!({
        "event": "taken", "folder": take.into, "complete": outcome.manifest.complete,
        "expected": outcome.manifest.expected, "new": outcome.new, "mended": outcome.mended,
        "failed": outcome.manifest.failed,
    });
    terminal.result(&words::download::summary(&outcome, &into), &document);
    Ok(match outcome {
        TakeOutcome { stopped: Some(error), .. } => terminal.explained(&error),
        TakeOutcome { manifest, .. } if manifest.complete => Exit::Done,
        TakeOutcome { .. } => Exit::Refused,
    })
}

fn follow(count: &Count, event: &Event) {
    match event {
        Event::Taking { claims, missing } => {
            let there = claims.saturating_sub(*missing);
            count.begin(*claims as u64, there as u64);
        }
        Event::BytesTaken { bytes } => count.bytes(*bytes),
        Event::ClaimTaken { place, .. } | Event::NotTaken { place, .. } => count.one(place),
        _ => {}
    }
}
