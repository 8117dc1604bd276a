//! What a serving witness does by itself: takes over a TLS certificate from elsewhere that was exchanged, thins its
//! records, looks whether it can do its work.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use claim_http::{CertificateSwitch, ExternalChange, ExternalWatch, Metrics, Nudged};
use tokio::time::Instant;

use super::Serving;
use crate::event::Event;

/// How often it looks at its TLS files and whether its records take something.
const PERIOD: Duration = Duration::from_secs(20);

/// How often it thins its records.
const THIN_EVERY: Duration = Duration::from_secs(60 * 60);

/// Whether the witness can do its work, with the reason when it cannot.
#[derive(Clone, Debug)]
pub(super) struct Readiness(Arc<RwLock<State>>);

#[derive(Clone, Debug)]
enum State {
    Serving(Result<(), String>),
    /// For good: what is found out later does not matter any more.
    Stopping,
}

impl Readiness {
    pub(super) fn get(&self) -> Result<(), String> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Serving(readiness) => readiness.clone(),
            State::Stopping => Err("the witness is stopping".to_owned()),
        }
    }

    pub(super) fn stop(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = State::Stopping;
    }

    fn set(&self, readiness: Result<(), String>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let State::Serving(found) = &mut *state else { return };
        match &readiness {
            Err(reason) if *found != readiness => tracing::warn!(reason, "not ready"),
            Ok(()) if found.is_err() => tracing::info!("ready again"),
            _ => {}
        }
        *found = readiness;
    }
}

/// What is to be kept up.
pub(super) struct Upkeep {
    switch: Arc<CertificateSwitch>,
    external: Option<ExternalWatch>,
    metrics: Metrics,
    nudged: Nudged,
    readiness: Readiness,
    thinned: Option<Instant>,
}

impl Upkeep {
    pub(super) fn new(
        switch: Arc<CertificateSwitch>,
        external: Option<ExternalWatch>,
        metrics: Metrics,
        nudged: Nudged,
    ) -> Self {
        let readiness = Readiness(Arc::new(RwLock::new(State::Serving(Ok(())))));
        Self { switch, external, metrics, nudged, readiness, thinned: None }
    }

    pub(super) fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Goes on until it is aborted.
    pub(super) async fn run(mut self, serving: Arc<Serving>) {
        loop {
            self.reload(&serving);
            self.thin(&serving).await;
            self.readiness.set(check(&serving).await);
            self.nudged.or_after(PERIOD).await;
        }
    }

    fn reload(&mut self, serving: &Serving) {
        let Some(watch) = &mut self.external else { return };
        match watch.look(&self.switch) {
            None => {}
            Some(ExternalChange::New { not_after }) => {
                serving.tell(Event::TlsReloaded { not_after });
            }
            Some(ExternalChange::Kept { reason }) => serving.tell(Event::TlsNotReloaded { reason }),
        }
        if let Some(not_after) = watch.not_after() {
            self.metrics.certificate_expires("tls", not_after);
        }
    }

    async fn thin(&mut self, serving: &Serving) {
        if self.thinned.is_some_and(|last| last.elapsed() < THIN_EVERY) {
            return;
        }
        match serving.store.records().thin(serving.clock.now()).await {
            Ok(gone) => {
                tracing::debug!(gone, "checkpoints of former days were thinned");
                self.thinned = Some(Instant::now());
            }
            Err(error) => tracing::warn!(%error, "the records could not be thinned"),
        }
    }
}

async fn check(serving: &Serving) -> Result<(), String> {
    if let Err(error) = serving.store.check().await {
        return Err(format!("the records take nothing: {error}"));
    }
    let (not_after, now) = (serving.witness.certificate().not_after(), serving.clock.now());
    match now > not_after {
        true => Err(format!("the witness's certificate expired at {not_after}")),
        false => Ok(()),
    }
}
