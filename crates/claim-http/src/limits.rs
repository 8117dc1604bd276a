//! The budgets of everything that a stranger controls.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// What one server grants to whoever connects, in one place.
///
/// In the configuration file: kebab-case names, durations in seconds (decimals allowed), sizes in bytes.
/// How large a body may be is the business of each route, see [`crate::read_body`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Connections that are open at once; what comes on top is closed before its handshake.
    #[serde(deserialize_with = "at_least_one")]
    pub max_connections: usize,
    /// Connections that are open at once from one address (one /64 of IPv6, which is one household).
    ///
    /// High, because a whole dormitory may stand behind one address.
    #[serde(deserialize_with = "at_least_one")]
    pub max_connections_per_address: usize,
    /// From the TCP connection to the end of the TLS handshake.
    #[serde(deserialize_with = "seconds")]
    pub handshake_timeout: Duration,
    /// From the handshake to the end of the first request's header, and from the first to the last byte
    /// of the header of each later request (HTTP/1.1; on HTTP/2 `idle_timeout` covers these).
    #[serde(deserialize_with = "seconds")]
    pub header_read_timeout: Duration,
    /// The request line and all header fields of one request, in bytes; at least 8 KiB.
    #[serde(deserialize_with = "header_bytes")]
    pub max_header_bytes: u32,
    /// The number of header fields of one request.
    #[serde(deserialize_with = "at_least_one")]
    pub max_headers: usize,
    /// From the moment that a handler begins to read the body of a request to its last byte.
    #[serde(deserialize_with = "seconds")]
    pub body_read_timeout: Duration,
    /// How long an answer may stand still because the client does not take it.
    #[serde(deserialize_with = "seconds")]
    pub answer_stall_timeout: Duration,
    /// How long a connection without any request stays open.
    #[serde(deserialize_with = "seconds")]
    pub idle_timeout: Duration,
    /// Requests under way at once on one HTTP/2 connection.
    #[serde(deserialize_with = "at_least_one_u32")]
    pub max_concurrent_streams: u32,
    /// Bytes of content that one HTTP/2 connection may send ahead of what is read; 64 KiB to 16 MiB.
    #[serde(deserialize_with = "window_bytes")]
    pub http2_window_bytes: u32,
    /// Bytes that one HTTP/2 connection may send beside requests and their content (PING, SETTINGS and the like);
    /// every request gives room for `max_header_bytes` more, every content that is not taken for a window, and every
    /// answer for a sixty-fourth of its length.
    #[serde(deserialize_with = "at_least_one")]
    pub max_overhead_bytes: usize,
    /// Requests that one connection may take back before they are answered.
    #[serde(deserialize_with = "at_least_one")]
    pub max_abandoned_requests: usize,
    /// Requests from one address that may be refused in a minute; past that, whoever is not known by a session or a
    /// certificate must wait. They come back one by one.
    pub refusals_per_minute: NonZeroU32,
    /// Requests that are worked at, at once; one that waits for its client does not count. Of the less urgent ones
    /// only so many as leave places for the others: half of them, then three quarters, then seven eighths.
    #[serde(deserialize_with = "at_least_one")]
    pub max_requests_at_work: usize,
    /// How long a piece of work may wait for a processor, on average and for more than a moment, before the less urgent
    /// requests are refused. A hand-in is some forty pieces.
    #[serde(deserialize_with = "seconds")]
    pub bearable_wait: Duration,
    /// How long requests under way may take to finish once the server is told to stop.
    #[serde(deserialize_with = "seconds")]
    pub drain_timeout: Duration,
}

impl Limits {
    /// The smallest `max_header_bytes`: hyper's read buffer is never smaller.
    pub const MIN_HEADER_BYTES: u32 = 8 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_address: 1_000,
            handshake_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(10),
            max_header_bytes: 16 * 1024,
            max_headers: 64,
            body_read_timeout: Duration::from_secs(30),
            answer_stall_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            max_concurrent_streams: 32,
            http2_window_bytes: 256 * 1024,
            max_overhead_bytes: 64 * 1024,
            max_abandoned_requests: 100,
            refusals_per_minute: const { NonZeroU32::new(600).unwrap() },
            max_requests_at_work: 512,
            bearable_wait: Duration::from_millis(50),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration <= Duration::from_secs(86_400) => {
            Ok(duration)
        }
        _ => Err(de::Error::invalid_value(
            de::Unexpected::Float(seconds),
            &"more than 0 and at most 86400 seconds",
        )),
    }
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    at_least_one_u32(deserializer).map(|count| count as usize)
}

fn at_least_one_u32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(de::Error::invalid_value(de::Unexpected::Unsigned(0), &"at least 1")),
        count => Ok(count),
    }
}

fn header_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let bytes = u32::deserialize(deserializer)?;
    if (Limits::MIN_HEADER_BYTES..=1024 * 1024).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(de::Error::invalid_value(
            de::Unexpected::Unsigned(bytes.into()),
            &"8192 to 1048576 bytes",
        ))
    }
}

fn window_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let bytes = u32::deserialize(deserializer)?;
    if (64 * 1024..=16 * 1024 * 1024).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(de::Error::invalid_value(
            de::Unexpected::Unsigned(bytes.into()),
            &"65536 to 16777216 bytes",
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let limits: Limits =
            serde_json::from_str(r#"{"max-connections": 5, "idle-timeout": 1.5}"#).unwrap();
        assert_eq!(
            limits,
            Limits {
                max_connections: 5,
                idle_timeout: Duration::from_millis(1500),
                ..Limits::default()
            }
        );
    }

    #[test]
    fn unknown_names_and_values_that_would_lock_everyone_out_are_refused() {
        for wrong in [
            r#"{"max-conections": 5}"#,
            r#"{"max-connections": 0}"#,
            r#"{"max-connections-per-address": 0}"#,
            r#"{"max-concurrent-streams": 0}"#,
            r#"{"max-headers": -1}"#,
            r#"{"idle-timeout": 0}"#,
            r#"{"idle-timeout": -1}"#,
            r#"{"idle-timeout": 1e30}"#,
            r#"{"max-header-bytes": 100}"#,
            r#"{"http2-window-bytes": 65535}"#,
            r#"{"max-overhead-bytes": 0}"#,
            r#"{"max-abandoned-requests": 0}"#,
            r#"{"refusals-per-minute": 0}"#,
            r#"{"max-requests-at-work": 0}"#,
            r#"{"bearable-wait": 0}"#,
        ] {
            assert!(serde_json::from_str::<Limits>(wrong).is_err(), "{wrong}");
        }
    }
}
