//! `claim log`.

mod audit;
mod fetch;
mod mirror;
mod witness;

use anyhow::Result;

pub(crate) use self::audit::{Audited, Known, Stop, checkpoint, look, read_all};
pub(crate) use self::fetch::{FetchError, Log};
use super::Context;
use crate::cli::{LogArgs, LogCommand};
use crate::exit::Exit;

pub(crate) async fn run(arguments: LogArgs, context: &Context) -> Result<Exit> {
    match arguments.command {
        LogCommand::Audit(arguments) => audit::run(arguments, context).await,
        LogCommand::Witness(arguments) => witness::run(arguments, context).await,
    }
}
