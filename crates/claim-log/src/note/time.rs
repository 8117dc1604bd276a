//! The time of a cosignature.

use std::fmt;

/// A time in whole seconds since the beginning of 1970 (UTC, without leap seconds): 1 to 2^63 - 1.
///
/// Zero is none: in the protocol between log and witness it stands for "no time told".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PosixTime(u64);

/// The number is no time of a cosignature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{seconds} is not a time that a cosignature can have (1 to 2^63 - 1)")]
pub struct PosixTimeError {
    /// The number.
    pub seconds: u64,
}

impl PosixTime {
    /// The seconds since the beginning of 1970.
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for PosixTime {
    type Error = PosixTimeError;

    fn try_from(seconds: u64) -> Result<Self, PosixTimeError> {
        if seconds == 0 || seconds > i64::MAX as u64 {
            return Err(PosixTimeError { seconds });
        }
        Ok(Self(seconds))
    }
}

impl fmt::Display for PosixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let largest = (1 << 63) - 1;
        for seconds in [0, largest + 1, u64::MAX] {
            assert_eq!(PosixTime::try_from(seconds), Err(PosixTimeError { seconds }));
        }
        for seconds in [1, 1_700_000_000, largest] {
            assert_eq!(PosixTime::try_from(seconds).map(PosixTime::seconds), Ok(seconds));
        }
    }
}
