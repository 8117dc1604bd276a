//! What becomes of a claim that is lodged after the due time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an assignment does with late claims. They are never lost in silence: a refused one is told so at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "policy", rename_all = "lowercase")]
pub enum LatePolicy {
    /// None is taken after the due time.
    Refuse,
    /// They are taken until the closing time, and marked as late.
    #[default]
    Accept,
    /// The same, and the gradebook tells how much is to be taken off.
    Penalty {
        /// How much, by how late.
        steps: PenaltySteps,
    },
}

/// From how late on how much is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PenaltyStep {
    /// The step begins when a claim is later than this, in minutes; 0 is the moment after the due time.
    pub after_minutes: u32,
    /// How much of the marks is taken off, in percent.
    pub percent: u8,
}

/// Steps that only rise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<PenaltyStep>", into = "Vec<PenaltyStep>")]
#[schemars(extend("minItems" = 1, "maxItems" = Self::MAX))]
pub struct PenaltySteps(Vec<PenaltyStep>);

/// Why steps are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PenaltyError {
    /// None, or more than anybody could keep in mind.
    #[error("{found} steps; there can be 1 to {max}", max = PenaltySteps::MAX)]
    Count {
        /// How many there are.
        found: usize,
    },
    /// A step does not come after the one before it, or takes off no more.
    #[error("step {number} must begin later and take off more than the one before it")]
    Order {
        /// Which, counted from one.
        number: usize,
    },
    /// More than everything, or nothing.
    #[error("step {number} takes off {percent} %; it can be 1 to 100")]
    Percent {
        /// Which, counted from one.
        number: usize,
        /// How much.
        percent: u8,
    },
}

impl PenaltySteps {
    /// How many there can be.
    pub const MAX: usize = 32;

    /// Steps in the order of time.
    ///
    /// # Errors
    /// [`PenaltyError`].
    pub fn new(steps: Vec<PenaltyStep>) -> Result<Self, PenaltyError> {
        if !(1..=Self::MAX).contains(&steps.len()) {
            return Err(PenaltyError::Count { found: steps.len() });
        }
        for (number, step) in (1..).zip(&steps) {
            if !(1..=100).contains(&step.percent) {
                return Err(PenaltyError::Percent { number, percent: step.percent });
            }
        }
        let rises = |pair: &[PenaltyStep]| match pair {
            [one, next] => one.after_minutes < next.after_minutes && one.percent < next.percent,
            _ => true,
        };
        match steps.windows(2).position(|pair| !rises(pair)) {
            Some(at) => Err(PenaltyError::Order { number: at + 2 }),
            None => Ok(Self(steps)),
        }
    }

    /// In the order of time.
    pub fn steps(&self) -> &[PenaltyStep] {
        &self.0
    }

    /// How much is taken off, in percent, of what is late by so many milliseconds.
    pub fn percent(&self, late_ms: i64) -> u8 {
        let begun = |step: &&PenaltyStep| late_ms > i64::from(step.after_minutes) * 60_000;
        self.0.iter().rev().find(begun).map_or(0, |step| step.percent)
    }
}

impl LatePolicy {
    /// How much is taken off, in percent, of what is late by so many milliseconds.
    pub fn percent(&self, late_ms: i64) -> u8 {
        match self {
            Self::Refuse | Self::Accept => 0,
            Self::Penalty { steps } => steps.percent(late_ms),
        }
    }
}

impl TryFrom<Vec<PenaltyStep>> for PenaltySteps {
    type Error = PenaltyError;

    fn try_from(steps: Vec<PenaltyStep>) -> Result<Self, PenaltyError> {
        Self::new(steps)
    }
}

impl From<PenaltySteps> for Vec<PenaltyStep> {
    fn from(steps: PenaltySteps) -> Self {
        steps.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn steps(steps: &[(u32, u8)]) -> Result<PenaltySteps, PenaltyError> {
        let step = |&(after_minutes, percent)| PenaltyStep { after_minutes, percent };
        PenaltySteps::new(steps.iter().map(step).collect())
    }

    #[test]
    fn a_step_begins_after_its_last_millisecond() {
        let steps = steps(&[(0, 10), (1440, 20), (2880, 100)]).unwrap();
        let day = 24 * 60 * 60 * 1000;
        for (late, percent) in
            [(0, 0), (1, 10), (day, 10), (day + 1, 20), (2 * day, 20), (2 * day + 1, 100)]
        {
            assert_eq!(steps.percent(late), percent, "{late}");
        }
    }

    #[test]
    fn with_grace() {
        assert_eq!(steps(&[(10, 5)]).unwrap().percent(600_000), 0);
        assert_eq!(steps(&[(10, 5)]).unwrap().percent(600_001), 5);
    }

    #[test]
    fn what_does_not_rise() {
        assert_eq!(steps(&[]), Err(PenaltyError::Count { found: 0 }));
        assert_eq!(steps(&[(0, 0)]), Err(PenaltyError::Percent { number: 1, percent: 0 }));
        assert_eq!(steps(&[(0, 101)]), Err(PenaltyError::Percent { number: 1, percent: 101 }));
        assert_eq!(steps(&[(0, 5), (0, 10)]), Err(PenaltyError::Order { number: 2 }));
        assert_eq!(steps(&[(0, 5), (9, 6), (10, 6)]), Err(PenaltyError::Order { number: 3 }));
    }

    #[test]
    fn in_json() {
        let policy = LatePolicy::Penalty { steps: steps(&[(0, 10)]).unwrap() };
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(json, r#"{"policy":"penalty","steps":[{"after_minutes":0,"percent":10}]}"#);
        assert_eq!(serde_json::from_str::<LatePolicy>(&json).unwrap(), policy);
        assert_eq!(
            serde_json::from_str::<LatePolicy>(r#"{"policy":"refuse"}"#).unwrap(),
            LatePolicy::Refuse
        );
        assert!(serde_json::from_str::<LatePolicy>(r#"{"policy":"penalty","steps":[]}"#).is_err());
    }
}
