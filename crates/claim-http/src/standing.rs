//! How often an address may be refused before it must wait.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use claim_core::{Problem, ProblemType};
use http::Extensions;
use tokio::time::Instant;

use crate::connection::ConnectionInfo;
use crate::edge::KnownAs;
use crate::household::Household;
use crate::problem::Told;

/// The time in which so many refusals come back.
const MINUTE: Duration = Duration::from_secs(60);

/// The most addresses that are remembered, some 100 bytes each. When more than these were refused within a minute, all
/// are forgotten: to lock out whom nobody knows would be what such a flood is for.
const MAX_HOUSEHOLDS: usize = 1 << 16;

/// How the address of a request stands; each request of a [`crate::Server`] carries it as an extension.
#[derive(Clone)]
pub struct Standing {
    household: Household,
    refusals: Arc<Refusals>,
}

impl Standing {
    /// Whether a request of unknown sender may be worked at; to be asked before anything that costs much.
    ///
    /// # Errors
    /// [`ProblemType::TooManyRefusals`], with the seconds until the address may try again.
    pub fn admit(extensions: &Extensions) -> Result<(), Problem> {
        // Without a server, as in tests of the routes alone, there are no addresses.
        let Some(standing) = extensions.get::<Self>() else { return Ok(()) };
        standing.refusals.wait(standing.household, Instant::now()).map_or(Ok(()), |wait| {
            let detail = "too many requests from your address were refused within a minute";
            let seconds = wait.as_secs().max(1);
            Err(Problem::new(ProblemType::TooManyRefusals, detail).with("retry_after", seconds))
        })
    }
}

/// Gives each request its standing, and counts those that are refused.
pub(crate) fn with_standing(app: Router, refusals_per_minute: NonZeroU32) -> Router {
    app.layer(from_fn_with_state(Arc::new(Refusals::new(refusals_per_minute)), keep_count))
}

async fn keep_count(
    State(refusals): State<Arc<Refusals>>,
    mut request: Request,
    next: Next,
) -> Response {
    let household = request.extensions().get::<ConnectionInfo>().map(|info| info.peer.ip().into());
    let Some(household) = household else { return next.run(request).await };
    let standing = Standing { household, refusals: Arc::clone(&refusals) };
    request.extensions_mut().insert(standing);
    let response = next.run(request).await;
    if counts(&response) {
        refusals.count(household, Instant::now());
    }
    response
}

/// Refusals by the stranger's fault. Not the one that is for too many of them: else who waits would wait for ever.
fn counts(response: &Response) -> bool {
    let told = response.extensions().get::<Told>();
    told.is_some_and(|Told(problem)| *problem != ProblemType::TooManyRefusals)
        && response.status().is_client_error()
        && response.extensions().get::<KnownAs>().is_none()
}

/// The refusals of each address: so many a minute, which may come all at once.
struct Refusals {
    /// The time in which one refusal comes back.
    interval: Duration,
    households: Mutex<Households>,
}

#[derive(Default)]
struct Households {
    /// For each address the moment up to which its budget is used.
    used_until: HashMap<Household, Instant>,
    /// The size at which the next sweep is worth its time.
    sweep_at: usize,
}

impl Refusals {
    fn new(per_minute: NonZeroU32) -> Self {
        Self { interval: MINUTE / per_minute.get(), households: Mutex::default() }
    }

    fn count(&self, household: Household, now: Instant) {
        let mut households = self.households.lock().unwrap_or_else(PoisonError::into_inner);
        households.sweep(now);
        let used_until = households.used_until.entry(household).or_insert(now);
        // No further than a minute: several requests that were let in together may be refused together.
        *used_until = ((*used_until).max(now) + self.interval).min(now + MINUTE);
    }

    /// How long the address must wait, if it must.
    fn wait(&self, household: Household, now: Instant) -> Option<Duration> {
        let households = self.households.lock().unwrap_or_else(PoisonError::into_inner);
        let used_until = *households.used_until.get(&household)?;
        let room_at = (used_until + self.interval).checked_sub(MINUTE)?;
        room_at.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }
}

impl Households {
    /// Forgets who has the whole budget again, each time that the number has doubled.
    fn sweep(&mut self, now: Instant) {
        const SWEPT_FROM: usize = 1024;
        if self.used_until.len() >= self.sweep_at.max(SWEPT_FROM) {
            self.used_until.retain(|_, used_until| *used_until > now);
            if self.used_until.len() >= MAX_HOUSEHOLDS {
                self.used_until.clear();
            }
            self.sweep_at = (self.used_until.len() * 2).min(MAX_HOUSEHOLDS);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::net::IpAddr;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn household(number: u32) -> Household {
        IpAddr::from(number.to_be_bytes()).into()
    }

    fn refusals(per_minute: u32) -> Refusals {
        Refusals::new(NonZeroU32::new(per_minute).unwrap())
    }

    #[test]
    fn a_budget_that_is_used_up_comes_back_one_by_one() {
        let (refusals, now) = (refusals(60), Instant::now());
        for _ in 0..60 {
            assert_eq!(refusals.wait(household(1), now), None);
            refusals.count(household(1), now);
        }
        assert_eq!(refusals.wait(household(1), now), Some(SECOND));
        assert_eq!(refusals.wait(household(2), now), None);
        let later = now + SECOND;
        assert_eq!(refusals.wait(household(1), later), None);
        refusals.count(household(1), later);
        assert_eq!(refusals.wait(household(1), later), Some(SECOND));
    }

    #[test]
    fn what_was_refused_at_once_keeps_nobody_out_for_long() {
        let (refusals, now) = (refusals(60), Instant::now());
        for _ in 0..10_000 {
            refusals.count(household(1), now);
        }
        assert_eq!(refusals.wait(household(1), now), Some(SECOND));
    }

    #[test]
    fn the_table_is_bounded() {
        let (refusals, now) = (refusals(60), Instant::now());
        for number in 0..300_000 {
            refusals.count(household(number), now);
            if number % 10_000 == 0 {
                assert!(refusals.households.lock().unwrap().used_until.len() <= MAX_HOUSEHOLDS);
            }
        }
        let later = now + MINUTE + SECOND;
        for number in 0..200_000 {
            refusals.count(household(number), later + SECOND * number);
        }
        assert!(refusals.households.lock().unwrap().used_until.len() <= 2048);
    }
}
