//! What holds for one holder: the assignment's times, with what was granted on top.

use claim_core::Timestamp;
use claim_core::hand_in::late_ms;

use crate::model::{AssignmentPlan, Extension, LatePolicy};

/// The times that hold for one holder of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The last moment that is in time.
    pub due: Option<Timestamp>,
    /// The last moment at which a claim is taken at all.
    pub until: Option<Timestamp>,
    /// The extension that moved the due time, by number.
    pub extension: Option<u64>,
}

impl Terms {
    /// The assignment's times, moved by the extensions that are for this holder; those that were revoked count nothing. The
    /// latest due time holds; without a due time there is nothing to extend.
    pub fn of<'e>(
        plan: &AssignmentPlan,
        extensions: impl IntoIterator<Item = &'e Extension>,
    ) -> Self {
        let Some(planned) = plan.due else {
            return Self { due: None, until: plan.until, extension: None };
        };
        let (mut due, mut number, mut until) = (planned, None, plan.until);
        for extension in extensions {
            if extension.revoked_at.is_some() || extension.assignment != plan.assignment {
                continue;
            }
            if extension.due > due {
                (due, number) = (extension.due, Some(extension.number));
            }
            // Without a closing time there is none to move.
            until = until.map(|until| extension.until.map_or(until, |later| until.max(later)));
        }
        let until = match plan.late {
            LatePolicy::Refuse => Some(due),
            LatePolicy::Accept | LatePolicy::Penalty { .. } => until.map(|until| until.max(due)),
        };
        Self { due: Some(due), until, extension: number }
    }
}

/// By how many milliseconds a claim is late that was lodged then, by the due time that both signed and by the one that holds
/// now: the later of the two. What was in time when it was lodged stays so, whatever staff changes afterwards.
pub fn judged_late_ms(at: Timestamp, signed: Option<Timestamp>, now: Option<Timestamp>) -> i64 {
    late_ms(at, signed).min(late_ms(at, now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::hand_in::Limits;

    use super::*;
    use crate::model::ExtensionScope;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn plan(late: LatePolicy, due: Option<i64>, until: Option<i64>) -> AssignmentPlan {
        AssignmentPlan {
            course: "IEMS5710".parse().unwrap(),
            assignment: "lab1".parse().unwrap(),
            title: "Lab 1".to_owned(),
            visible_from: None,
            due: due.map(at),
            until: until.map(at),
            late,
            upload_seconds: 3600,
            limits: Limits { files: 1, bytes: 1, attempts: 1 },
            groups: None,
        }
    }

    fn extension(number: u64, due: i64, until: Option<i64>) -> Extension {
        Extension {
            number,
            assignment: "lab1".parse().unwrap(),
            scope: ExtensionScope::All,
            due: at(due),
            until: until.map(at),
            reason: String::new(),
            granted_by: String::new(),
            granted_at: at(0),
            revoked_at: None,
        }
    }

    fn terms(
        plan: &AssignmentPlan,
        extensions: &[Extension],
    ) -> (Option<i64>, Option<i64>, Option<u64>) {
        let terms = Terms::of(plan, extensions);
        let seconds = |time: Timestamp| time.as_millis() / 1000;
        (terms.due.map(seconds), terms.until.map(seconds), terms.extension)
    }

    #[test]
    fn without_extensions() {
        assert_eq!(terms(&plan(LatePolicy::Accept, Some(10), None), &[]), (Some(10), None, None));
        assert_eq!(
            terms(&plan(LatePolicy::Accept, Some(10), Some(20)), &[]),
            (Some(10), Some(20), None)
        );
        assert_eq!(
            terms(&plan(LatePolicy::Refuse, Some(10), Some(20)), &[]),
            (Some(10), Some(10), None)
        );
        assert_eq!(terms(&plan(LatePolicy::Refuse, None, Some(20)), &[]), (None, Some(20), None));
    }

    #[test]
    fn the_latest_holds_and_revoked_ones_do_not() {
        let plan = plan(LatePolicy::Accept, Some(10), Some(20));
        let (first, second) = (extension(3, 15, None), extension(4, 12, None));
        assert_eq!(terms(&plan, &[first.clone(), second.clone()]), (Some(15), Some(20), Some(3)));
        let revoked = Extension { revoked_at: Some(at(1)), ..first };
        assert_eq!(terms(&plan, &[revoked, second]), (Some(12), Some(20), Some(4)));
        assert_eq!(terms(&plan, &[extension(5, 9, None)]), (Some(10), Some(20), None));
    }

    #[test]
    fn the_closing_time_is_never_before_the_due_time() {
        let accept = plan(LatePolicy::Accept, Some(10), Some(20));
        assert_eq!(terms(&accept, &[extension(3, 30, None)]), (Some(30), Some(30), Some(3)));
        assert_eq!(terms(&accept, &[extension(3, 15, Some(40))]), (Some(15), Some(40), Some(3)));
        let refuse = plan(LatePolicy::Refuse, Some(10), None);
        assert_eq!(terms(&refuse, &[extension(3, 30, None)]), (Some(30), Some(30), Some(3)));
    }

    #[test]
    fn extensions_of_another_assignment() {
        let other = Extension { assignment: "lab2".parse().unwrap(), ..extension(3, 30, None) };
        assert_eq!(
            terms(&plan(LatePolicy::Accept, Some(10), None), &[other]),
            (Some(10), None, None)
        );
    }

    #[test]
    fn what_both_signed_holds_against_an_earlier_due_time() {
        let (ten, twenty) = (Some(at(10)), Some(at(20)));
        assert_eq!(judged_late_ms(at(10), ten, Some(at(5))), 0);
        assert_eq!(judged_late_ms(at(15), ten, twenty), 0);
        assert_eq!(judged_late_ms(at(15), ten, ten), 5_000);
        assert_eq!(judged_late_ms(at(25), ten, twenty), 5_000);
        assert_eq!(judged_late_ms(at(15), None, ten), 0);
        assert_eq!(judged_late_ms(at(15), ten, None), 0);
    }
}
