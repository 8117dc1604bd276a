//! How many connections may be open at once, in all and from one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::household::Household;
use crate::limits::Limits;
use crate::refused::Refused;

/// The places of one server.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    total: u32,
    per_address: usize,
    taken: Mutex<HashMap<Household, usize>>,
}

/// One connection's place, free again when this is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    address: Household,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        let total = u32::try_from(limits.max_connections).unwrap_or(u32::MAX);
        Arc::new(Self {
            all: Arc::new(Semaphore::new(total as usize)),
            total,
            per_address: limits.max_connections_per_address,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from this address, if there is one.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Refused> {
        let permit = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Refused::Full)?;
        let address = Household::from(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        // A new entry is below any limit, as limits are at least one: none is left behind here.
        if *count >= self.per_address {
            return Err(Refused::AddressFull);
        }
        *count += 1;
        Ok(Place { places: Arc::clone(self), address, _permit: permit })
    }

    /// Waits until every place is free; no place can be taken from then on.
    pub(crate) async fn all_free(&self) {
        if let Ok(permits) = self.all.acquire_many(self.total).await {
            permits.forget();
        }
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        (self.total as usize).saturating_sub(self.all.available_permits())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = taken.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn places(max_connections: usize, max_connections_per_address: usize) -> Arc<Places> {
        Places::new(&Limits { max_connections, max_connections_per_address, ..Limits::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_all_places() {
        let places = places(3, 2);
        let first = places.take(ip("192.0.2.1")).unwrap();
        let _second = places.take(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(places.take(ip("192.0.2.1")).err(), Some(Refused::AddressFull));
        let _third = places.take(ip("192.0.2.2")).unwrap();
        assert_eq!(places.take(ip("192.0.2.3")).err(), Some(Refused::Full));
        drop(first);
        assert!(places.take(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn a_64_of_ipv6_is_one_address() {
        let places = places(9, 1);
        let _place = places.take(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(places.take(ip("2001:db8:0:1:ffff::2")).err(), Some(Refused::AddressFull));
        assert!(places.take(ip("2001:db8:0:2::1")).is_ok());
    }

    #[test]
    fn addresses_that_left_are_forgotten() {
        let places = places(9, 1);
        drop(places.take(ip("192.0.2.1")).unwrap());
        assert!(places.taken.lock().unwrap().is_empty());
        assert_eq!(places.taken(), 0);
    }
}
