//! What a serving Blackboard does by itself: it keeps the sealing ring and its certificates fresh.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use claim_http::{
    CertificateSwitch, ExternalChange, ExternalWatch, Metrics, Nudge, Nudged, ServerTrust,
    https_client,
};
use claim_pki::Root;

use crate::blackboard::Blackboard;
use crate::enrol::{Enrolment, renewed};
use crate::error::chain;
use crate::event::Event;
use crate::evidence::Evidence;
use crate::log::{WitnessAt, keep_appending, keep_cosigning};

/// How often the ring is looked after: well within the minute between a key's publication and its first use.
const RING_EVERY: Duration = Duration::from_secs(20);

/// How often it is looked whether the certificate from CUHK is to be renewed.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(60 * 60);

/// How often it is looked whether a TLS certificate from elsewhere was exchanged in its files.
const FILES_EVERY: Duration = Duration::from_secs(60);

/// How often it is looked for the certificates of the evidence keys, and for the first revocation list.
const EVIDENCE_EVERY: Duration = Duration::from_millis(250);

/// How often the revocation list is fetched.
const LISTS_EVERY: Duration = Duration::from_secs(60);

/// How often it is written down that Blackboard serves.
const MARK_EVERY: Duration = Duration::from_secs(20);

/// How long one exchange with the witness may take.
const WITNESS_TIMEOUT: Duration = Duration::from_secs(15);

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
            look_after_claims(&blackboard, self.nudge.listen()),
            self.look_after_revocations(&blackboard, self.nudge.listen()),
            self.look_after_log(&blackboard, self.nudge.listen()),
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

    /// Fetches the revocation list of whoever issues persons' certificates.
    async fn look_after_revocations(&self, blackboard: &Blackboard, mut nudged: Nudged) {
        let mut told = None;
        let mut first = true;
        loop {
            let (cuhk, now) = (self.enrolment.cuhk(), blackboard.clock.now());
            let current = blackboard.own.current();
            let issuer = current.certified.issuer();
            let outcome = blackboard.revocations.refresh(&cuhk, &self.root, issuer, now).await;
            let fault = outcome.err().map(|error| chain(&error));
            if let Some(fault) = fault.as_ref().filter(|fault| told.as_ref() != Some(*fault)) {
                // The last list does, until it ends.
                match blackboard.revocations.ended(now) {
                    false => {
                        tracing::info!(error = %fault, "the revocation list was not refreshed")
                    }
                    true => {
                        tracing::warn!(error = %fault, "the revocation list has ended, and no newer one comes")
                    }
                }
            }
            if fault.is_none() {
                blackboard.revocations.keep(&self.enrolment.folder);
                first = false;
            }
            told = fault;
            // Until the first list has come, claims wait for it.
            nudged.or_after(if first { EVIDENCE_EVERY } else { LISTS_EVERY }).await;
        }
    }

    /// Waits for the certificates of the evidence keys, then keeps the log growing and cosigned.
    async fn look_after_log(&self, blackboard: &Blackboard, mut nudged: Nudged) {
        let evidence = self.obtain_evidence(blackboard, &mut nudged).await;
        let origin = self.enrolment.cuhk();
        let trust =
            ServerTrust::CuhkServer { root: Arc::clone(&self.root), origin: origin.clone() };
        let client = match https_client(&trust, None, WITNESS_TIMEOUT) {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(error = %chain(&error), "no client for the witness; proofs wait");
                return keep_appending(&blackboard.log, &evidence).await;
            }
        };
        let witness = WitnessAt { origin, client };
        tokio::join!(
            keep_appending(&blackboard.log, &evidence),
            keep_cosigning(&blackboard.log, &evidence, &witness, || blackboard.clock.now()),
        );
    }

    async fn obtain_evidence(&self, blackboard: &Blackboard, nudged: &mut Nudged) -> Arc<Evidence> {
        let mut told = None;
        loop {
            let folder = &self.enrolment.folder;
            let loaded = Evidence::load(folder, &blackboard.origin, &self.root, &blackboard.clock);
            let reason = match loaded {
                Ok(Some(evidence)) => {
                    // Nobody else sets it.
                    let evidence = Arc::clone(blackboard.evidence.get_or_init(|| evidence));
                    blackboard.tell(Event::EvidenceReady {
                        log: evidence.log_key.name().to_string(),
                        witness: evidence.witness.name().to_string(),
                    });
                    return evidence;
                }
                Ok(None) => format!(
                    "have {:?} certified where the root is (`claim cuhk certify`), and put the answer beside it",
                    folder.evidence_request()
                ),
                Err(error) => chain(&error),
            };
            // A local CUHK answers by itself within moments.
            let is_news = told.as_ref() != Some(&reason);
            if is_news && !(self.root.is_local_demo() && told.is_none()) {
                blackboard.tell(Event::EvidenceMissing { reason: reason.clone() });
            }
            told = Some(reason);
            nudged.or_after(EVIDENCE_EVERY).await;
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

/// Marks the minutes in which Blackboard serves, and lets claims lapse whose files did not come.
async fn look_after_claims(blackboard: &Blackboard, mut nudged: Nudged) {
    loop {
        if let Err(error) = blackboard.store.mark_minute(blackboard.clock.now()).await {
            tracing::warn!(error = %chain(&error), "the minute could not be marked");
        }
        nudged.or_after(MARK_EVERY).await;
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
