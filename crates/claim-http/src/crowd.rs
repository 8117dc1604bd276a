//! How many requests are worked at, at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Extensions;

use crate::household::Household;
use crate::metrics::Metrics;
use crate::urgency::Urgency;

/// The states of a request.
const COUNTED: u8 = 0;
const PAUSED: u8 = 1;
const OVER: u8 = 2;

/// The requests that one server works at: a handler has begun with them, and they do not wait for their client.
pub(crate) struct Crowd {
    max: usize,
    metrics: Metrics,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    total: usize,
    /// Nobody is here with none.
    households: HashMap<Household, usize>,
}

/// A request that is worked at; each request of a [`crate::Server`] carries it as an extension.
///
/// Whoever waits for the client, or for an event that may be far, takes up no place meanwhile: else a few slow
/// clients would keep all others out.
#[derive(Clone)]
pub struct AtWork(Arc<Request>);

struct Request {
    crowd: Arc<Crowd>,
    household: Household,
    state: AtomicU8,
}

/// The place of a request, free again when this is dropped.
pub(crate) struct Working(AtWork);

/// The request takes up no place while this lives.
pub struct Pause(AtWork);

impl Crowd {
    /// So many at once.
    pub(crate) fn new(max: usize, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { max, metrics, counts: Mutex::default() })
    }

    /// A place for such a request from there, if there is one.
    ///
    /// Where the places are short, they go to households with fewer than the others.
    pub(crate) fn enter(
        self: &Arc<Self>,
        household: Household,
        urgency: Urgency,
    ) -> Option<Working> {
        let mut counts = self.counts();
        let share = urgency.share_of(self.max);
        let own = counts.households.get(&household).copied().unwrap_or(0);
        let others = counts.households.len() - usize::from(own > 0);
        if counts.total >= share && own >= share.div_ceil(others + 1) {
            return None;
        }
        counts.add(household);
        self.metrics.at_work(counts.total);
        let (crowd, state) = (Arc::clone(self), AtomicU8::new(COUNTED));
        Some(Working(AtWork(Arc::new(Request { crowd, household, state }))))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, household: Household) {
        self.total += 1;
        *self.households.entry(household).or_default() += 1;
    }

    fn remove(&mut self, household: Household) {
        self.total -= 1;
        if let Entry::Occupied(mut entry) = self.households.entry(household) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl AtWork {
    /// The request with these extensions; `None` without a server, as in tests of the routes alone.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().cloned()
    }

    /// The request takes up no place while the value lives.
    pub fn pause(&self) -> Pause {
        self.waits();
        Pause(self.clone())
    }

    /// It waits for its client.
    pub(crate) fn waits(&self) {
        self.change(COUNTED, PAUSED, Counts::remove);
    }

    /// It goes on; it was let in once, so it is not refused now.
    pub(crate) fn goes_on(&self) {
        self.change(PAUSED, COUNTED, Counts::add);
    }

    fn change(&self, from: u8, to: u8, count: fn(&mut Counts, Household)) {
        let Request { crowd, household, state } = &*self.0;
        let mut counts = crowd.counts();
        let changed = state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        if changed.is_ok() {
            count(&mut counts, *household);
            crowd.metrics.at_work(counts.total);
        }
    }
}

impl Working {
    /// What the request carries.
    pub(crate) fn request(&self) -> AtWork {
        self.0.clone()
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.change(COUNTED, OVER, Counts::remove);
        self.0.change(PAUSED, OVER, |_, _| {});
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.0.goes_on();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::net::IpAddr;

    use super::*;

    fn household(number: u8) -> Household {
        IpAddr::from([192, 0, 2, number]).into()
    }

    fn crowd(max: usize) -> Arc<Crowd> {
        Crowd::new(max, Metrics::new())
    }

    #[test]
    fn the_last_places_are_for_the_more_urgent() {
        let crowd = crowd(8);
        let mut inside = Vec::new();
        for urgency in Urgency::ALL {
            while let Some(working) = crowd.enter(household(1), urgency) {
                inside.push(working);
            }
            assert_eq!(inside.len(), urgency.share_of(8));
        }
        drop(inside.pop());
        assert!(crowd.enter(household(1), Urgency::Beginning).is_none());
        assert!(crowd.enter(household(1), Urgency::Deadline).is_some());
        inside.clear();
        assert_eq!(crowd.counts().total, 0);
        assert!(crowd.counts().households.is_empty());
    }

    #[test]
    fn whoever_has_fewer_than_others_finds_a_place() {
        let crowd = crowd(8);
        let filling = std::iter::from_fn(|| crowd.enter(household(1), Urgency::Other));
        let _full: Vec<_> = filling.collect();
        let filling = std::iter::from_fn(|| crowd.enter(household(2), Urgency::Other));
        assert_eq!(filling.collect::<Vec<_>>().len(), 2);
    }

    #[test]
    fn whoever_waits_takes_up_no_place() {
        let crowd = crowd(1);
        let first = crowd.enter(household(1), Urgency::Deadline).unwrap();
        let mut extensions = Extensions::new();
        extensions.insert(first.request());
        let pause = AtWork::of(&extensions).unwrap().pause();
        let second = crowd.enter(household(1), Urgency::Deadline).unwrap();
        drop(pause);
        assert_eq!(crowd.counts().total, 2);
        assert!(crowd.enter(household(1), Urgency::Deadline).is_none());
        first.request().waits();
        let late = first.request();
        drop((first, second));
        // What is over is not counted again, whoever still speaks of it.
        late.goes_on();
        assert_eq!(crowd.counts().total, 0);
    }
}
