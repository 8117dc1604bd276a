//! One table of refusals drives the servers: each row is caused for real, at each server that gives it.
//!
//! The answer is the row's, nothing changed, and the nearest valid input passes. What fails below HTTP is closed and
//! counted. And whatever else strangers send gets an answer. A second table, of rights in courses, is gone through likewise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test panics to fail"
)]

#[path = "refusals/authority.rs"]
mod authority;
#[path = "refusals/below.rs"]
mod below;
#[path = "refusals/blackboard.rs"]
mod blackboard;
#[path = "refusals/case.rs"]
mod case;
#[path = "refusals/claims.rs"]
mod claims;
#[path = "refusals/clocks.rs"]
mod clocks;
#[path = "refusals/courses.rs"]
mod courses;
#[path = "refusals/cuhk.rs"]
mod cuhk;
#[path = "refusals/enrolment.rs"]
mod enrolment;
#[path = "refusals/odd.rs"]
mod odd;
#[path = "refusals/outages.rs"]
mod outages;
#[path = "refusals/program.rs"]
mod program;
#[path = "../../claim-cuhk/tests/cuhk/provider.rs"]
#[allow(dead_code, reason = "the tests of claim-cuhk use the rest")]
mod provider;
#[path = "refusals/rights.rs"]
mod rights;
#[path = "refusals/sign_in.rs"]
mod sign_in;
#[path = "refusals/steps.rs"]
mod steps;
#[path = "refusals/student.rs"]
mod student;
#[path = "refusals/timestamps.rs"]
mod timestamps;
#[path = "refusals/tokens.rs"]
mod tokens;
#[path = "refusals/wire.rs"]
mod wire;

use std::panic::AssertUnwindSafe;

use claim_core::{GivenBy, ProblemType};
use futures_util::FutureExt;

use crate::case::Ended;

#[tokio::test(flavor = "multi_thread")]
async fn every_row_that_cuhk_gives() {
    let mut setting = cuhk::Setting::new().await;
    every_row(GivenBy::Cuhk, async |row| cuhk::cause(row, &setting).await).await;
    setting.assert_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_that_blackboard_gives() {
    let mut setting = blackboard::Setting::new().await;
    every_row(GivenBy::Blackboard, async |row| blackboard::cause(row, &setting).await).await;
    setting.assert_sound();
}

/// Goes through the table; what is wrong with one row does not hide what is wrong with the next.
async fn every_row(server: GivenBy, cause: impl AsyncFn(ProblemType) -> Ended) {
    let mut failed = Vec::new();
    for &row in ProblemType::ALL {
        if row.given_by() == server || row.given_by() == GivenBy::Both {
            let caused = AssertUnwindSafe(cause(row)).catch_unwind().await;
            if caused.is_err() {
                failed.push(row.slug());
            }
        }
    }
    assert!(failed.is_empty(), "these rows are not as the table says: {failed:?}");
}
