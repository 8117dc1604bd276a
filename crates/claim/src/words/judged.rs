//! Where a receipt and Blackboard's record do not say the same of late or not: why, in words for both sides.

use claim_core::Timestamp;
use claim_course::time::shown;

use super::hand_in::span;

/// A claim as it was signed and as it is judged now.
pub(crate) struct Judged<'a> {
    /// The time by which it is judged, as far as it is known here: when it was lodged.
    pub(crate) lodged_at: Timestamp,
    /// The due time that both signed.
    pub(crate) signed_due: Option<Timestamp>,
    /// By how many milliseconds it is late by that one, where it is judged otherwise now.
    pub(crate) signed_late_ms: Option<i64>,
    /// By how many milliseconds it is late as it is judged now.
    pub(crate) late_ms: i64,
    /// The due time that holds now.
    pub(crate) due: Option<Timestamp>,
    /// The course's time zone.
    pub(crate) zone: &'a str,
}

impl Judged<'_> {
    /// Why the receipt says otherwise than the record, or why a due time that is earlier now changes nothing; `None` where
    /// there is nothing to explain.
    pub(crate) fn explained(&self) -> Option<String> {
        let Self { lodged_at, signed_late_ms, late_ms, due, zone, .. } = *self;
        let signed_due = self.signed_due?;
        let signed = shown(signed_due, zone);
        if let Some(signed_late) = signed_late_ms {
            let now = match (late_ms, due) {
                (0, Some(due)) => {
                    format!("in time by the due time that holds now, {}", shown(due, zone))
                }
                (0, None) => "in time, as there is no due time any more".to_owned(),
                (late, Some(due)) => {
                    format!(
                        "late by {} by the due time that holds now, {}",
                        span(late),
                        shown(due, zone)
                    )
                }
                (late, None) => format!("late by {} now", span(late)),
            };
            return Some(format!(
                "{now}; the receipt says late by {}, by the due time that both signed, {signed}",
                span(signed_late)
            ));
        }
        let earlier = due.filter(|due| *due < signed_due && lodged_at > *due)?;
        (late_ms == 0).then(|| {
            format!(
                "in time, as the receipt says, by the due time that both signed, {signed}; the earlier one of now, {}, \
                 does not reach back",
                shown(earlier, zone)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A claim that was lodged at 1000 s.
    fn explained(signed_due: Option<i64>, due: Option<i64>) -> Option<String> {
        let time = |seconds: Option<i64>| seconds.map(Timestamp::from_seconds);
        let late = |due: Option<i64>| due.map_or(0, |due| (1_000 - due).max(0) * 1_000);
        let late_ms = late(signed_due).min(late(due));
        let judged = Judged {
            lodged_at: Timestamp::from_seconds(1_000),
            signed_due: time(signed_due),
            signed_late_ms: Some(late(signed_due)).filter(|signed| *signed != late_ms),
            late_ms,
            due: time(due),
            zone: "UTC",
        };
        judged.explained()
    }

    #[test]
    fn what_differs_from_the_receipt_is_explained_and_nothing_else() {
        for (signed, due, said) in [
            // As it was, in time and late; without a due time when it was signed.
            (Some(2_000), Some(2_000), None),
            (Some(500), Some(500), None),
            (None, Some(500), None),
            // Later: nothing changes for what was in time.
            (Some(2_000), Some(3_000), None),
            (
                Some(500),
                Some(2_000),
                Some("in time by the due time that holds now, 1970-01-01 00:33:20"),
            ),
            (
                Some(500),
                None,
                Some("in time, as there is no due time any more; the receipt says late"),
            ),
            (Some(500), Some(800), Some("late by 3 min 20 s by the due time that holds now")),
            // Earlier: does not reach back, and is not worth a word where it was kept too.
            (Some(2_000), Some(1_500), None),
            (Some(2_000), Some(500), Some("does not reach back")),
            (Some(500), Some(400), None),
        ] {
            let told = explained(signed, due);
            assert_eq!(told.is_some(), said.is_some(), "{signed:?} {due:?}: {told:?}");
            if let (Some(told), Some(said)) = (told, said) {
                assert!(told.contains(said), "{told}");
            }
        }
        let told = explained(Some(500), Some(2_000)).unwrap_or_default();
        let receipt = "the receipt says late by 8 min 20 s, by the due time that both signed, 1970-01-01 00:08:20";
        assert!(told.contains(receipt), "{told}");
    }
}
