//! What was acknowledged, as whoever asked for it remembers it.

use std::collections::{BTreeMap, BTreeSet};

use claim_core::Digest;
use claim_core::claim::{ClaimId, FileEntry};
use claim_log::LogSigned;

/// Everything that a server has ever acknowledged, and what was ever asked of it.
#[derive(Debug, Default)]
pub struct Record {
    /// Texts of messages that were sent, with the number of each that was acknowledged.
    pub messages: BTreeMap<String, Option<i64>>,
    /// Claims that were sent.
    pub claims: BTreeMap<ClaimId, Claimed>,
    /// Certificates that were given out, by serial number.
    pub certificates: BTreeMap<String, Vec<u8>>,
    /// Codes that were spent: the code's hash, and the serial number that it led to.
    pub codes: BTreeMap<Digest, String>,
    /// Codes that were given out.
    pub invited: BTreeSet<Digest>,
    /// Students of a roster that was imported.
    pub rostered: BTreeSet<String>,
    /// Serial numbers whose revocation was acknowledged.
    pub revoked: BTreeSet<String>,
    /// Serial numbers whose revocation was asked for.
    pub to_be_revoked: BTreeSet<String>,
    /// Outages that staff was told are on record: first and last moment, in milliseconds.
    pub allowed: BTreeSet<(i64, i64)>,
    /// Sizes of trees of which the witness was shown two.
    pub splits: BTreeSet<u64>,
    /// The last checkpoint that was seen.
    pub checkpoint: Option<LogSigned>,
    /// The largest size that the witness was seen to have cosigned.
    pub cosigned: u64,
    /// The largest number of a revocation list that was seen.
    pub list: u64,
}

/// A claim and what Blackboard said of it.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Which of the students handed it in.
    pub person: usize,
    /// What is in its files, each of one piece.
    pub contents: Vec<Vec<u8>>,
    /// The files.
    pub files: Vec<FileEntry>,
    /// The token of the lodging that was acknowledged.
    pub lodged: Option<Vec<u8>>,
    /// CUHK's timestamp over it, where it was lodged with one.
    pub stamped: Option<Vec<u8>>,
    /// The files that were acknowledged.
    pub pieces: BTreeSet<usize>,
    /// Whether a complete receipt was given out.
    pub receipt: bool,
    /// Whether its withdrawal was sent.
    pub to_be_withdrawn: bool,
    /// Whether its withdrawal was acknowledged.
    pub withdrawn: bool,
}
