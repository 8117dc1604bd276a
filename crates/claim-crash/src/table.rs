//! How often each point was hit, in each way.

use std::collections::BTreeMap;
use std::fmt;

use claim_store::{Moment, Point};

use crate::order::{Action, Order};

/// Point, way, hits.
#[derive(Clone, Debug, Default)]
pub struct Table {
    hits: BTreeMap<(Point, Moment, Action), u32>,
    anywhere: u32,
    database: u32,
}

/// The columns: an error or SIGKILL, with nothing durable or all of it.
const WAYS: [(Moment, Action, &str); 6] = [
    (Moment::Before, Action::Fail, "error, not persisted"),
    (Moment::After, Action::Fail, "error, yet persisted"),
    (Moment::Before, Action::Full, "no room, not persisted"),
    (Moment::After, Action::Full, "no room, yet persisted"),
    (Moment::Before, Action::Stop, "killed, not persisted"),
    (Moment::After, Action::Stop, "killed, yet persisted"),
];

impl Table {
    /// One more.
    pub fn hit(&mut self, order: Order) {
        *self.hits.entry((order.point, order.moment, order.action)).or_default() += 1;
    }

    /// A kill at no point in particular.
    pub fn hit_anywhere(&mut self) {
        self.anywhere += 1;
    }

    /// The database server ended at no point in particular.
    pub fn hit_database(&mut self) {
        self.database += 1;
    }

    /// What was hit less often than so, in one of both ways.
    pub fn lacking(&self, least: u32) -> Vec<String> {
        let mut lacking = Vec::new();
        for point in Point::ALL {
            for (moment, way) in [(Moment::Before, "not persisted"), (Moment::After, "persisted")] {
                let hits: u32 = [Action::Fail, Action::Full, Action::Stop]
                    .into_iter()
                    .map(|action| self.count(point, moment, action))
                    .sum();
                if hits < least {
                    lacking.push(format!("{point}, {way}: {hits} of {least}"));
                }
            }
        }
        lacking
    }

    fn count(&self, point: Point, moment: Moment, action: Action) -> u32 {
        self.hits.get(&(point, moment, action)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = WAYS.iter().map(|(_, _, name)| *name).collect();
        writeln!(f, "| point | {} |", columns.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(WAYS.len()))?;
        for point in Point::ALL {
            let counts: Vec<_> = WAYS
                .iter()
                .map(|(moment, action, _)| self.count(point, *moment, *action).to_string())
                .collect();
            writeln!(f, "| {point} | {} |", counts.join(" | "))?;
        }
        write!(f, "and killed at {} moments of no choice", self.anywhere)?;
        match self.database {
            0 => Ok(()),
            times => write!(f, ", the database server at {times}"),
        }
    }
}
