//! What the servers rely on, checked on SQLite, on PostgreSQL, and on PostgreSQL with every transaction SERIALIZABLE.

mod audit;
mod certificates;
mod claims;
mod course_audit;
mod courses;
mod devices;
mod enrolment;
mod erasing;
mod erasures;
mod errors;
mod evidence;
mod looking;
mod messages;
mod opening;
mod outages;
mod postgres;
mod rebuild;
mod ring;
mod roster;
mod sign_ins;
mod site;
mod upgrades;
mod waiting;
