//! `claim`: a student hands in a report and can prove it; the school receives it and can prove it too.
//!
//! This crate reads the command line, runs the programs as libraries, and is the only one that prints.
//! The protocol is in claim-core, each program in its own crate.

mod attack;
mod bench;
mod cli;
mod commands;
mod demo;
mod doctor;
mod exit;
mod files;
mod log;
mod progress;
mod service;
mod settings;
mod stage;
mod terminal;
mod words;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Command;
use crate::commands::Context;
use crate::exit::Exit;
use crate::settings::{Settings, SettingsError};
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let settings = match settings::load(std::env::args_os()) {
        Ok(settings) => settings,
        Err(SettingsError::Usage(error)) => error.exit(),
        Err(SettingsError::File { path, error }) => {
            let what = format!("{}: {error:#}", path.display());
            let advice = format!("Correct {}, or name another file with --config.", path.display());
            terminal::complain(&what, &advice);
            return Exit::Usage.into();
        }
    };
    if let Err(error) = log::start(&settings.cli) {
        let advice = format!("Correct {}, or leave it out.", log::VARIABLE);
        terminal::complain(&format!("{error:#}"), &advice);
        return Exit::Usage.into();
    }
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
    let Settings {
        cli,
        cuhk_limits,
        cuhk_quotas,
        cuhk_mail,
        cuhk_sso,
        blackboard_limits,
        blackboard_quotas,
    } = settings;
    let dir = cli.global.dir;
    let context = Context {
        terminal,
        dir,
        cuhk_limits,
        cuhk_quotas,
        cuhk_mail,
        cuhk_sso,
        blackboard_limits,
        blackboard_quotas,
    };
    // One more than there are processors: servers let addresses take turns at these, see `claim_http::Server`.
    let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let exit = runtime.block_on(async {
        match cli.command {
            Command::Cuhk(arguments) => commands::cuhk::run(arguments, &context).await,
            Command::Blackboard(arguments) => commands::blackboard::run(arguments, &context).await,
            Command::Staff(arguments) => commands::staff::run(arguments, &context).await,
            Command::Student(arguments) => commands::student::run(arguments, &context).await,
            Command::Demo(arguments) => demo::run(arguments, &context).await,
            Command::Verify(arguments) => commands::verify::run(&arguments, &context),
            Command::Log(arguments) => commands::log::run(arguments, &context).await,
            Command::Doctor(arguments) => doctor::run(arguments, &context).await,
            Command::Bench(arguments) => bench::run(arguments, &context).await,
            Command::Completions { shell } => commands::pages::completions(shell),
            Command::Man { folder } => commands::pages::man(&folder, terminal),
        }
    });
    // A question that nobody answers any more must not keep the program.
    runtime.shutdown_background();
    exit
}
