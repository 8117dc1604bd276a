//! The words for what happens in the programs: the seed's steps, by number.

pub(crate) mod blackboard;
pub(crate) mod changes;
mod clocks;
pub(crate) mod cuhk;
pub(crate) mod download;
pub(crate) mod hand_in;
pub(crate) mod judged;
mod lists;
pub(crate) mod log;
pub(crate) mod retention;
pub(crate) mod student;
pub(crate) mod together;
pub(crate) mod verify;
pub(crate) mod witness;

use std::net::SocketAddr;

use claim_core::{Digest, Timestamp};
use serde_json::json;

use crate::terminal::Words;

fn plain(line: String) -> Words {
    Words { plain: Some(line), ..Words::default() }
}

fn warning(line: String) -> Words {
    Words { warning: true, ..plain(line) }
}

/// The line that tells where health and metrics are.
fn health_line(address: Option<SocketAddr>) -> String {
    address.map_or_else(String::new, |address| {
        format!("\nHealth and metrics: http://{address}/readyz and http://{address}/metrics")
    })
}

/// A server was asked to stop.
pub(crate) fn stopping() -> Words {
    Words {
        json: Some(json!({ "event": "stopping" })),
        ..plain("Stopping: finishing the requests under way … (once more: at once)".to_owned())
    }
}

/// A server has stopped; not worth a line where nobody was cut off.
pub(crate) fn stopped(cut_off: usize) -> Words {
    let line = format!("Connections cut off after the drain time: {cut_off}.");
    Words {
        plain: (cut_off > 0).then_some(line),
        json: Some(json!({ "event": "stopped", "cut_off": cut_off })),
        ..Words::default()
    }
}

/// A server was asked to stop once more.
pub(crate) fn stopped_at_once() -> Words {
    Words {
        json: Some(json!({ "event": "stopped-at-once" })),
        ..plain("Stopped at once.".to_owned())
    }
}

fn tls_reloaded(not_after: Option<Timestamp>) -> Words {
    let until = not_after.map_or_else(String::new, |end| format!(", valid until {}", day(end)));
    Words {
        json: Some(json!({ "event": "tls-reloaded", "not_after": not_after })),
        ..plain(format!("New connections get the new TLS certificate{until}."))
    }
}

fn tls_not_reloaded(reason: &str) -> Words {
    Words {
        json: Some(json!({ "event": "tls-not-reloaded", "reason": reason })),
        ..warning(format!(
            "The new TLS certificate cannot be used ({reason}); the old one stays. Trying again within a minute."
        ))
    }
}

/// Enough of a fingerprint to compare by eye.
fn short(digest: &Digest) -> String {
    let hex = digest.to_string();
    format!("{}…", hex.get(..16).unwrap_or(&hex))
}

/// The day of a time, in this machine's time zone.
pub(crate) fn day(time: Timestamp) -> String {
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
