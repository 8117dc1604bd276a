//! What a serving CUHK does by itself: renews its own certificate or takes over one from elsewhere, keeps the revocation
//! lists young and an invitation in the folder, looks whether it can do its work.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use claim_audit::sign_if_grown;
use claim_core::Timestamp;
use claim_http::{CertificateSwitch, ExternalChange, ExternalWatch, Metrics, Nudged};
use claim_store::Need;
use tokio::time::Instant;

use super::issuing::RollOver;
use crate::error::StartError;
use crate::event::Event;
use crate::mode::Mode;
use crate::own_certificate::OwnCertificate;
use crate::state::Cuhk;
use crate::timestamps;

/// How often it looks whether a certificate or an invitation must be renewed; both last for days.
const RENEWAL_PERIOD: Duration = Duration::from_secs(3600);

/// How often it looks whether a TLS certificate from elsewhere was exchanged in its files, and at the revocation lists.
const FILES_PERIOD: Duration = Duration::from_secs(60);

/// How often it looks whether it can do its work.
const READINESS_PERIOD: Duration = Duration::from_secs(10);

/// What is left of the issuing certificate's life when CUHK begins to say that it needs another, in seconds.
///
/// Half a year: from then on students get certificates that do not last as long as they should.
const ISSUING_TOLD: i64 = 180 * 24 * 3600;

/// What is left of it when CUHK calls itself not ready, in seconds: what it issues then ends before Blackboards renew.
const ISSUING_TOO_SHORT: i64 = 30 * 24 * 3600;

/// Whether CUHK can do its work, with the reason when it cannot.
#[derive(Clone, Debug)]
pub(super) struct Readiness(Arc<RwLock<State>>);

#[derive(Clone, Debug)]
enum State {
    Serving(Result<(), String>),
    /// For good: what is found out later does not matter any more.
    Stopping,
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(State::Serving(Ok(())))))
    }
}

impl Readiness {
    pub(super) fn get(&self) -> Result<(), String> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Serving(readiness) => readiness.clone(),
            State::Stopping => Err("CUHK is stopping".to_owned()),
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

/// The TLS certificate that is shown.
pub(super) enum Shown {
    /// CUHK issued it to itself.
    Own {
        /// Its end.
        not_after: Timestamp,
    },
    /// Others see to it.
    External(ExternalWatch),
}

/// What is to be kept up.
pub(super) struct Maintenance {
    switch: Arc<CertificateSwitch>,
    shown: Shown,
    metrics: Metrics,
    nudged: Nudged,
    /// When the invitation in the folder was written.
    invited_at: Timestamp,
    /// Whether it was told that the issuing certificate ends.
    told_issuing: bool,
    roll_over: RollOver,
    /// Why the revocation lists are not as they should be, as it was told.
    lists: Option<String>,
    /// Why there is no timestamp key, as it was told.
    timestamps: Option<String>,
}

impl Maintenance {
    /// Begins: in local demo mode with a fresh invitation, the older ones being void.
    pub(super) async fn new(
        cuhk: &Cuhk,
        switch: Arc<CertificateSwitch>,
        shown: Shown,
        metrics: Metrics,
        nudged: Nudged,
    ) -> Result<Self, StartError> {
        if cuhk.mode == Mode::LocalDemo {
            cuhk.desk.store.void_loopback_invitations().await?;
            cuhk.leave_invitation().await?;
        }
        cuhk.lists().keep_up(&cuhk.desk.authority()).await?;
        sign(cuhk).await;
        let invited_at = cuhk.desk.clock.now();
        Ok(Self {
            switch,
            shown,
            metrics,
            nudged,
            invited_at,
            told_issuing: false,
            roll_over: RollOver::default(),
            lists: None,
            timestamps: None,
        })
    }

    /// Goes on until it is aborted.
    pub(super) async fn run(mut self, cuhk: Arc<Cuhk>, readiness: Readiness) {
        let (mut renewal, mut files) = (Turn::now(RENEWAL_PERIOD), Turn::now(FILES_PERIOD));
        loop {
            if renewal.has_come() {
                self.renew(&cuhk).await;
                self.invite(&cuhk).await;
                self.tell_issuing(&cuhk);
                thin(&cuhk).await;
                forget_sign_ins(&cuhk).await;
                sign(&cuhk).await;
                self.keep_timestamps(&cuhk).await;
            }
            if files.has_come() {
                self.reload(&cuhk);
                // First, since the root's list may tell that an issuing certificate is no longer good.
                self.keep_lists(&cuhk).await;
                if self.roll_over.look(&cuhk).await {
                    self.told_issuing = false;
                    self.renew(&cuhk).await;
                }
            }
            self.count(&cuhk);
            readiness.set(self.check(&cuhk).await);
            let began = Instant::now();
            self.nudged.or_after(READINESS_PERIOD).await;
            if began.elapsed() < READINESS_PERIOD {
                (renewal, files) = (Turn::now(RENEWAL_PERIOD), Turn::now(FILES_PERIOD));
            }
        }
    }

    async fn renew(&mut self, cuhk: &Cuhk) {
        let Shown::Own { not_after } = &mut self.shown else { return };
        match OwnCertificate::load_or_issue(&cuhk.desk, &cuhk.folder, &cuhk.origin).await {
            Ok(own) => {
                *not_after = own.not_after;
                if let Some(issued) = own.issued {
                    self.switch.replace(&own.identity);
                    cuhk.tell(Event::ServerCertificate(issued));
                }
            }
            Err(error) => cuhk.tell(Event::ServerCertificateNotRenewed {
                reason: error.to_string(),
                not_after: *not_after,
            }),
        }
    }

    fn reload(&mut self, cuhk: &Cuhk) {
        let Shown::External(watch) = &mut self.shown else { return };
        match watch.look(&self.switch) {
            None => {}
            Some(ExternalChange::New { not_after }) => cuhk.tell(Event::TlsReloaded { not_after }),
            Some(ExternalChange::Kept { reason }) => cuhk.tell(Event::TlsNotReloaded { reason }),
        }
    }

    /// Writes another invitation before half the life of the last one is over.
    async fn invite(&mut self, cuhk: &Cuhk) {
        let now = cuhk.desk.clock.now();
        let age = now.millis_since(self.invited_at);
        if cuhk.mode != Mode::LocalDemo || age < cuhk.invitations.life.saturating_mul(500) {
            return;
        }
        match cuhk.leave_invitation().await {
            Ok(()) => self.invited_at = now,
            Err(error) => tracing::warn!(%error, "no new invitation could be left in the folder"),
        }
    }

    fn tell_issuing(&mut self, cuhk: &Cuhk) {
        let not_after = cuhk.desk.authority().issuing_certificate().not_after();
        if !self.told_issuing && left(not_after, cuhk) < ISSUING_TOLD {
            self.told_issuing = true;
            cuhk.tell(Event::IssuingEnds { not_after });
        }
    }

    /// Takes over the timestamp key that a ceremony has made, or makes the next one where the root's key is at hand.
    async fn keep_timestamps(&mut self, cuhk: &Cuhk) {
        match timestamps::load_or_make(&cuhk.ceremony()).await {
            Ok(signer) => {
                cuhk.timestamps.replace(signer);
                self.timestamps = None;
            }
            Err(error) => {
                let reason = error.to_string();
                if self.timestamps.as_ref() != Some(&reason) {
                    cuhk.tell(Event::TimestampsUnavailable { reason: reason.clone() });
                }
                self.timestamps = Some(reason);
            }
        }
    }

    async fn keep_lists(&mut self, cuhk: &Cuhk) {
        let kept = cuhk.lists().keep_up(&cuhk.desk.authority()).await;
        let fault = kept.err().map(|error| error.to_string());
        match &fault {
            Some(reason) if self.lists != fault => {
                cuhk.tell(Event::ListsNotRenewed { reason: reason.clone() });
            }
            _ => {}
        }
        self.lists = fault;
    }

    /// Until when the certificate is valid that is shown in TLS.
    fn shown_until(&self) -> Option<Timestamp> {
        match &self.shown {
            Shown::Own { not_after } => Some(*not_after),
            Shown::External(watch) => watch.not_after(),
        }
    }

    fn count(&self, cuhk: &Cuhk) {
        let issuing = cuhk.desk.authority().issuing_certificate().not_after();
        self.metrics.certificate_expires("issuing", issuing);
        if let Some(space) = cuhk.room.look() {
            self.metrics.disk(space.free, space.size, space.keep);
        }
        if let Some(not_after) = self.shown_until() {
            self.metrics.certificate_expires("tls", not_after);
        }
    }

    /// Whether CUHK can do its work, with every reason why not.
    async fn check(&self, cuhk: &Cuhk) -> Result<(), String> {
        let mut faults = Vec::new();
        if let Err(error) = cuhk.desk.store.check().await {
            faults.push(format!("the records take nothing: {error}"));
        }
        if let Err(error) = cuhk.room.check(Need::Record) {
            faults.push(error.to_string());
        }
        match self.shown_until() {
            Some(not_after) if left(not_after, cuhk) < 0 => {
                faults.push(format!("the server's TLS certificate expired at {not_after}"));
            }
            _ => {}
        }
        if let Some(reason) = &self.lists {
            faults.push(format!("the revocation lists are not renewed: {reason}"));
        }
        let issuing = cuhk.desk.authority().issuing_certificate().not_after();
        if left(issuing, cuhk) < ISSUING_TOO_SHORT {
            faults.push(format!(
                "the issuing certificate ends at {issuing}, and all that it issues by then"
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }
}

/// Of the checkpoints that CUHK has cosigned, as their logs signed them, keeps one for each day that is past.
async fn thin(cuhk: &Cuhk) {
    match cuhk.desk.store.witnessing().thin(cuhk.desk.clock.now()).await {
        Ok(gone) => tracing::debug!(gone, "checkpoints of former days were thinned"),
        Err(error) => tracing::warn!(%error, "the witness's records could not be thinned"),
    }
}

/// Who signed in from where is of no use once it is over.
async fn forget_sign_ins(cuhk: &Cuhk) {
    match cuhk.desk.store.forget_sign_ins(cuhk.desk.clock.now()).await {
        Ok(gone) => tracing::debug!(gone, "sign-ins that are long over were forgotten"),
        Err(error) => tracing::warn!(%error, "sign-ins that are over could not be forgotten"),
    }
}

/// Signs the audit log as it is now.
async fn sign(cuhk: &Cuhk) {
    let (records, files) = (cuhk.desk.store.audit(), cuhk.folder.audit_keys());
    let now = cuhk.desk.clock.now();
    if let Err(error) = sign_if_grown(records, &files, &cuhk.origin, now).await {
        tracing::warn!(%error, "the head of the audit log is not signed");
    }
}

/// Seconds until then, negative when it is over.
fn left(end: Timestamp, cuhk: &Cuhk) -> i64 {
    end.as_seconds() - cuhk.desk.clock.now().as_seconds()
}

/// Something that is done every so often.
struct Turn {
    every: Duration,
    next: Instant,
}

impl Turn {
    /// The first time is now.
    fn now(every: Duration) -> Self {
        Self { every, next: Instant::now() }
    }

    /// Whether it is time again.
    fn has_come(&mut self) -> bool {
        let now = Instant::now();
        let has_come = now >= self.next;
        if has_come {
            self.next = now + self.every;
        }
        has_come
    }
}
