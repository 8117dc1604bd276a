//! The student's program against small servers on real sockets, which can be told to misbehave.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test panics to fail")]

mod enrolment;
mod folder;
mod hand_in;
mod messages;
mod renewal;
mod revoked_blackboard;
mod sessions;
mod support;
