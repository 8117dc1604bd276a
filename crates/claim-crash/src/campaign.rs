//! Many rounds, each point in each way in turn, in an order that the seed decides.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use claim_store::{Moment, Point};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::order::{Action, Order};
use crate::round::{Stage, all, anywhere, round, stage};
use crate::table::Table;
use crate::world::{Side, World};

/// After so many rounds the servers are made anew, so that checking them stays cheap.
const ROUNDS_OF_A_WORLD: u32 = 30;

/// One round in so many kills at a moment of no choice.
const ANYWHERE_EVERY: u32 = 8;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that can be both servers.
    pub program: PathBuf,
    /// How many rounds.
    pub rounds: u32,
    /// What the choices are drawn from.
    pub seed: u64,
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
    outcome: Outcome,
}

impl Campaign<'_> {
    /// Carries it out; `tell` hears of every fault, and now and then how far it is.
    ///
    /// # Errors
    /// When the harness itself cannot go on. A round that cannot be finished is a fault, and the next one begins anew.
    pub async fn run(plan: &Plan, tell: impl Fn(&str)) -> Result<Outcome> {
        let rng = ChaCha8Rng::seed_from_u64(plan.seed);
        let (open, world, outcome) = (Vec::new(), None, Outcome::default());
        let mut campaign = Campaign { plan, rng, open, world, outcome };
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
        let kill = number.is_multiple_of(ANYWHERE_EVERY);
        let order = if kill { None } else { Some(self.next()) };
        let name = order.map_or_else(|| "anywhere".to_owned(), |order| order.to_string());
        match self.attempt(order).await {
            Ok(wrong) if wrong.is_empty() => match order {
                Some(order) => self.outcome.table.hit(order),
                None => self.outcome.table.hit_anywhere(),
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

    async fn attempt(&mut self, order: Option<Order>) -> Result<Vec<String>> {
        let first = order.filter(|order| stage(order.point) == Stage::FirstStart);
        if first.is_some() || self.world.as_ref().is_none_or(|(_, age)| *age >= ROUNDS_OF_A_WORLD) {
            self.end_of_world().await;
            let orders: Vec<Order> = first.into_iter().collect();
            let world = World::new(&self.plan.program, &orders).await.context("a new world")?;
            if first.is_none() {
                world.enrol_students().await?;
            }
            self.world = Some((world, 0));
        }
        let Some((world, age)) = &mut self.world else { return Ok(Vec::new()) };
        *age += 1;
        match order {
            Some(order) => round(world, order, &mut self.rng).await,
            None => {
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
