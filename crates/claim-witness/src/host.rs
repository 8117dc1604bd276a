//! A server that is a witness.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::response::Response;
use claim_core::Problem;
use claim_http::Clock;
use claim_store::{StoreError, WitnessRecords};

use crate::add_checkpoint::KnownLog;
use crate::key::Witness;

/// What the routes of a witness ask of the server that they are in.
pub trait Host: Send + Sync + 'static {
    /// Its certificate and key.
    fn witness(&self) -> &Witness;

    /// Where it keeps what it has cosigned: durable when a write returns.
    fn records(&self) -> WitnessRecords<'_>;

    /// The time by which it cosigns.
    fn clock(&self) -> &Clock;

    /// How long it waits for a request's content.
    fn body_timeout(&self) -> Duration;

    /// The keys of the log of this origin that the server knows, the one that is to be used now first.
    ///
    /// # Errors
    /// Whatever befalls the server's records.
    fn known(&self, origin: &str)
    -> impl Future<Output = Result<Vec<KnownLog>, StoreError>> + Send;

    /// Takes note that a log has signed two trees of this size. The proof is on record.
    fn split(&self, origin: &str, size: u64);

    /// The answer to a request, where somebody is told of refusals.
    fn answer(&self, peer: SocketAddr, result: Result<Response, Problem>) -> Response;
}
