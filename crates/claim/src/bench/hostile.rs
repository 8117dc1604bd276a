//! `claim bench hostile`: each attack beside honest students, on loopback, bounded in time.
//!
//! The servers are processes of their own with their default budgets. The attacker has one thread, and an address of its
//! own unless it is to share that of the students. Rounds without and with the attack take turns, as the machine may
//! have other work; what counts is the ratio of their medians.

mod attacks;
mod frames;
mod honest;
mod report;
mod servers;
mod stage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use self::attacks::{ATTACKS, Attack};
use self::honest::Honest;
use self::report::{Outcome, Report, Round};
use self::servers::Servers;
use self::stage::{Raid, Stage};
use super::temporary_folder;
use crate::cli::HostileArgs;
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// How many students take turns: enough that nobody comes near what one person may ask for.
const STUDENTS: u32 = 400;

/// How often the memory of the servers is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long the servers may take to be as they were.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which server an attack is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Victim {
    Blackboard,
    Cuhk,
}

/// Plays the attacks.
pub(crate) async fn run(arguments: HostileArgs, context: &Context) -> Result<Exit> {
    let attacks = chosen(&arguments.attack)?;
    let mut signals = StopSignals::listen()?;
    let report = tokio::select! {
        report = play(&arguments, &attacks, context) => report?,
        // The servers and the folder end with what is dropped here.
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    Ok(if report.is_sound() { Exit::Done } else { Exit::Refused })
}

fn chosen(names: &[String]) -> Result<Vec<&'static Attack>> {
    let find = |name: &String| ATTACKS.iter().find(|attack| attack.name == name);
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        let known: Vec<_> = ATTACKS.iter().map(|attack| attack.name).collect();
        bail!("there is no attack {unknown:?}; there are {}", known.join(", "));
    }
    Ok(if names.is_empty() {
        ATTACKS.iter().collect()
    } else {
        names.iter().filter_map(find).collect()
    })
}

async fn play(
    arguments: &HostileArgs,
    attacks: &[&'static Attack],
    context: &Context,
) -> Result<Report> {
    let terminal = context.terminal;
    let dir = temporary_folder(context)?;
    terminal.say("Starting CUHK and Blackboard, and certifying the students …");
    let mut servers = Servers::start(dir.path()).await?;
    let honest = Honest::new(&servers, dir.path(), STUDENTS, arguments.concurrency).await?;
    let stage = Arc::new(Stage::new(&servers, arguments.same_address).await?);
    let mut outcomes = Vec::new();
    for attack in attacks {
        terminal.say(&format!("{}: {} …", attack.name, attack.what));
        let mut rounds = Vec::new();
        for _ in 0..arguments.rounds {
            rounds.push(round(attack, arguments, &mut servers, &honest, &stage).await?);
        }
        let outcome = Outcome::new(attack, &rounds);
        terminal.say(&outcome.to_string());
        outcomes.push(outcome);
    }
    let alive = servers.are_alive()?;
    servers.stop().await;
    Ok(Report::new(arguments, alive, outcomes))
}

/// The students without the attacker, with the attacker, and after the attacker.
async fn round(
    attack: &'static Attack,
    arguments: &HostileArgs,
    servers: &mut Servers,
    honest: &Arc<Honest>,
    stage: &Arc<Stage>,
) -> Result<Round> {
    let time = Duration::from_secs(arguments.seconds);
    let without = honest.work(attack.victim, time).await?;
    let before = servers.memory(attack.victim)?;
    let raid = Raid::begin(attack, Arc::clone(stage))?;
    let mut peak = before;
    let mut working = std::pin::pin!(honest.work(attack.victim, time));
    let with = loop {
        tokio::select! {
            work = &mut working => break work?,
            () = tokio::time::sleep(LOOK_EVERY) => peak = peak.max(servers.memory(attack.victim)?),
        }
    };
    let tries = raid.end().await?;
    let ended = Instant::now();
    // As they were: somebody new is served in about the time that it takes without an attack.
    let usual = without.half_within() * 3 + Duration::from_millis(20);
    let recovered = loop {
        let took = honest.one(attack.victim).await?;
        if took <= usual {
            break Some(ended.elapsed());
        }
        if ended.elapsed() > PATIENCE {
            break None;
        }
    };
    let after = servers.memory(attack.victim)?;
    Ok(Round { without, with, before, peak, after, recovered, tries })
}
