//! The time during which a certificate holds.

use std::time::Duration;

use der::DateTime;
use x509_cert::time::Time;

use crate::Timestamp;

/// From when until when a certificate is valid, both in whole seconds and both included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Validity {
    /// From and until, cut to whole seconds; `None` when the end lies before the start.
    pub fn new(not_before: Timestamp, not_after: Timestamp) -> Option<Self> {
        let whole = |time: Timestamp| Timestamp::from_seconds(time.as_seconds());
        let (not_before, not_after) = (whole(not_before), whole(not_after));
        (not_before <= not_after).then_some(Self { not_before, not_after })
    }

    /// From `start` for so many seconds.
    pub fn starting(start: Timestamp, seconds: u32) -> Self {
        let not_before = Timestamp::from_seconds(start.as_seconds());
        Self { not_before, not_after: not_before.plus_seconds(seconds.into()) }
    }

    /// The part of it that lies within the issuer's: no certificate outlives its issuer.
    ///
    /// `None` when they have no moment in common.
    pub fn within(self, issuer: Self) -> Option<Self> {
        Self::new(self.not_before.max(issuer.not_before), self.not_after.min(issuer.not_after))
    }

    /// The first second.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second, all of which belongs to it.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether this moment belongs to it; X.509 counts whole seconds.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.not_before.as_seconds()..=self.not_after.as_seconds()).contains(&at.as_seconds())
    }

    pub(crate) fn from_x509(times: &x509_cert::time::Validity) -> Option<Self> {
        // RFC 5280 §4.1.2.5: "MUST always encode certificate validity dates through the year 2049 as UTCTime".
        let early =
            |time| matches!(time, Time::GeneralTime(time) if time.to_date_time().year() < 2050);
        if early(times.not_before) || early(times.not_after) {
            return None;
        }
        Self::new(from_x509_time(times.not_before), from_x509_time(times.not_after))
    }

    pub(crate) fn to_x509(self) -> der::Result<x509_cert::time::Validity> {
        let (not_before, not_after) =
            (to_x509_time(self.not_before)?, to_x509_time(self.not_after)?);
        Ok(x509_cert::time::Validity::new(not_before, not_after))
    }
}

pub(crate) fn from_x509_time(time: Time) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

/// Whole seconds, as UTCTime through 2049 and as GeneralizedTime from then on (RFC 5280 §4.1.2.5, RFC 5652 §11.3).
pub(crate) fn to_x509_time(at: Timestamp) -> der::Result<Time> {
    let seconds = u64::try_from(at.as_seconds()).unwrap_or(0);
    DateTime::from_unix_duration(Duration::from_secs(seconds)).map(Time::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn parts_of_seconds_are_cut_off() {
        let validity = Validity::new(at(1_999), at(5_999)).unwrap();
        assert_eq!(validity, Validity::new(at(1_000), at(5_000)).unwrap());
        assert_eq!(Validity::starting(at(1_999), 4), validity);
        assert!(Validity::new(at(5_000), at(4_999)).is_none());
        assert!(Validity::new(at(5_000), at(5_000)).is_some());
    }

    #[test]
    fn both_ends_belong_to_it_with_their_whole_second() {
        let validity = Validity::new(at(1_000), at(5_000)).unwrap();
        for (moment, inside) in [(999, false), (1_000, true), (5_999, true), (6_000, false)] {
            assert_eq!(validity.contains(at(moment)), inside, "{moment}");
        }
    }

    #[test]
    fn within_caps_both_ends() {
        let issuer = Validity::new(at(2_000), at(4_000)).unwrap();
        let within = |from, until| Validity::new(at(from), at(until)).unwrap().within(issuer);
        assert_eq!(within(1_000, 5_000), Some(issuer));
        assert_eq!(within(3_000, 3_000), Validity::new(at(3_000), at(3_000)));
        assert_eq!(within(5_000, 6_000), None);
        assert_eq!(within(0, 1_000), None);
    }
}
