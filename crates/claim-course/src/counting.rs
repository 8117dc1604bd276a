//! What counts: of everything that was lodged for an assignment, the one claim.

use claim_core::Timestamp;
use claim_core::claim::ClaimId;

/// What must be known of a claim to tell whether it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Its id.
    pub claim: ClaimId,
    /// The time by which it is judged.
    pub judged_at: Timestamp,
    /// Whether it was in time, as it is judged now.
    pub in_time: bool,
    /// Whether all its files are there and it was not withdrawn.
    pub is_received: bool,
}

/// The claim that counts, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// Which.
    pub claim: ClaimId,
    /// The time by which it is judged.
    pub judged_at: Timestamp,
    /// Whether staff chose it; otherwise it is the last that was lodged in time and received in full.
    pub chosen: bool,
}

impl Counting {
    /// Of one holder's claims, the last by the chain of `replaces` first: the one that staff chose, if it can be had; else
    /// the last that was lodged in time, received in full and not withdrawn (DESIGN §7).
    pub fn of_holder(
        newest_first: impl IntoIterator<Item = Contender>,
        chosen: Option<ClaimId>,
    ) -> Option<Self> {
        let mut by_rule = None;
        for contender in newest_first.into_iter().filter(|contender| contender.is_received) {
            let Contender { claim, judged_at, in_time, .. } = contender;
            if chosen == Some(claim) {
                return Some(Self { claim, judged_at, chosen: true });
            }
            if in_time && by_rule.is_none() {
                by_rule = Some(Self { claim, judged_at, chosen: false });
            }
        }
        by_rule
    }

    /// Of what counts for each of the holders that a student belonged to (alone, and in a group that was formed later): the
    /// last.
    pub fn of_person(of_holders: impl IntoIterator<Item = Self>) -> Option<Self> {
        of_holders.into_iter().max_by_key(|counting| counting.judged_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(number: u8) -> ClaimId {
        ClaimId::of_manifest(&[number])
    }

    fn contender(number: u8, in_time: bool, is_received: bool) -> Contender {
        let judged_at = Timestamp::from_millis(i64::from(number));
        Contender { claim: claim(number), judged_at, in_time, is_received }
    }

    fn counts(newest_first: &[Contender], chosen: Option<u8>) -> Option<(ClaimId, bool)> {
        let counting = Counting::of_holder(newest_first.iter().copied(), chosen.map(claim));
        counting.map(|counting| (counting.claim, counting.chosen))
    }

    #[test]
    fn the_last_in_time_and_whole() {
        assert_eq!(counts(&[], None), None);
        let late_then_unfinished = [
            contender(4, false, true),
            contender(3, true, false),
            contender(2, true, true),
            contender(1, true, true),
        ];
        assert_eq!(counts(&late_then_unfinished, None), Some((claim(2), false)));
        assert_eq!(counts(&late_then_unfinished[..2], None), None);
    }

    #[test]
    fn staff_chooses_among_what_is_there() {
        let claims =
            [contender(4, false, true), contender(3, true, false), contender(2, true, true)];
        assert_eq!(counts(&claims, Some(4)), Some((claim(4), true)));
        // It was withdrawn, or is no claim of this holder.
        assert_eq!(counts(&claims, Some(3)), Some((claim(2), false)));
        assert_eq!(counts(&claims, Some(9)), Some((claim(2), false)));
    }

    #[test]
    fn of_two_holders_the_last() {
        let of = |number| Counting::of_holder([contender(number, true, true)], None);
        let counting = Counting::of_person([of(2), of(5), of(3)].into_iter().flatten());
        assert_eq!(counting.map(|counting| counting.claim), Some(claim(5)));
        assert_eq!(Counting::of_person([]), None);
    }
}
