//! The log on standard error: what it holds, and what it never may.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::cli::{Cli, Command};

/// Names the log's levels, for those to whom `-v` is not enough.
pub(crate) const VARIABLE: &str = "CLAIM_LOG";

/// Starts the log.
///
/// Libraries are heard from "info" on and never below, whatever is asked for: what they trace is theirs to choose, and
/// those that carry requests may choose headers, which have codes, tokens and signatures in them.
/// docs/OPERATIONS.md lists what no log may hold, and a test searches for it.
///
/// # Errors
/// When [`VARIABLE`] cannot be read as levels.
pub(crate) fn start(cli: &Cli) -> Result<()> {
    let filter = match std::env::var(VARIABLE) {
        Ok(levels) if !levels.is_empty() => EnvFilter::try_new(&levels).with_context(|| {
            format!("{VARIABLE} is not a list of levels, as in claim_http=debug")
        })?,
        _ => EnvFilter::new(levels(cli)),
    };
    let filter = filter.and(filter_fn(|metadata| is_ours(metadata) || is_important(metadata)));
    let output = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let output = if cli.global.json {
        output.json().flatten_event(true).with_span_list(false).boxed()
    } else {
        output.boxed()
    };
    tracing_subscriber::registry().with(output.with_filter(filter)).init();
    Ok(())
}

/// The levels that the options ask for.
fn levels(cli: &Cli) -> &'static str {
    let global = &cli.global;
    match global.verbose {
        // The demonstration tells everything itself.
        0 if global.quiet || matches!(cli.command, Command::Demo(_)) => "error",
        // Whoever collects documents wants one for each request.
        0 if global.json && matches!(cli.command, Command::Cuhk(_) | Command::Blackboard(_)) => {
            "info"
        }
        0 => "warn",
        1 => "debug",
        _ => "trace",
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    target == "claim" || target.starts_with("claim::") || target.starts_with("claim_")
}

fn is_important(metadata: &Metadata<'_>) -> bool {
    // h2 warns of what strangers do, and a stranger must not fill the log.
    let most =
        if metadata.target().starts_with("h2") { LevelFilter::ERROR } else { LevelFilter::INFO };
    *metadata.level() <= most
}
