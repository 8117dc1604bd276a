//! What a serving Blackboard does by itself: it keeps the sealing ring and its certificates fresh.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use claim_http::{CertificateSwitch, ExternalChange, ExternalWatch, Metrics, Nudge, Nudged};
use claim_pki::Root;

use crate::blackboard::Blackboard;
use crate::enrol::{Enrolment, renewed};
use crate::error::chain;
use crate::event::Event;

/// How often the ring is looked after: well within the minute between a key's publication and its first use.
const RING_EVERY: Duration = Duration::from_secs(20);

/// How often it is looked whether the certificate from CUHK is to be renewed.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(60 * 60);

/// How often it is looked whether a TLS certificate from elsewhere was exchanged in its files.
const FILES_EVERY: Duration = Duration::from_secs(60);

/// The tasks of a serving Blackboard.
pub(crate) struct Maintenance {
    pub(crate) enrolment: Enrolment,
    pub(crate) root: Arc<Root>,
    pub(crate) switch: Arc<CertificateSwitch>,
    /// A TLS certificate that others see to.
    pub(crate) external: Option<ExternalWatch>,
    pub(crate) metrics: Metrics,
    pub(crate) nudge: Nudge,
}

impl Maintenance {
    /// Works until it is dropped.
    pub(crate) async fn run(mut self, blackboard: Arc<Blackboard>) {
        let (switch, metrics) = (Arc::clone(&self.switch), self.metrics.clone());
        let external = self.external.take();
        tokio::join!(
            look_after_ring(&blackboard, self.nudge.listen()),
            look_after_files(&blackboard, external, switch, metrics, self.nudge.listen()),
            self.look_after_certificates(&blackboard, self.nudge.listen()),
        );
    }

    async fn look_after_certificates(&self, blackboard: &Blackboard, mut nudged: Nudged) {
        loop {
            self.renew(blackboard).await;
            let not_after = blackboard.own.current().certified.not_after();
            self.metrics.certificate_expires("own", not_after);
            nudged.or_after(CERTIFICATES_EVERY).await;
        }
    }

    /// Renews the certificate when two thirds of its life are over; TLS and step 5 use the new one at once.
    async fn renew(&self, blackboard: &Blackboard) {
        let current = blackboard.own.current();
        if !current.certified.is_renewal_due(blackboard.clock.now()) {
            return;
        }
        let outcome = self.enrolment.renew(&current, &self.root).await;
        let replaced = outcome.map_err(|error| chain(&error)).and_then(|credential| {
            if self.enrolment.config.external_tls.is_none() {
                let tls = credential.certified.tls(&credential.identity.key);
                self.switch.replace(&tls.map_err(|error| chain(&error))?);
            }
            let event = renewed(&credential.certified);
            blackboard.own.replace(credential);
            Ok(event)
        });
        blackboard.tell(replaced.unwrap_or_else(|reason| Event::RenewalFailed {
            reason,
            not_after: current.certified.not_after(),
        }));
    }
}

/// Takes over a TLS certificate from elsewhere that was renewed in its files.
async fn look_after_files(
    blackboard: &Blackboard,
    external: Option<ExternalWatch>,
    switch: Arc<CertificateSwitch>,
    metrics: Metrics,
    mut nudged: Nudged,
) {
    let Some(mut watch) = external else { return };
    loop {
        match watch.look(&switch) {
            None => {}
            Some(ExternalChange::New { not_after }) => {
                blackboard.tell(Event::TlsReloaded { not_after });
            }
            Some(ExternalChange::Kept { reason }) => {
                blackboard.tell(Event::TlsNotReloaded { reason });
            }
        }
        let not_after = watch.not_after();
        *blackboard.external_not_after.lock().unwrap_or_else(PoisonError::into_inner) = not_after;
        if let Some(not_after) = not_after {
            metrics.certificate_expires("tls", not_after);
        }
        nudged.or_after(FILES_EVERY).await;
    }
}

async fn look_after_ring(blackboard: &Blackboard, mut nudged: Nudged) {
    loop {
        let ring = blackboard.sealing.maintain(blackboard.clock.now()).await;
        let outcome = match ring {
            Ok(()) => blackboard.store.check().await,
            failed => failed,
        };
        let fault = outcome.err().map(|error| chain(&error));
        let before = {
            let mut known = blackboard.storage_fault.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, fault.clone())
        };
        match fault {
            Some(fault) if before.as_ref() != Some(&fault) => {
                tracing::warn!(error = fault, "the records take nothing");
            }
            None if before.is_some() => tracing::info!("the records can be used again"),
            _ => {}
        }
        nudged.or_after(RING_EVERY).await;
    }
}
