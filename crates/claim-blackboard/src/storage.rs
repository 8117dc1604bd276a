//! What the disk has room for, and what it means for the records of when Blackboard could be reached.
//!
//! To a student whose claim is refused for want of storage, Blackboard is as good as away. So it counts as away, by its own
//! records: while claims are refused no minute is marked, and when they are taken again, the time between is an outage.

use std::sync::{Mutex, PoisonError};

use claim_core::{Problem, Timestamp};
use claim_store::{Need, Room, StoreError};

use crate::blackboard::Blackboard;
use crate::error;

/// The disk, and since when something was refused because of it.
pub(crate) struct Storage {
    pub(crate) room: Room,
    /// Since when claims are refused.
    claims_refused: Mutex<Option<Timestamp>>,
    /// Since when pieces of files are refused, as far as the windows have moved.
    pieces_refused: Mutex<Option<Timestamp>>,
}

impl Storage {
    pub(crate) fn new(room: Room) -> Self {
        Self { room, claims_refused: Mutex::default(), pieces_refused: Mutex::default() }
    }

    /// Since when claims are refused, if they are.
    pub(crate) fn claims_refused(&self) -> Option<Timestamp> {
        *self.claims_refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuses_claims(&self, now: Timestamp) {
        let mut since = self.claims_refused.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert(now);
    }

    fn takes_claims_again(&self) {
        *self.claims_refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// For how many milliseconds pieces have been refused since this was last asked.
    fn refused_pieces(&self, now: Timestamp) -> i64 {
        let refuses = self.room.check(Need::Piece).is_err();
        let mut since = self.pieces_refused.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *since, refuses.then_some(now));
        before.map_or(0, |before| now.millis_since(before).max(0))
    }
}

impl Blackboard {
    /// Refuses what there is no room for.
    pub(crate) fn has_room(&self, need: Need) -> Result<(), Problem> {
        self.storage.room.check(need).map_err(|error| {
            if need == Need::Record {
                self.storage.refuses_claims(self.clock.now());
            }
            error::no_room(&error)
        })
    }

    /// What a claim is refused with that could not be recorded.
    pub(crate) fn not_recorded(&self, error: &StoreError) -> Problem {
        if error.disk_fault().is_some() {
            self.storage.refuses_claims(self.clock.now());
        }
        error::storage(error)
    }

    /// Marks that Blackboard serves now, if it does: if claims are taken.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub(crate) async fn mark_minute(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        if self.storage.room.check(Need::Record).is_err() {
            self.storage.refuses_claims(now);
            return Ok(());
        }
        let marked = self.mark(now).await;
        if marked.as_ref().is_err_and(|error| error.disk_fault().is_some()) {
            self.storage.refuses_claims(now);
        }
        marked
    }

    async fn mark(&self, now: Timestamp) -> Result<(), StoreError> {
        if let Some(since) = self.storage.claims_refused() {
            self.store.put_outage(since, now).await?;
            self.storage.takes_claims_again();
        }
        // Nobody's window ends while no files are taken.
        let millis = self.storage.refused_pieces(now);
        if millis > 0 {
            self.store.extend_windows(millis).await?;
        }
        self.write_mark().await
    }
}
