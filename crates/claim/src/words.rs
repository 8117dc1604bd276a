//! The words for what happens in the three programs: the seed's steps, by number.

pub(crate) mod blackboard;
pub(crate) mod cuhk;
pub(crate) mod student;

use std::net::SocketAddr;

use claim_core::{Digest, Timestamp};

/// Enough of a fingerprint to compare by eye.
fn short(digest: &Digest) -> String {
    let hex = digest.to_string();
    format!("{}…", hex.get(..16).unwrap_or(&hex))
}

/// The day of a time, in this machine's time zone.
fn day(time: Timestamp) -> String {
    local(time).strftime("%F").to_string()
}

/// The time of day with its offset, in this machine's time zone.
fn clock(time: Timestamp) -> String {
    local(time).strftime("%T%:z").to_string()
}

fn local(time: Timestamp) -> jiff::ZonedDateTime {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.to_zoned_datetime(jiff::tz::TimeZone::system())
}

fn join(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}
