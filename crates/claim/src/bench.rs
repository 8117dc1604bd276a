//! `claim bench`.

use anyhow::Result;

use crate::cli::BenchArgs;
use crate::commands::Context;
use crate::exit::Exit;

/// Runs a benchmark.
pub(crate) async fn run(arguments: BenchArgs, context: &Context) -> Result<Exit> {
    let _ = (arguments, context);
    Ok(Exit::Done)
}
