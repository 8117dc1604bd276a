//! `claim demo --attack`.

use anyhow::Result;

use crate::exit::Exit;
use crate::stage::Stage;

/// Plays the attacker.
pub(crate) async fn run(stage: &Stage) -> Result<Exit> {
    let _ = stage;
    Ok(Exit::Done)
}
