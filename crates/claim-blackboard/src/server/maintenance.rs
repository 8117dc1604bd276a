//! What a serving Blackboard does by itself: it keeps the sealing ring and its certificates fresh.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use claim_http::CertificateSwitch;
use claim_pki::Root;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::blackboard::Blackboard;
use crate::enrol::{Enrolment, renewed};
use crate::error::chain;
use crate::event::Event;

/// How often the ring is looked after: well within the minute between a key's publication and its first use.
const RING_EVERY: Duration = Duration::from_secs(20);

/// How often it is looked whether a certificate is to be renewed or was exchanged.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(60 * 60);

/// The tasks of a serving Blackboard.
pub(crate) struct Maintenance {
    pub(crate) enrolment: Enrolment,
    pub(crate) root: Arc<Root>,
    pub(crate) switch: Arc<CertificateSwitch>,
}

impl Maintenance {
    /// Works until it is dropped.
    pub(crate) async fn run(self, blackboard: Arc<Blackboard>) {
        tokio::join!(look_after_ring(&blackboard), self.look_after_certificates(&blackboard));
    }

    async fn look_after_certificates(&self, blackboard: &Blackboard) {
        loop {
            self.renew(blackboard).await;
            self.reload_external(blackboard);
            sleep(CERTIFICATES_EVERY).await;
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
        blackboard.tell(replaced.unwrap_or_else(|reason| {
            let not_after = current.certified.not_after();
            tracing::warn!(%reason, %not_after, "the certificate could not be renewed");
            Event::RenewalFailed { reason, not_after }
        }));
    }

    /// Takes over a TLS certificate from elsewhere that was renewed in its files.
    fn reload_external(&self, blackboard: &Blackboard) {
        let Some(external) = &self.enrolment.config.external_tls else { return };
        match external.load() {
            Ok(tls) => self.switch.replace(&tls),
            Err(error) => {
                let reason = chain(&error);
                tracing::warn!(%reason, "the TLS certificate from elsewhere could not be read again");
                blackboard.tell(Event::TlsNotReloaded { reason });
            }
        }
    }
}

async fn look_after_ring(blackboard: &Blackboard) {
    let mut rounds = interval(RING_EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let outcome = blackboard.sealing.maintain(blackboard.clock.now()).await;
        let fault = outcome.err().map(|error| {
            tracing::warn!(error = %chain(&error), "the sealing ring could not be looked after");
            error.to_string()
        });
        *blackboard.storage_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}
