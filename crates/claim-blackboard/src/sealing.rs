//! The sealing ring of this replica: what the database holds, opened with `sealing.key`.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use claim_core::encoding::{b64u, from_b64u};
use claim_core::ring::{Period, Ring, SealingKey, WrappingKey};
use claim_core::{Origin, Problem, Secret, Timestamp, TokenError};
use claim_files::{FileError, Mode, PassphraseError, PassphraseSource, read_private, write_new};
use claim_store::StoreError;
use claim_store::blackboard::{BlackboardStore, Published, RingRow};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::error;
use crate::event::{Event, Observer};
use claim_http::system_rng;

/// How often the ring is looked after at most on account of requests.
///
/// Anyone can make up tokens under keys that are not in the ring; they must not become as many queries.
const ROUND_EVERY: Duration = Duration::from_secs(1);

/// How often a key that is due is tried to be published before the database is left alone for a while.
///
/// Each time another replica was first, and mostly its key is the one that was due.
const PUBLISH_ATTEMPTS: usize = 8;

/// Why there is no wrapping key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrappingKeyError {
    /// The file cannot be read or made.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be had from elsewhere.
    #[error(transparent)]
    Source(#[from] PassphraseError),
    /// The file holds something else.
    #[error("it does not hold 32 bytes as base64url")]
    Malformed,
}

/// Reads `sealing.key`, or makes it where there is none: 32 random bytes as `b64u`, mode 0600.
pub(crate) fn wrapping_key(path: &Path) -> Result<WrappingKey, WrappingKeyError> {
    match read_private(path) {
        Err(FileError::Missing { .. }) => {
            let secret = Secret::<32>::random(&mut system_rng());
            let text = Zeroizing::new(b64u(secret.expose()) + "\n");
            match write_new(path, text.as_bytes(), Mode::Private) {
                // Another replica with the same folder was first: its key is the one.
                Ok(()) | Err(FileError::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
        Ok(text) => return parse(&text),
    }
    parse(&read_private(path)?)
}

/// Reads the same text from elsewhere, as a credential of systemd.
pub(crate) fn wrapping_key_from(
    source: &PassphraseSource,
) -> Result<WrappingKey, WrappingKeyError> {
    parse(source.read()?.expose().as_bytes())
}

fn parse(text: &[u8]) -> Result<WrappingKey, WrappingKeyError> {
    let text = std::str::from_utf8(text).map_err(|_| WrappingKeyError::Malformed)?;
    let bytes = from_b64u(text.trim_end()).map(Zeroizing::new);
    let bytes = bytes.map_err(|_| WrappingKeyError::Malformed)?;
    let bytes = bytes.as_slice().try_into().map_err(|_| WrappingKeyError::Malformed)?;
    Ok(WrappingKey::new(Secret::new(bytes)))
}

/// The ring as this replica knows it.
///
/// The database is the truth; what is here is a copy that [`Sealing::maintain`] and unknown keys renew.
pub(crate) struct Sealing {
    store: Arc<BlackboardStore>,
    wrapping: WrappingKey,
    origin: Origin,
    observer: Observer,
    ring: RwLock<Arc<Ring>>,
    /// The rows that do not open, so that each is told once.
    lost: Mutex<HashSet<i64>>,
    /// When a request last was a reason to look after the ring, and whether that worked.
    last_round: tokio::sync::Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Sealing {
    /// Reads the ring, and makes a key where none can seal.
    pub(crate) async fn open(
        store: Arc<BlackboardStore>,
        wrapping: WrappingKey,
        origin: Origin,
        observer: Observer,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let sealing = Self {
            store,
            wrapping,
            origin,
            observer,
            ring: RwLock::default(),
            lost: Mutex::default(),
            last_round: tokio::sync::Mutex::default(),
        };
        sealing.maintain(now).await?;
        Ok(sealing)
    }

    /// The ring as it is known now.
    pub(crate) fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The ring with a key that seals now, unless the database does not take one.
    pub(crate) async fn ring_to_seal(&self, now: Timestamp) -> Arc<Ring> {
        let ring = self.ring();
        if ring.sealing(now).is_some() {
            return ring;
        }
        // The regular round comes too late only when the clock leapt or the database was away for long.
        if let Err(error) = self.maintain_soon(now).await {
            tracing::warn!(error = %error::chain(&error), "the sealing ring could not be renewed");
        }
        self.ring()
    }

    /// Opens a token, reading the ring again where it is sealed under a key that only other replicas know yet.
    ///
    /// # Errors
    /// The problem that `refuse` makes of the token's fault, or that the ring cannot be read.
    pub(crate) async fn open_token<T>(
        &self,
        now: Timestamp,
        open: impl Fn(&Ring) -> Result<T, TokenError>,
        refuse: impl Fn(&TokenError) -> Problem,
    ) -> Result<T, Problem> {
        let mut opened = open(&self.ring());
        if let Err(TokenError::UnknownKey(_)) = opened {
            self.maintain_soon(now).await.map_err(|error| error::storage(&error))?;
            opened = open(&self.ring());
        }
        opened.map_err(|error| refuse(&error))
    }

    /// Reads the ring, publishes the key that is due, and forgets those that open nothing any more.
    pub(crate) async fn maintain(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut rows = self.reload().await?;
        for _ in 0..PUBLISH_ATTEMPTS {
            let Some(period) = self.ring().due(now) else { break };
            let last = rows.last().map_or(0, |row| row.sequence);
            let row = self.new_row(last + 1, period, now);
            // Where another replica was first, its key is read now, and mostly none is due any more.
            let (Published::Yes | Published::SequenceTaken) = self.store.publish(&row).await?;
            rows = self.reload().await?;
        }
        if rows.iter().any(|row| row.open_until < now) {
            self.store.forget_ring_before(now).await?;
        }
        Ok(())
    }

    fn new_row(&self, sequence: i64, period: Period, now: Timestamp) -> RingRow {
        let key = SealingKey::generate(period, &mut system_rng());
        RingRow {
            sequence,
            key_id: key.id().to_string(),
            wrapped: key.wrap(&self.wrapping, &self.origin, &mut system_rng()),
            published_at: now,
            use_from: period.from,
            use_until: period.until,
            open_until: period.opens_until(),
        }
    }

    /// Does a round for all who ask within the same second.
    async fn maintain_soon(&self, now: Timestamp) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut last_round = self.last_round.lock().await;
        if let Some((last, outcome)) = &*last_round {
            if *last >= asked {
                return outcome.clone();
            }
            tokio::time::sleep_until(*last + ROUND_EVERY).await;
        }
        let began = Instant::now();
        let outcome = self.maintain(now).await;
        *last_round = Some((began, outcome.clone()));
        outcome
    }

    /// Takes over what the database holds, and returns it.
    ///
    /// A row that does not open was wrapped by another `sealing.key`, or for another origin. It is left where it
    /// is: to a replica that has the right one it is good.
    async fn reload(&self) -> Result<Vec<RingRow>, StoreError> {
        let rows = self.store.ring().await?;
        let mut keys = Vec::with_capacity(rows.len());
        let mut lost = Vec::new();
        for row in &rows {
            match self.unwrap(row) {
                Ok(key) => keys.push(key),
                Err(error) => lost.push((row.sequence, error)),
            }
        }
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Ring::new(keys));
        self.tell_lost(lost);
        Ok(rows)
    }

    fn unwrap(&self, row: &RingRow) -> Result<SealingKey, TokenError> {
        let id = row.key_id.parse().map_err(|_| TokenError::Malformed)?;
        let period = Period { from: row.use_from, until: row.use_until };
        SealingKey::unwrap_stored(&row.wrapped, id, period, &self.wrapping, &self.origin)
    }

    fn tell_lost(&self, rows: Vec<(i64, TokenError)>) {
        let mut known = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let current = rows.iter().map(|(sequence, _)| *sequence).collect();
        let count = rows.iter().filter(|(sequence, _)| !known.contains(sequence)).count();
        for (sequence, error) in &rows {
            if !known.contains(sequence) {
                // The terminal tells of all of them together.
                tracing::debug!(sequence, %error, "a key of the sealing ring does not open");
            }
        }
        *known = current;
        drop(known);
        if count > 0 {
            (self.observer)(Event::SealingKeysLost { count });
        }
    }
}

#[cfg(test)]
mod tests;
