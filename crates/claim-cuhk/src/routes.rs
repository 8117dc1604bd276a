//! The addresses of CUHK.

mod certificates;
mod crl;
mod est;
mod pages;
mod revocations;
mod sign_in;
mod tsa;
mod urgency;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use claim_http::problem_pages;

use crate::local::only_local;
use crate::mode::Mode;
use crate::state::Cuhk;

pub(crate) use urgency::urgency;

/// All routes; in local demo mode behind the check that a request is local.
pub(crate) fn router(cuhk: &Arc<Cuhk>) -> Router {
    let routes = Router::new()
        .merge(est::routes())
        .merge(crl::routes())
        .merge(certificates::routes())
        .merge(claim_witness::routes())
        .merge(revocations::routes())
        .merge(tsa::routes())
        .merge(sign_in::routes())
        .merge(pages::routes())
        .merge(problem_pages());
    let routes = match cuhk.mode {
        Mode::LocalDemo => routes.layer(from_fn_with_state(Arc::clone(cuhk), only_local)),
        Mode::Rostered => routes,
    };
    routes.with_state(Arc::clone(cuhk))
}
