//! What a serving Blackboard does by itself: it keeps the sealing ring and its certificates fresh.

mod erasing;
mod timestamp_key;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use claim_http::{
    CertificateSwitch, ExternalChange, ExternalWatch, Metrics, Nudge, Nudged, ServerTrust,
    https_client_by,
};
use claim_pki::{Certificate, Root};
use futures_util::future::join_all;

use self::erasing::keep_erasing;
use self::timestamp_key::look_after_timestamp_key;
use crate::audit::{self, Start};
use crate::blackboard::Blackboard;
use crate::enrol::{Enrolment, renewed};
use crate::error::chain;
use crate::event::Event;
use crate::evidence::Evidence;
use crate::log::{Asking, Met, WitnessAt, keep_appending, keep_cosigning};
use crate::revocations::{Asked, ListNews};

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

/// How often it is looked how far the log is behind.
const LAG_EVERY: Duration = Duration::from_secs(5);

/// How long one exchange with the witness may take.
const WITNESS_TIMEOUT: Duration = Duration::from_secs(15);

/// The tasks of a serving Blackboard.
pub(crate) struct Maintenance {
    /// That it has started, for the audit log.
    pub(crate) start: Start,
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
        let start = std::mem::replace(&mut self.start, Start::told());
        tokio::join!(
            look_after_storage(&blackboard, metrics.clone(), self.nudge.listen()),
            look_after_files(&blackboard, external, switch, metrics, self.nudge.listen()),
            self.look_after_certificates(&blackboard, self.nudge.listen()),
            look_after_claims(&blackboard, self.nudge.listen()),
            keep_erasing(&blackboard, &self.enrolment.config, self.nudge.listen()),
            self.look_after_revocations(&blackboard, self.nudge.listen()),
            self.look_after_log(&blackboard, self.nudge.listen()),
            audit::keep(start, &blackboard, &self.enrolment, self.nudge.listen()),
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

    /// Fetches the revocation lists of whoever issues persons' certificates, and of the root.
    async fn look_after_revocations(&self, blackboard: &Blackboard, mut nudged: Nudged) {
        let mut news = ListNews::default();
        let mut first = true;
        loop {
            let cuhk = self.enrolment.cuhk();
            let current = blackboard.own.current();
            let asked = Asked {
                cuhk: &cuhk,
                mirrors: &self.enrolment.config.crl_from,
                root: &self.root,
                issuer: current.certified.issuer(),
            };
            let outcome = blackboard.revocations.refresh(asked, &blackboard.clock).await;
            if outcome.is_ok() {
                blackboard.revocations.keep(&self.enrolment.folder);
                first = false;
            }
            news.tell(blackboard, outcome);
            // Until the first list has come, claims wait for it.
            let period = if first { EVIDENCE_EVERY } else { LISTS_EVERY };
            tokio::select! {
                () = nudged.or_after(period) => {}
                () = blackboard.revocations.wanted() => {
                    // Whoever waits for it comes again in a second; many of them are one look.
                    tokio::time::sleep(EVIDENCE_EVERY).await;
                }
            }
        }
    }

    /// Waits for the certificates of the evidence keys, then keeps the log growing and cosigned.
    async fn look_after_log(&self, blackboard: &Blackboard, mut nudged: Nudged) {
        let evidence = self.obtain_evidence(blackboard, &mut nudged).await;
        self.recall_witnesses(blackboard, &evidence).await;
        let witnesses = self.witnesses(blackboard);
        let asking = Asking {
            log: &blackboard.log,
            log_key: &evidence.log_key,
            root: &self.root,
            clocks: &blackboard.clocks,
            observer: &blackboard.observer,
        };
        let cosigning = witnesses.iter().map(|at| keep_cosigning(&asking, at, self.nudge.listen()));
        tokio::join!(
            keep_appending(&blackboard.log, &evidence),
            join_all(cosigning),
            count_lag(blackboard, self.nudge.listen()),
            look_after_timestamp_key(
                blackboard,
                &self.enrolment.folder,
                &self.root,
                self.nudge.listen(),
            ),
        );
    }

    /// Knows the witnesses from before again, before any receipt is made that has their cosignatures.
    async fn recall_witnesses(&self, blackboard: &Blackboard, evidence: &Evidence) {
        let certificates = loop {
            match blackboard.store.witnesses().await {
                Ok(certificates) => break certificates,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "the witnesses cannot be read from the records");
                    tokio::time::sleep(EVIDENCE_EVERY).await;
                }
            }
        };
        for der in certificates {
            let Ok(certificate) = Certificate::from_der(&der) else { continue };
            // As of its beginning: what it has cosigned outlives its certificate.
            let at = certificate.not_before();
            match Met::verify(certificate, &self.root, &evidence.log_key, at) {
                Ok(met) => blackboard.log.witnesses.meet(Arc::new(met)),
                Err(error) => tracing::warn!(error = %chain(&error), "a witness on record is none"),
            }
        }
        blackboard.log.witnesses.meet(Arc::new(evidence.witness.clone()));
    }

    /// CUHK and the others that are to be asked.
    fn witnesses(&self, blackboard: &Blackboard) -> Vec<WitnessAt> {
        let cuhk = self.enrolment.cuhk();
        let root = Arc::clone(&self.root);
        let of_cuhk = ServerTrust::CuhkServer { root, origin: cuhk.clone() };
        let mut witnesses = Vec::new();
        // What others answer is believed by the key that the root has certified, and what they are asked is public:
        // whose TLS certificate they show does not matter.
        let others =
            self.enrolment.config.witnesses.iter().map(|one| (one, ServerTrust::Unverified));
        for (origin, trust) in std::iter::once((&cuhk, of_cuhk)).chain(others) {
            match https_client_by(&blackboard.clock, &trust, None, WITNESS_TIMEOUT) {
                Ok(client) => {
                    let place = blackboard.log.witnesses.place(origin);
                    let is_cuhk = *origin == cuhk;
                    witnesses.push(WitnessAt { origin: origin.clone(), client, place, is_cuhk });
                }
                Err(error) => {
                    let reason = chain(&error);
                    blackboard.tell(Event::WitnessAway { origin: origin.clone(), reason });
                }
            }
        }
        witnesses
    }

    async fn obtain_evidence(&self, blackboard: &Blackboard, nudged: &mut Nudged) -> Arc<Evidence> {
        let mut told = None;
        loop {
            let folder = &self.enrolment.folder;
            let loaded = Evidence::load(folder, &blackboard.origin, &self.root, &blackboard.clock);
            let reason = match loaded {
                Ok(Some(evidence)) => {
                    // Nobody else sets it.
                    blackboard.evidence.replace(Arc::clone(&evidence));
                    blackboard.tell(Event::EvidenceReady {
                        log: evidence.log_key.name().to_string(),
                        witness: evidence.witness.key.name().to_string(),
                    });
                    return evidence;
                }
                Ok(None) => format!(
                    "have {:?} certified where the root is (`claim cuhk certify`), and put the answer beside it as blackboard.answer",
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

/// Tells those who wait for receipts, and the metrics, how far the log is cosigned.
async fn count_lag(blackboard: &Blackboard, mut nudged: Nudged) {
    loop {
        blackboard.clocks.have_leapt();
        match blackboard.store.lag().await {
            Ok(lag) => {
                // Another replica, or this one before it was started again, may have had more of it cosigned.
                blackboard.log.tell_cosigned(lag.covered);
                blackboard.counters.lag(&lag, &blackboard.log.witnesses.states());
            }
            Err(error) => tracing::debug!(error = %chain(&error), "the log's lag is not known"),
        }
        nudged.or_after(LAG_EVERY).await;
    }
}

/// Marks the minutes in which Blackboard serves, and lets claims lapse whose files did not come.
async fn look_after_claims(blackboard: &Blackboard, mut nudged: Nudged) {
    loop {
        if let Err(error) = blackboard.mark_minute().await {
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

async fn look_after_storage(blackboard: &Blackboard, metrics: Metrics, mut nudged: Nudged) {
    loop {
        if let Some(space) = blackboard.storage.room.look() {
            metrics.disk(space.free, space.size, space.keep);
        }
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
