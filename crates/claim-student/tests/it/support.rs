//! What the tests share: a certification authority, two servers that misbehave on demand, and a student.

pub(crate) mod blackboard;
pub(crate) mod cuhk;
mod fake;
mod person;
pub(crate) mod pki;

pub(crate) use blackboard::Blackboard;
pub(crate) use cuhk::Cuhk;
pub(crate) use fake::{Reply, nowhere, problem};
pub(crate) use person::{Person, sid, text_of};
pub(crate) use pki::{Authority, now};
