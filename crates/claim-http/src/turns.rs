//! Fair turns at something that is scarce: whoever asks for much waits behind their own requests, not before others'.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::delays::{Delays, Granted};
use crate::household::Household;

/// So many turns go to others before one to those who were set back.
const PASSED_OVER: u32 = 3;

/// So many turns of a household go to its known lanes before one to a newcomer's.
const BEFORE_NEWCOMERS: u32 = 3;

/// For so long somebody is set back.
const SET_BACK: Duration = Duration::from_secs(10);

/// The most households that are set back, some 100 bytes each; with more of them all are forgiven.
const MAX_SET_BACK: usize = 1 << 16;

/// So many at once; the others wait.
///
/// Households take turns, and within each its lanes (e.g. one a person), however many wait in either; lanes of newcomers
/// have one turn in four of their household while others wait there. When as many
/// wait as may, the youngest of the longest lane of the largest household goes, so nobody can fill the queue for others.
/// The queue is in memory and this process's own; a waiter that goes away leaves it at once.
pub struct Turns<L> {
    state: Mutex<State<L>>,
    at_once: usize,
    max_waiting: usize,
}

/// A turn, over when this is dropped.
pub struct Turn<L: Lane>(Option<Arc<Turns<L>>>);

/// As many wait already as may, and nobody waits longer in line for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many are waiting")]
pub struct Crowded;

/// What divides a household into those that take turns within it.
pub trait Lane: Clone + Eq + Hash + Send + 'static {}

impl<L: Clone + Eq + Hash + Send + 'static> Lane for L {}

struct State<L> {
    free: usize,
    waiting: usize,
    /// The number of the next waiter.
    next: u64,
    /// Those who have somebody waiting, in the order of their turns.
    order: VecDeque<Household>,
    /// The same, of those who were set back.
    behind: VecDeque<Household>,
    /// How often those behind were passed over since their last turn.
    passed_over: u32,
    households: HashMap<Household, Lanes<L>>,
    /// Who was set back, until when.
    set_back: HashMap<Household, Instant>,
    /// Who wants to know how long it took.
    delays: Option<Arc<Delays>>,
}

struct Lanes<L> {
    /// The household is in the second line.
    behind: bool,
    waiting: usize,
    order: VecDeque<L>,
    newcomers: VecDeque<L>,
    /// How often newcomers were passed over since their last turn.
    passed_over: u32,
    /// No lane here is empty.
    lanes: HashMap<L, BTreeMap<u64, InLine>>,
}

/// Somebody who waits.
struct InLine {
    grant: oneshot::Sender<()>,
    since: Instant,
}

impl<L: Lane> Turns<L> {
    /// So many at once, and so many that wait.
    pub fn new(at_once: usize, max_waiting: usize) -> Arc<Self> {
        Self::observed(at_once, max_waiting, None)
    }

    /// The same, where each wait is told.
    pub(crate) fn observed(
        at_once: usize,
        max_waiting: usize,
        delays: Option<Arc<Delays>>,
    ) -> Arc<Self> {
        let at_once = at_once.max(1);
        let state = State {
            free: at_once,
            waiting: 0,
            next: 0,
            order: VecDeque::new(),
            behind: VecDeque::new(),
            passed_over: 0,
            households: HashMap::new(),
            set_back: HashMap::new(),
            delays,
        };
        Arc::new(Self { state: Mutex::new(state), at_once, max_waiting })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Crowded`], at once or while waiting, when this waiter is the one that must go.
    pub async fn turn(self: &Arc<Self>, household: Household, lane: L) -> Result<Turn<L>, Crowded> {
        self.turn_in(household, lane, false).await
    }

    /// The same for a lane that may be a newcomer's.
    pub(crate) async fn turn_in(
        self: &Arc<Self>,
        household: Household,
        lane: L,
        newcomer: bool,
    ) -> Result<Turn<L>, Crowded> {
        let (number, granted) = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(Some(Arc::clone(self))));
            }
            if self.max_waiting == 0 {
                return Err(Crowded);
            }
            let (grant, granted) = oneshot::channel();
            let number = state.enter(household, lane.clone(), newcomer, grant);
            if state.waiting > self.max_waiting {
                state.send_off();
            }
            (number, granted)
        };
        let mut waiter = Waiter { turns: Some(self), household, lane, number, granted };
        let outcome = (&mut waiter.granted).await;
        waiter.turns = None;
        outcome.map(|()| Turn(Some(Arc::clone(self)))).map_err(|_| Crowded)
    }

    /// Lets others go first for ten seconds: three of their turns before one of this household's.
    ///
    /// Where nobody else waits that changes nothing.
    pub fn set_back(&self, household: Household) {
        let mut state = self.state();
        let now = Instant::now();
        if state.set_back.len() >= MAX_SET_BACK {
            state.set_back.retain(|_, until| *until > now);
            if state.set_back.len() >= MAX_SET_BACK {
                state.set_back.clear();
            }
        }
        state.set_back.insert(household, now + SET_BACK);
    }

    /// Whether nobody has a turn.
    pub fn is_idle(&self) -> bool {
        self.state().free == self.at_once
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting
    }

    fn state(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves the queue when the one who waits goes away.
struct Waiter<'t, L: Lane> {
    turns: Option<&'t Arc<Turns<L>>>,
    household: Household,
    lane: L,
    number: u64,
    granted: oneshot::Receiver<()>,
}

impl<L: Lane> Drop for Waiter<'_, L> {
    fn drop(&mut self) {
        let Some(turns) = self.turns else { return };
        let mut state = turns.state();
        if state.remove(self.household, &self.lane, self.number).is_none()
            && self.granted.try_recv().is_ok()
        {
            // The turn was given and nobody was there to take it.
            state.pass_on();
        }
    }
}

impl<L: Lane> Drop for Turn<L> {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.state().pass_on();
        }
    }
}

impl<L: Lane> State<L> {
    fn enter(
        &mut self,
        household: Household,
        lane: L,
        newcomer: bool,
        grant: oneshot::Sender<()>,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting += 1;
        let lanes = self.households.entry(household).or_insert_with(|| {
            let until = self.set_back.get(&household);
            let behind = until.is_some_and(|until| *until > Instant::now());
            let line = if behind { &mut self.behind } else { &mut self.order };
            line.push_back(household);
            Lanes {
                behind,
                waiting: 0,
                order: VecDeque::new(),
                newcomers: VecDeque::new(),
                passed_over: 0,
                lanes: HashMap::new(),
            }
        });
        lanes.waiting += 1;
        let queue = lanes.lanes.entry(lane).or_insert_with_key(|lane| {
            let order = if newcomer { &mut lanes.newcomers } else { &mut lanes.order };
            order.push_back(lane.clone());
            BTreeMap::new()
        });
        queue.insert(number, InLine { grant, since: Instant::now() });
        number
    }

    fn remove(&mut self, household: Household, lane: &L, number: u64) -> Option<InLine> {
        let lanes = self.households.get_mut(&household)?;
        let queue = lanes.lanes.get_mut(lane)?;
        let in_line = queue.remove(&number)?;
        self.waiting -= 1;
        lanes.waiting -= 1;
        if queue.is_empty() {
            lanes.lanes.remove(lane);
            lanes.order.retain(|other| other != lane);
            lanes.newcomers.retain(|other| other != lane);
        }
        if lanes.waiting == 0 {
            let line = if lanes.behind { &mut self.behind } else { &mut self.order };
            line.retain(|other| *other != household);
            self.households.remove(&household);
        }
        Some(in_line)
    }

    /// Gives a turn that is over to whoever is next.
    fn pass_on(&mut self) {
        while let Some((household, lane, number)) = self.next_in_line() {
            let of_household = self.households.get(&household).map_or(0, |lanes| lanes.waiting);
            let (households, waiting) = (self.households.len(), self.waiting);
            let Some(InLine { grant, since }) = self.remove(household, &lane, number) else {
                continue;
            };
            if grant.send(()).is_ok() {
                if let Some(delays) = &self.delays {
                    let now = Instant::now();
                    let waited = now.saturating_duration_since(since);
                    let granted = Granted { household, waited, of_household, households, waiting };
                    delays.note(granted, now);
                }
                return;
            }
        }
        self.free += 1;
    }

    /// The oldest of the lane whose turn it is in the household whose turn it is; both go to the end of the line.
    fn next_in_line(&mut self) -> Option<(Household, L, u64)> {
        let first =
            !self.order.is_empty() && (self.behind.is_empty() || self.passed_over < PASSED_OVER);
        self.passed_over = if first && !self.behind.is_empty() { self.passed_over + 1 } else { 0 };
        let line = if first { &mut self.order } else { &mut self.behind };
        let household = *line.front()?;
        line.rotate_left(1);
        let lanes = self.households.get_mut(&household)?;
        let lane = lanes.next()?;
        let number = *lanes.lanes.get(&lane)?.first_key_value()?.0;
        Some((household, lane, number))
    }

    /// Sends the youngest of the longest lane of the largest household away.
    fn send_off(&mut self) {
        let largest = self.households.iter().max_by_key(|(_, lanes)| lanes.waiting);
        let Some((household, lanes)) = largest else { return };
        let longest = lanes.lanes.iter().max_by_key(|(_, queue)| queue.len());
        let Some((lane, queue)) = longest else { return };
        let Some((number, _)) = queue.last_key_value() else { return };
        let (household, lane, number) = (*household, lane.clone(), *number);
        drop(self.remove(household, &lane, number));
    }
}

impl<L: Lane> Lanes<L> {
    /// The lane whose turn it is; it goes to the end of its line.
    fn next(&mut self) -> Option<L> {
        let known = !self.order.is_empty()
            && (self.newcomers.is_empty() || self.passed_over < BEFORE_NEWCOMERS);
        self.passed_over =
            if known && !self.newcomers.is_empty() { self.passed_over + 1 } else { 0 };
        let order = if known { &mut self.order } else { &mut self.newcomers };
        let lane = order.front()?.clone();
        order.rotate_left(1);
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::future::Future;
    use std::net::IpAddr;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Waiting = Pin<Box<dyn Future<Output = Result<Turn<u8>, Crowded>>>>;

    fn household(number: u8) -> Household {
        IpAddr::from([192, 0, 2, number]).into()
    }

    /// Somebody who has got in line.
    fn waits(turns: &Arc<Turns<u8>>, number: u8, lane: u8) -> Waiting {
        let turns = Arc::clone(turns);
        let mut waiting: Waiting =
            Box::pin(async move { turns.turn(household(number), lane).await });
        assert!(look(&mut waiting).is_none());
        waiting
    }

    fn look(waiting: &mut Waiting) -> Option<Result<Turn<u8>, Crowded>> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }

    fn taken(turns: &Arc<Turns<u8>>) -> Turn<u8> {
        let turns = Arc::clone(turns);
        let mut first: Waiting = Box::pin(async move { turns.turn(household(99), 0).await });
        look(&mut first).unwrap().unwrap()
    }

    /// Ends the turn, and each one that follows; the names in the order in which they had theirs.
    fn served(mut turn: Turn<u8>, mut line: Vec<(&'static str, Waiting)>) -> Vec<&'static str> {
        let mut order = Vec::new();
        while !line.is_empty() {
            drop(turn);
            let mut given = None;
            let next = line.iter_mut().position(|(name, waiting)| {
                given = look(waiting).map(|outcome| (*name, outcome.unwrap()));
                given.is_some()
            });
            drop(line.remove(next.unwrap()));
            let (name, next_turn) = given.unwrap();
            order.push(name);
            turn = next_turn;
        }
        order
    }

    #[test]
    fn who_asks_for_much_does_not_keep_others_waiting() {
        let turns = Turns::new(1, 100);
        let turn = taken(&turns);
        let mut line: Vec<_> = (0..10).map(|_| ("crowd", waits(&turns, 1, 0))).collect();
        line.push(("neighbour", waits(&turns, 1, 1)));
        line.push(("other", waits(&turns, 2, 0)));
        let order = served(turn, line);
        assert_eq!(order[..4], ["crowd", "other", "neighbour", "crowd"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_set_back_has_one_turn_in_four_until_it_is_forgiven() {
        let turns = Turns::new(1, 100);
        for (wait, expected) in [
            (0, "honest honest honest crowd honest honest"),
            (11, "crowd honest crowd honest crowd honest"),
        ] {
            if wait == 0 {
                turns.set_back(household(1));
            }
            tokio::time::advance(Duration::from_secs(wait)).await;
            let turn = taken(&turns);
            let mut line: Vec<_> = (0..6).map(|_| ("crowd", waits(&turns, 1, 0))).collect();
            line.extend((0..6).map(|_| ("honest", waits(&turns, 2, 0))));
            assert_eq!(served(turn, line)[..6].join(" "), expected);
        }
    }

    #[test]
    fn those_who_were_set_back_are_served_when_nobody_else_waits() {
        let turns = Turns::new(1, 100);
        turns.set_back(household(1));
        let turn = taken(&turns);
        let line = (0..9).map(|_| ("crowd", waits(&turns, 1, 0))).collect();
        assert_eq!(served(turn, line).len(), 9);
    }

    #[test]
    fn newcomers_have_one_turn_in_four_of_their_own_household() {
        let turns = Turns::new(1, 100);
        let turn = taken(&turns);
        let mut line: Vec<_> = (0..9)
            .map(|lane| {
                let turns = Arc::clone(&turns);
                let mut newcomer: Waiting =
                    Box::pin(async move { turns.turn_in(household(1), 100 + lane, true).await });
                assert!(look(&mut newcomer).is_none());
                ("new", newcomer)
            })
            .collect();
        line.extend((0..6).map(|lane| ("known", waits(&turns, 1, lane))));
        line.extend((0..3).map(|_| ("other", waits(&turns, 2, 0))));
        let order = served(turn, line);
        let own: Vec<_> = order.iter().filter(|name| **name != "other").copied().collect();
        assert_eq!(own[..8].join(" "), "known known known new known known known new");
        assert_eq!(order.iter().take(6).filter(|name| **name == "other").count(), 3);
    }

    #[test]
    fn the_largest_household_is_sent_off_when_the_queue_is_full() {
        let turns = Turns::new(1, 3);
        let turn = taken(&turns);
        let mut crowd: Vec<_> = (0..3).map(|_| waits(&turns, 1, 0)).collect();
        let mut other = waits(&turns, 2, 0);
        assert_eq!(look(&mut crowd[2]).unwrap().err(), Some(Crowded));
        assert_eq!(turns.waiting(), 3);
        drop(turn);
        let first = look(&mut crowd[0]).unwrap().unwrap();
        drop(first);
        assert!(look(&mut other).unwrap().is_ok());
    }

    #[test]
    fn who_goes_away_leaves_no_trace_and_takes_no_turn_along() {
        let turns = Turns::new(1, 9);
        let turn = taken(&turns);
        drop(waits(&turns, 1, 0));
        assert_eq!(turns.waiting(), 0);
        let gone = waits(&turns, 1, 0);
        let mut next = waits(&turns, 2, 0);
        drop(turn);
        // It was its turn, and it never looked.
        drop(gone);
        let turn = look(&mut next).unwrap().unwrap();
        drop(turn);
        let state = turns.state();
        assert_eq!((state.free, state.order.len(), state.households.len()), (1, 0, 0));
    }

    #[test]
    fn without_a_queue_nobody_waits() {
        let turns = Turns::new(1, 0);
        let _turn = taken(&turns);
        let mut late: Waiting = {
            let turns = Arc::clone(&turns);
            Box::pin(async move { turns.turn(household(1), 0).await })
        };
        assert_eq!(look(&mut late).unwrap().err(), Some(Crowded));
    }
}
