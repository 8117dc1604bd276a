//! `claim`: a student hands in a report and can prove it; the school receives it and can prove it too.
//!
//! This crate reads the command line, runs the programs as libraries, and is the only one that prints.
//! The protocol is in claim-core, each program in its own crate.

mod attack;
mod bench;
mod cli;
mod commands;
mod demo;
mod exit;
mod settings;
mod stage;
mod terminal;
mod words;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::commands::Context;
use crate::exit::Exit;
use crate::settings::{Settings, SettingsError};
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let settings = match settings::load(std::env::args_os()) {
        Ok(settings) => settings,
        Err(SettingsError::Usage(error)) => error.exit(),
        Err(SettingsError::File(error)) => {
            let advice =
                format!("Correct {}, or name another file with --config.", settings::FILE_NAME);
            terminal::complain(&format!("{error:#}"), &advice);
            return Exit::Usage.into();
        }
    };
    log(&settings.cli);
    let terminal = Terminal::new(&settings.cli.global);
    match run(settings, terminal) {
        Ok(exit) => exit.into(),
        Err(error) => {
            terminal.failure(&format!("{error:#}"), None, "Put that right and run it again.");
            Exit::Refused.into()
        }
    }
}

fn run(settings: Settings, terminal: Terminal) -> Result<Exit> {
    let Settings { cli, cuhk_limits, blackboard_limits, blackboard_quotas } = settings;
    let dir = cli.global.dir;
    let context = Context { terminal, dir, cuhk_limits, blackboard_limits, blackboard_quotas };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(async {
        match cli.command {
            Command::Cuhk(arguments) => commands::cuhk::run(arguments, &context).await,
            Command::Blackboard(arguments) => commands::blackboard::run(arguments, &context).await,
            Command::Student(arguments) => commands::student::run(arguments, &context).await,
            Command::Demo(arguments) => demo::run(arguments, &context).await,
            Command::Bench(arguments) => bench::run(arguments, &context).await,
            Command::Completions { shell } => commands::pages::completions(shell),
            Command::Man { folder } => commands::pages::man(&folder, terminal),
        }
    });
    // A question that nobody answers any more must not keep the program.
    runtime.shutdown_background();
    exit
}

/// The log goes to standard error; warnings by default. It never holds secrets or the text of messages.
fn log(cli: &Cli) {
    let global = &cli.global;
    let level = match global.verbose {
        // The demonstration tells everything itself.
        0 if global.quiet || matches!(cli.command, Command::Demo(_)) => "error",
        0 => "warn",
        1 => {
            "info,claim=debug,claim_cuhk=debug,claim_blackboard=debug,claim_student=debug,claim_http=debug"
        }
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("CLAIM_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let subscriber = subscriber.with_ansi(std::io::stderr().is_terminal());
    if global.json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
}
