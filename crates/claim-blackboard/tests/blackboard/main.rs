//! Blackboard over real sockets: a CUHK made of keys alone, a student made of claim-core alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test panics to fail")]

mod authority;
mod enrolment;
mod est;
mod exchange;
mod overload;
mod refused_messages;
mod refused_sessions;
mod restart;
mod running;
mod scene;
mod starting;
mod student;
