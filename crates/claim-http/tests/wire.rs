//! claim-http over real sockets, with other people's clients where there are any.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test panics to fail")]

#[path = "wire/clients.rs"]
mod clients;
#[path = "wire/connections.rs"]
mod connections;
#[path = "wire/cuhk.rs"]
mod cuhk;
#[path = "wire/enrolment.rs"]
mod enrolment;
#[path = "wire/fixture.rs"]
mod fixture;
#[path = "wire/handshake.rs"]
mod handshake;
#[path = "wire/hostile.rs"]
mod hostile;
#[path = "wire/overload.rs"]
mod overload;
#[path = "wire/requests.rs"]
mod requests;
