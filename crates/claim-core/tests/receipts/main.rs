//! Receipts, with the real keys: what each point of the list accepts, what it refuses and with which finding.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics to fail"
)]

mod checks;
mod forgeries;
mod limits;
mod log;
mod messages;
mod mutations;
mod outage;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod time;
mod whole;
