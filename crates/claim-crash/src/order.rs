//! Orders: what a server is to do when it reaches a point.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use claim_store::{Injector, Moment, Point, Verdict};

use crate::child::say;

/// What is to happen at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// An I/O error.
    Fail,
    /// An error, because there is no room.
    Full,
    /// Nothing any more: the process is about to be killed right there.
    Stop,
    /// What a server does that answers before it is durable.
    Pretend,
}

/// Something to happen once, the next time that a point is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Where.
    pub point: Point,
    /// Before or after it has become durable.
    pub moment: Moment,
    /// What.
    pub action: Action,
}

const MOMENTS: [(Moment, &str); 2] = [(Moment::Before, "before"), (Moment::After, "after")];
const ACTIONS: [(Action, &str); 4] = [
    (Action::Fail, "fail"),
    (Action::Full, "full"),
    (Action::Stop, "stop"),
    (Action::Pretend, "pretend"),
];

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = MOMENTS.iter().find(|(known, _)| *known == self.moment);
        let action = ACTIONS.iter().find(|(known, _)| *known == self.action);
        let (moment, action) = (moment.map_or("", |one| one.1), action.map_or("", |one| one.1));
        write!(f, "{}:{moment}:{action}", self.point)
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no_order =
            || format!("{text:?} is no order: POINT:before|after:fail|full|stop|pretend");
        let mut parts = text.split(':');
        let (Some(point), Some(moment), Some(action), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(no_order());
        };
        let moment = MOMENTS.iter().find(|(_, name)| *name == moment).ok_or_else(no_order)?.0;
        let action = ACTIONS.iter().find(|(_, name)| *name == action).ok_or_else(no_order)?.0;
        Ok(Self { point: point.parse().map_err(|_| no_order())?, moment, action })
    }
}

/// The orders that are open in this process.
#[derive(Debug, Default)]
pub struct Orders(Mutex<Vec<Order>>);

impl Orders {
    /// Those given at the start.
    pub fn new(orders: Vec<Order>) -> Self {
        Self(Mutex::new(orders))
    }

    /// One more.
    pub fn add(&self, order: Order) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(order);
    }

    fn take(&self, point: Point, moment: Moment) -> Option<Order> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = open.iter().position(|order| order.point == point && order.moment == moment)?;
        Some(open.remove(place))
    }
}

impl Injector for Orders {
    fn reached(
        &self,
        point: Point,
        moment: Moment,
    ) -> Pin<Box<dyn Future<Output = Verdict> + Send>> {
        let order = self.take(point, moment);
        Box::pin(async move {
            let Some(order) = order else { return Verdict::Proceed };
            say(&format!("hit {order}"));
            match order.action {
                Action::Fail => Verdict::Fail,
                Action::Full => Verdict::NoRoom,
                Action::Pretend => Verdict::Pretend,
                Action::Stop => pending().await,
            }
        })
    }
}
