//! How many entries there are, and which one is meant: two numbers that are easily taken for each other.

use std::fmt;
use std::str::FromStr;

use crate::text::decimal;

/// How many entries a tree has: 0 to 2^63 - 1.
///
/// The limit is that of the other implementations and of SQL's integers; it also leaves room for the arithmetic of
/// proofs. As text it is decimal without leading zeroes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeSize(u64);

/// The zero-based place of an entry in the log: 0 to 2^63 - 2.
///
/// As text it is decimal without leading zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(u64);

/// A number that is no tree size or index: not in canonical decimal, negative, or beyond 2^63 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number that a log can have (decimal, without leading zeroes, below 2^63)")]
pub struct SizeError;

impl TreeSize {
    /// The tree without entries.
    pub const ZERO: Self = Self(0);
    /// The largest tree.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// Whether the tree has no entries.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The size after so many more entries; `None` beyond [`TreeSize::MAX`].
    pub fn plus(self, entries: usize) -> Option<Self> {
        self.0.checked_add(u64::try_from(entries).ok()?)?.try_into().ok()
    }

    /// Whether a tree of this size has that entry.
    pub const fn contains(self, index: LeafIndex) -> bool {
        index.0 < self.0
    }
}

impl LeafIndex {
    /// The last entry that a log can have.
    pub const LAST: Self = Self(TreeSize::MAX.0 - 1);

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for TreeSize {
    type Error = SizeError;

    fn try_from(number: u64) -> Result<Self, SizeError> {
        if number > Self::MAX.0 { Err(SizeError) } else { Ok(Self(number)) }
    }
}

impl TryFrom<i64> for TreeSize {
    type Error = SizeError;

    fn try_from(number: i64) -> Result<Self, SizeError> {
        u64::try_from(number).map(Self).map_err(|_| SizeError)
    }
}

impl TryFrom<u64> for LeafIndex {
    type Error = SizeError;

    fn try_from(number: u64) -> Result<Self, SizeError> {
        if number >= TreeSize::MAX.0 { Err(SizeError) } else { Ok(Self(number)) }
    }
}

impl TryFrom<i64> for LeafIndex {
    type Error = SizeError;

    fn try_from(number: i64) -> Result<Self, SizeError> {
        u64::try_from(number).map_err(|_| SizeError)?.try_into()
    }
}

// Databases have signed integers; the limits above make these lossless.
impl From<TreeSize> for i64 {
    fn from(size: TreeSize) -> Self {
        size.0.cast_signed()
    }
}

impl From<LeafIndex> for i64 {
    fn from(index: LeafIndex) -> Self {
        index.0.cast_signed()
    }
}

impl FromStr for TreeSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        decimal(text).ok_or(SizeError)?.try_into()
    }
}

impl FromStr for LeafIndex {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        decimal(text).ok_or(SizeError)?.try_into()
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn limits() {
        let largest = (1_u64 << 63) - 1;
        assert_eq!(TreeSize::try_from(largest), Ok(TreeSize::MAX));
        assert_eq!(TreeSize::try_from(largest + 1), Err(SizeError));
        assert_eq!(TreeSize::try_from(-1_i64), Err(SizeError));
        assert_eq!(i64::from(TreeSize::MAX), i64::MAX);
        assert_eq!(LeafIndex::try_from(largest), Err(SizeError));
        let last = LeafIndex::try_from(largest - 1).unwrap();
        assert!(TreeSize::MAX.contains(last));
        assert_eq!(LeafIndex::try_from(i64::from(last)), Ok(last));
        assert_eq!(TreeSize::MAX.plus(1), None);
        assert_eq!(TreeSize::MAX.plus(usize::MAX), None);
        assert_eq!(TreeSize::ZERO.plus(3), Some(TreeSize(3)));
        assert!(!TreeSize::ZERO.contains(LeafIndex(0)));
    }

    #[test]
    fn text_and_back() {
        assert_eq!("9223372036854775807".parse(), Ok(TreeSize::MAX));
        assert_eq!("9223372036854775808".parse::<TreeSize>(), Err(SizeError));
        assert_eq!("9223372036854775807".parse::<LeafIndex>(), Err(SizeError));
        assert_eq!("01".parse::<TreeSize>(), Err(SizeError));
        assert_eq!("-1".parse::<LeafIndex>(), Err(SizeError));
        assert_eq!(TreeSize(20_852_163).to_string(), "20852163");
        assert_eq!(LeafIndex(7).to_string(), "7");
    }
}
