//! Shell completions and man pages.

use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory;
use serde_json::json;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::terminal::Terminal;

/// Prints the completion script.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "claim", &mut script);
    match std::io::stdout().write_all(&script) {
        // Whoever closed the other end does not want it any more.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Exit::Done),
    }
}

/// Writes a man page for the program and for each command.
pub(crate) fn man(folder: &Path, terminal: Terminal) -> Result<Exit> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    let line = format!(
        "Man pages are in {}; read one with: man {}/claim.1",
        folder.display(),
        folder.display()
    );
    terminal.result(&line, &json!({ "folder": folder }));
    Ok(Exit::Done)
}
