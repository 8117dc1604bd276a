//! Telling long before that the revocation lists come to their end, and that they have.

use claim_core::Timestamp;

use crate::event::Event;

const DAY: i64 = 24 * 60 * 60;

/// How many days before the end it begins to be told. CUHK makes a list for seven days, and a new one each day: who has
/// fewer than six left has missed one, who has fewer than five has missed two.
const TOLD_FROM: i64 = 5;

/// What was told of the end.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// With how many whole days left; -1 when it was over.
    told: Option<i64>,
}

impl Ending {
    /// What is to be told now: once a day, once when it is over, once when there is a newer list.
    ///
    /// `until` is when the first of the lists ends, `fault` why there is no newer one.
    pub(crate) fn look(
        &mut self,
        until: Option<Timestamp>,
        fault: Option<&str>,
        now: Timestamp,
    ) -> Option<Event> {
        let until = until?;
        // The last second belongs to it, as for whoever judges by it.
        let left = until.as_seconds() - now.as_seconds();
        let days = if now > until { -1 } else { left.div_euclid(DAY) };
        if days >= TOLD_FROM {
            return self.told.take().map(|_| Event::ListsRenewed { until });
        }
        if self.told == Some(days) {
            return None;
        }
        self.told = Some(days);
        let fault = fault.map(ToOwned::to_owned);
        Some(match days {
            -1 => Event::ListsEnded { until, fault },
            _ => Event::ListsEnd { until, left, fault },
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn the_end_is_told_days_before_and_once_a_day() {
        let (mut ending, end) = (Ending::default(), Timestamp::from_seconds(100 * DAY));
        let mut look = |seconds_before: i64| {
            ending.look(Some(end), Some("no answer"), end.plus_seconds(-seconds_before))
        };
        assert!(look(7 * DAY).is_none());
        assert!(look(5 * DAY).is_none());
        assert!(
            matches!(look(5 * DAY - 1), Some(Event::ListsEnd { left, .. }) if left == 5 * DAY - 1)
        );
        assert!(look(4 * DAY).is_none(), "within the same day");
        for days in [3, 2, 1, 0] {
            assert!(matches!(look(days * DAY + 60), Some(Event::ListsEnd { .. })), "{days}");
            assert!(look(days * DAY).is_none());
        }
        let Some(Event::ListsEnded { until, fault }) = look(-1) else { panic!("it is over") };
        assert_eq!((until, fault.as_deref()), (end, Some("no answer")));
        assert!(look(-DAY).is_none());
        let newer = Some(end.plus_seconds(7 * DAY));
        assert!(matches!(ending.look(newer, None, end), Some(Event::ListsRenewed { .. })));
        assert!(ending.look(newer, None, end).is_none());
        assert!(Ending::default().look(None, None, end).is_none(), "before the first");
    }
}
