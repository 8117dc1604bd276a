//! How often an address may be refused before it must wait.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use claim_core::{Problem, ProblemType};
use http::Extensions;
use tokio::time::Instant;

use crate::budget::Budget;
use crate::connection::ConnectionInfo;
use crate::edge::KnownAs;
use crate::household::Household;
use crate::problem::Told;

/// The refusals of each address.
type Refusals = Budget<Household>;

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
        standing.refusals.wait(&standing.household, Instant::now()).map_or(Ok(()), |wait| {
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
