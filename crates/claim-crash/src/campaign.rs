//! Many rounds, each point in each way in turn, in an order that the seed decides.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use claim_store::{Moment, Point};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::order::{Action, Order};
use crate::postgres::Postgres;
use crate::round::{Stage, all, anywhere, database_down, round, stage};
use crate::table::Table;
use crate::world::{Side, World};

/// After so many rounds the servers are made anew, so that checking them stays cheap.
const ROUNDS_OF_A_WORLD: u32 = 30;

/// One round in so many kills at a moment of no choice.
const ANYWHERE_EVERY: u32 = 8;

/// Where there is a database server, it is killed in the round of so many that has this number.
const DATABASE_AT: u32 = 4;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that can be both servers.
    pub program: PathBuf,
    /// How many rounds.
    pub rounds: u32,
    /// What the choices are drawn from.
    pub seed: u64,
    /// Whether Blackboard's records are on PostgreSQL, whose server is killed as well.
    pub postgres: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How often each point was hit.
    pub table: Table,
    /// What was wrong.
    pub faults: Vec<String>,
}

/// A plan being carried out.
pub struct Campaign<'p> {
    plan: &'p Plan,
    rng: ChaCha8Rng,
    open: Vec<Order>,
    world: Option<(World, u32)>,
    server: Option<Postgres>,
    outcome: Outcome,
}

/// What breaks in a round.
#[derive(Clone, Copy, Debug)]
enum Breaks {
    /// Something at a point.
    At(Order),
    /// A server, at a moment of no choice.
    Anywhere,
    /// The database server, at a moment of no choice.
    Database,
}

impl Campaign<'_> {
    /// Carries it out; `tell` hears of every fault, and now and then how far it is.
    ///
    /// # Errors
    /// When the harness itself cannot go on. A round that cannot be finished is a fault, and the next one begins anew.
    pub async fn run(plan: &Plan, tell: impl Fn(&str)) -> Result<Outcome> {
        let rng = ChaCha8Rng::seed_from_u64(plan.seed);
        let (open, world, outcome) = (Vec::new(), None, Outcome::default());
        let server = if plan.postgres { Some(Postgres::start().await?) } else { None };
        let mut campaign = Campaign { plan, rng, open, world, server, outcome };
        let begun = Instant::now();
        for number in 1..=plan.rounds {
            let before = campaign.outcome.faults.len();
            campaign.one(number).await;
            for fault in campaign.outcome.faults.iter().skip(before) {
                tell(fault);
            }
            if number.is_multiple_of(50) {
                let faults = campaign.outcome.faults.len();
                let seconds = begun.elapsed().as_secs();
                tell(&format!("{number} rounds in {seconds} s, {faults} faults"));
            }
        }
        let before = campaign.outcome.faults.len();
        campaign.end_of_world().await;
        for fault in campaign.outcome.faults.iter().skip(before) {
            tell(fault);
        }
        Ok(campaign.outcome)
    }

    async fn one(&mut self, number: u32) {
        let breaks = if number.is_multiple_of(ANYWHERE_EVERY) {
            Breaks::Anywhere
        } else if self.server.is_some() && number % ANYWHERE_EVERY == DATABASE_AT {
            Breaks::Database
        } else {
            Breaks::At(self.next())
        };
        let name = match breaks {
            Breaks::At(order) => order.to_string(),
            Breaks::Anywhere => "anywhere".to_owned(),
            Breaks::Database => "the database server".to_owned(),
        };
        match self.attempt(breaks).await {
            Ok(wrong) if wrong.is_empty() => match breaks {
                Breaks::At(order) => self.outcome.table.hit(order),
                Breaks::Anywhere => self.outcome.table.hit_anywhere(),
                Breaks::Database => self.outcome.table.hit_database(),
            },
            Ok(wrong) => {
                self.outcome.faults.push(format!("round {number}, {name}: {}", wrong.join("; ")));
                self.world = None;
            }
            Err(error) => {
                self.outcome.faults.push(format!("round {number}, {name}: {error:#}"));
                self.world = None;
            }
        }
    }

    async fn attempt(&mut self, breaks: Breaks) -> Result<Vec<String>> {
        let first = match breaks {
            Breaks::At(order) if stage(order.point) == Stage::FirstStart => Some(order),
            _ => None,
        };
        if first.is_some() || self.world.as_ref().is_none_or(|(_, age)| *age >= ROUNDS_OF_A_WORLD) {
            self.end_of_world().await;
            let orders: Vec<Order> = first.into_iter().collect();
            let records = match &self.server {
                Some(server) => Some(server.new_database().await?),
                None => None,
            };
            let world = World::on(&self.plan.program, &orders, records);
            let world = world.await.context("a new world")?;
            if first.is_none() {
                world.enrol_students().await?;
                world.allow_outages().await?;
            }
            self.world = Some((world, 0));
        }
        let Some((world, age)) = &mut self.world else { return Ok(Vec::new()) };
        *age += 1;
        match breaks {
            Breaks::At(order) => round(world, order, &mut self.rng).await,
            Breaks::Database => match &mut self.server {
                Some(server) => database_down(world, server, &mut self.rng).await,
                None => Ok(Vec::new()),
            },
            Breaks::Anywhere => {
                let side = if self.rng.next_u32().is_multiple_of(2) {
                    Side::Cuhk
                } else {
                    Side::Blackboard
                };
                anywhere(world, side, &mut self.rng).await
            }
        }
    }

    /// Everything of a world is checked once more before it goes.
    async fn end_of_world(&mut self) {
        let Some((world, _)) = self.world.take() else { return };
        match all(&world).await {
            Ok(wrong) if wrong.is_empty() => {}
            Ok(wrong) => self.outcome.faults.push(format!("in the end: {}", wrong.join("; "))),
            Err(error) => self.outcome.faults.push(format!("in the end: {error:#}")),
        }
    }

    /// Every point in every way, in some order; then again.
    fn next(&mut self) -> Order {
        if self.open.is_empty() {
            for point in Point::ALL {
                for moment in [Moment::Before, Moment::After] {
                    for action in [Action::Fail, Action::Full, Action::Stop] {
                        self.open.push(Order { point, moment, action });
                    }
                }
            }
        }
        let place = usize::try_from(self.rng.next_u32()).unwrap_or(0) % self.open.len();
        self.open.swap_remove(place)
    }
}
