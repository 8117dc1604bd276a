//! `claim blackboard retention`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::Result;
use claim_blackboard::{Clock, Due, Retention, RetentionError, Step};
use indicatif::{ProgressBar, ProgressStyle};

use super::Context;
use crate::cli::RetentionArgs;
use crate::exit::Exit;
use crate::words::retention as words;

/// How long it waits for a backup to be done.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) async fn run(arguments: RetentionArgs, context: &Context) -> Result<Exit> {
    match retain(&arguments, context).await {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            context.terminal.failure(&error.to_string(), None, advice(&error));
            Ok(Exit::Refused)
        }
    }
}

async fn retain(arguments: &RetentionArgs, context: &Context) -> Result<(), RetentionError> {
    let terminal = context.terminal;
    let database = arguments.database.database.as_deref();
    let retention = Retention::open(&context.server_dir(), database, PATIENCE).await?;
    let (rule, now) = (arguments.rule(), Clock::system().now());
    let due = retention.due(&rule, now).await?;
    for (line, document) in words::due(&due, arguments.apply) {
        terminal.result(&line, &document);
    }
    if !arguments.apply {
        return Ok(());
    }
    let bar = bar(&due, context);
    let erased = retention.erase(&rule, now, |step| match step {
        Step::Claims(some) | Step::Messages(some) => bar.inc(some),
        Step::Scrubbing => bar.set_message("writing the database anew"),
    });
    let erased = erased.await;
    bar.finish_and_clear();
    let (line, document) = words::outcome(&erased?);
    terminal.result(&line, &document);
    Ok(())
}

/// Where somebody sees it.
fn bar(due: &Due, context: &Context) -> ProgressBar {
    if !(context.terminal.is_talkative() && io::stderr().is_terminal()) {
        return ProgressBar::hidden();
    }
    let claims: u64 = due.claims.iter().map(|one| one.records.claims).sum();
    let bar = ProgressBar::new(claims + due.under_way + due.messages.count);
    let template = ProgressStyle::with_template("{bar:30} {pos:>9} / {len:<9} {wide_msg}");
    // A template that cannot be read would be a plainer bar.
    bar.with_style(template.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message("erasing")
}

fn advice(error: &RetentionError) -> &'static str {
    match error {
        RetentionError::Admin(_) => "Name the folder with --dir, or the database with --database.",
        RetentionError::Busy => "Do it again when that is done.",
        _ => "Put that right and do it again: it goes on where it was.",
    }
}
