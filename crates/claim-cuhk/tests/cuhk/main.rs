//! CUHK as its clients see it: real sockets, the EST client of Claim, stock `curl` and `openssl`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test panics to fail")]

mod admin;
mod crash;
mod curl;
mod devices;
mod enrolment;
mod est;
mod evidence;
mod fixture;
mod local;
mod own_revocation;
mod pages;
mod provider;
mod refusals;
mod renewal;
mod revocation;
mod roster;
mod sign_in;
mod start;
mod timestamps;
mod upkeep;
mod witness;
