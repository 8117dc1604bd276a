//! `claim-crash rounds` breaks both servers many times; its other commands are those servers.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of tests tells what it does"
)]

use std::process::ExitCode;

use anyhow::Result;
use claim_crash::campaign::{Campaign, Plan};
use claim_crash::child::{self, Child};
use clap::{Parser, Subcommand};

/// Breaks both servers of Claim at every point where something becomes durable.
#[derive(Debug, Parser)]
#[command(name = "claim-crash")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Break, start again, check; and print how often each point was hit
    Rounds {
        /// How many rounds
        #[arg(long, default_value_t = 2000)]
        rounds: u32,
        /// What the choices are drawn from
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Demand that every point was hit so often in both ways
        #[arg(long, default_value_t = 20)]
        least: u32,
        /// Have Blackboard's records on a PostgreSQL server, which is killed as well
        #[arg(long)]
        postgres: bool,
    },
    /// Be a server, or do what staff does, with faults
    #[command(subcommand, hide = true)]
    Be(Child),
}

fn main() -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    match Cli::parse().command {
        Command::Be(child) => runtime.block_on(child::run(child)),
        Command::Rounds { rounds, seed, least, postgres } => {
            let plan = Plan { program: std::env::current_exe()?, rounds, seed, postgres };
            let outcome = runtime.block_on(Campaign::run(&plan, |line| println!("{line}")))?;
            println!("{}", outcome.table);
            let lacking = outcome.table.lacking(least);
            for line in &lacking {
                println!("too seldom: {line}");
            }
            let sound = outcome.faults.is_empty() && lacking.is_empty();
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}
