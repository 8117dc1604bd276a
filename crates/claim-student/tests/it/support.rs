//! What the tests share: a certification authority, two servers that misbehave on demand, and a student.

mod blackboard;
mod cuhk;
mod fake;
mod pki;
mod person;

pub(crate) use blackboard::Blackboard;
pub(crate) use cuhk::Cuhk;
pub(crate) use fake::{Fake, Reply, nowhere, problem};
pub(crate) use person::{Person, RecordedEvents, sid, text_of};
pub(crate) use pki::{Authority, now};
