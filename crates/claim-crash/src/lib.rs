//! Nothing acknowledged is lost: both servers, real processes, are broken at every point where something becomes durable
//! ([`claim_store::Point`]), killed there or anywhere, started again, and asked for all that they have acknowledged.
//!
//! [`child`] is the servers' side: the libraries that the program is made of, with orders for what to break. All else is the
//! harness: a [`world::World`] of both servers and some students, [`deed`]s that students and staff do and that are
//! repeated until they are acknowledged, the [`record`] of what was acknowledged, kept here and nowhere near the servers,
//! and the [`check`]s. A [`campaign`] does many rounds and counts them in a [`table`].
//! [`power`] cuts the power: of what a traced server wrote, only what was synced is left.
//!
//! Not here: anything of the program `claim`. No option of it leads to a fault.

pub mod campaign;
pub mod check;
pub mod child;
pub mod deed;
pub mod order;
pub mod postgres;
pub mod power;
pub mod process;
pub mod record;
pub mod round;
pub mod small_disk;
pub mod table;
pub mod wire;
pub mod world;
