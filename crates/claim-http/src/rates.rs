//! How much one person may ask for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use claim_core::{PersonId, Problem, ProblemType, Timestamp};

/// A minute in milliseconds.
const MINUTE: i64 = 60_000;

/// An hour in milliseconds.
const HOUR: i64 = 60 * MINUTE;

/// From how many people on those whose requests are long past are looked for and forgotten.
const SWEPT_FROM: usize = 1024;

/// Seconds until one of a person's requests has surely ended, unless it is a slow one.
const RETRY_AFTER: u64 = 1;

/// The rate of each person's authentic requests: so many a minute, or an hour, which may come all at once, and so many
/// under way.
///
/// It counts only what a person has signed, so nobody can use up another's share. It is this replica's own and
/// starts anew with it: it keeps a program that runs wild from filling the disk, no more.
pub struct Rates {
    /// The time over which requests are counted, in milliseconds.
    period: i64,
    /// Milliseconds that each request uses up.
    interval: i64,
    at_once: u32,
    people: Mutex<People>,
}

#[derive(Default)]
struct People {
    /// For each person the moment, in milliseconds, up to which the share is used up.
    used_until: HashMap<PersonId, i64>,
    /// The size at which the next sweep is worth its time.
    sweep_at: usize,
    /// How many requests of each person are under way; nobody is here with none.
    under_way: HashMap<PersonId, u32>,
}

/// A request is under way while this lives.
pub struct UnderWay<'r> {
    rates: &'r Rates,
    id: PersonId,
}

impl Rates {
    /// So many requests of one person in a minute, and so many under way at once.
    pub fn new(per_minute: NonZeroU32, at_once: NonZeroU32) -> Self {
        Self::over(MINUTE, per_minute, at_once)
    }

    /// So many requests of one person in an hour, and so many under way at once.
    pub fn hourly(per_hour: NonZeroU32, at_once: NonZeroU32) -> Self {
        Self::over(HOUR, per_hour, at_once)
    }

    fn over(period: i64, number: NonZeroU32, at_once: NonZeroU32) -> Self {
        let interval = (period / i64::from(number.get())).max(1);
        Self { period, interval, at_once: at_once.get(), people: Mutex::default() }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// [`ProblemType::Overloaded`], with the seconds until there is room again.
    pub fn count(&self, id: &PersonId, now: Timestamp) -> Result<UnderWay<'_>, Problem> {
        let now = now.as_millis();
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = people.used_until.get(id).copied();
        // More than the whole period ahead is a clock that was set back, which must not lock anyone out.
        let counted = counted.filter(|used_until| used_until.saturating_sub(now) <= self.period);
        let after = counted.unwrap_or(now).max(now).saturating_add(self.interval);
        let over = after.saturating_sub(now) - self.period;
        if over > 0 {
            let seconds = u64::try_from(over).unwrap_or_default().div_ceil(1000);
            let within = if self.period == HOUR { "an hour" } else { "a minute" };
            let detail = format!("you sent more requests within {within} than one person may");
            return Err(Problem::new(ProblemType::Overloaded, detail).with("retry_after", seconds));
        }
        people.sweep(now);
        people.used_until.insert(id.clone(), after);
        let under_way = people.under_way.entry(id.clone()).or_default();
        // A new entry is below any limit, as limits are at least one: none is left behind here.
        if *under_way >= self.at_once {
            let detail = "more of your requests are under way than one person may have at once";
            return Err(
                Problem::new(ProblemType::Overloaded, detail).with("retry_after", RETRY_AFTER)
            );
        }
        *under_way += 1;
        Ok(UnderWay { rates: self, id: id.clone() })
    }
}

impl UnderWay<'_> {
    /// Gives the request's share of the minute back: it brought a piece that a claim was waiting for, and of those
    /// there are no more than the claim lists.
    pub fn forgive(&self) {
        let mut people = self.rates.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used_until) = people.used_until.get_mut(&self.id) {
            *used_until = used_until.saturating_sub(self.rates.interval);
        }
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").field("interval", &self.interval).finish_non_exhaustive()
    }
}

impl fmt::Debug for UnderWay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnderWay").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut people = self.rates.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = people.under_way.entry(self.id.clone()) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl People {
    /// Forgets who has the whole share again, each time that the number of people has doubled.
    fn sweep(&mut self, now: i64) {
        if self.used_until.len() >= self.sweep_at.max(SWEPT_FROM) {
            self.used_until.retain(|_, used_until| *used_until > now);
            self.sweep_at = self.used_until.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000_000 + millis)
    }

    fn rates() -> Rates {
        Rates::new(number(60), number(32))
    }

    #[test]
    fn the_share_of_a_minute_may_come_at_once_and_comes_back_one_by_one() {
        let (rates, id) = (rates(), "1155123456".parse().unwrap());
        for _ in 0..60 {
            drop(rates.count(&id, at(0)).unwrap());
        }
        let refused = rates.count(&id, at(0)).err().unwrap();
        assert_eq!(refused.problem_type, ProblemType::Overloaded);
        assert_eq!(refused.extensions["retry_after"], 1);
        assert!(rates.count(&id, at(999)).is_err());
        assert!(rates.count(&id, at(1000)).is_ok());
        assert!(rates.count(&id, at(1000)).is_err());
    }

    #[test]
    fn the_share_of_an_hour_comes_back_more_slowly() {
        let (rates, id) = (Rates::hourly(number(2), number(1)), "1155123456".parse().unwrap());
        for _ in 0..2 {
            drop(rates.count(&id, at(0)).unwrap());
        }
        let refused = rates.count(&id, at(0)).err().unwrap();
        assert_eq!(refused.extensions["retry_after"], 1800);
        assert!(refused.detail.contains("within an hour"), "{}", refused.detail);
        assert!(rates.count(&id, at(1_799_999)).is_err());
        assert!(rates.count(&id, at(1_800_000)).is_ok());
    }

    #[test]
    fn one_person_has_so_many_under_way_and_no_more() {
        let rates = Rates::new(number(600), number(2));
        let (id, other) = ("1155123456".parse().unwrap(), "1155123457".parse().unwrap());
        let first = rates.count(&id, at(0)).unwrap();
        let second = rates.count(&id, at(0)).unwrap();
        let refused = rates.count(&id, at(0)).err().unwrap();
        assert_eq!(refused.problem_type, ProblemType::Overloaded);
        assert_eq!(refused.extensions["retry_after"], 1);
        assert!(rates.count(&other, at(0)).is_ok());
        drop(first);
        assert!(rates.count(&id, at(0)).is_ok());
        drop(second);
        assert!(rates.people.lock().unwrap().under_way.is_empty());
    }

    #[test]
    fn what_a_claim_waits_for_costs_no_share() {
        let (rates, id) = (rates(), "1155123456".parse().unwrap());
        for _ in 0..1000 {
            rates.count(&id, at(0)).unwrap().forgive();
        }
        for _ in 0..60 {
            drop(rates.count(&id, at(0)).unwrap());
        }
        assert!(rates.count(&id, at(0)).is_err());
    }

    #[test]
    fn everyone_has_a_share_of_their_own() {
        let rates = rates();
        for _ in 0..60 {
            drop(rates.count(&"1155123456".parse().unwrap(), at(0)).unwrap());
        }
        assert!(rates.count(&"1155123457".parse().unwrap(), at(0)).is_ok());
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let (rates, id) = (rates(), "1155123456".parse().unwrap());
        drop(rates.count(&id, at(3_600_000)).unwrap());
        assert!(rates.count(&id, at(0)).is_ok());
    }

    #[test]
    fn who_is_long_gone_is_forgotten() {
        let rates = rates();
        for number in 0..i64::from(u16::MAX) {
            let id = format!("{number:010}").parse().unwrap();
            drop(rates.count(&id, at(number * 1000)).unwrap());
        }
        assert!(rates.people.lock().unwrap().used_until.len() <= 2 * SWEPT_FROM);
    }
}
