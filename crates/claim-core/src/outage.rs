//! Outages: what is sent to CUHK's timestamp authority when Blackboard cannot be reached (RFC 3161 §3.4, PROTOCOL.md §9).

/// The address of CUHK's timestamp authority.
pub const TSA: &str = "/tsa";

/// The media type of requests for timestamps.
pub const QUERY: &str = "application/timestamp-query";

/// The media type of timestamps.
pub const REPLY: &str = "application/timestamp-reply";
