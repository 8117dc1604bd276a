//! What a serving CUHK does by itself: renews its own certificate, keeps an invitation in the folder, looks
//! whether it can do its work.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use claim_core::Timestamp;
use claim_http::CertificateSwitch;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::StartError;
use crate::event::Event;
use crate::mode::Mode;
use crate::own_certificate::OwnCertificate;
use crate::state::Cuhk;

/// How often it looks whether a certificate or an invitation must be renewed; both last for days.
const RENEWAL_PERIOD: Duration = Duration::from_secs(3600);

/// How often it looks whether it can do its work.
const READINESS_PERIOD: Duration = Duration::from_secs(10);

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
        if let State::Serving(found) = &mut *self.0.write().unwrap_or_else(PoisonError::into_inner)
        {
            *found = readiness;
        }
    }
}

/// What is to be kept up.
pub(super) struct Maintenance {
    switch: Arc<CertificateSwitch>,
    /// The end of the certificate that CUHK issued to itself; `None` with one from elsewhere.
    own_not_after: Option<Timestamp>,
    /// When the invitation in the folder was written.
    invited_at: Timestamp,
}

impl Maintenance {
    /// Begins: in local demo mode with a fresh invitation, the older ones being void.
    pub(super) async fn new(
        cuhk: &Cuhk,
        switch: Arc<CertificateSwitch>,
        own_not_after: Option<Timestamp>,
    ) -> Result<Self, StartError> {
        if cuhk.mode == Mode::LocalDemo {
            cuhk.desk.store.void_loopback_invitations().await?;
            cuhk.leave_invitation().await?;
        }
        Ok(Self { switch, own_not_after, invited_at: cuhk.desk.clock.now() })
    }

    /// Goes on until it is aborted.
    pub(super) async fn run(mut self, cuhk: Arc<Cuhk>, readiness: Readiness) {
        let mut renewal = interval(RENEWAL_PERIOD);
        let mut check = interval(READINESS_PERIOD);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = renewal.tick() => {
                    self.renew(&cuhk).await;
                    self.invite(&cuhk).await;
                }
                _ = check.tick() => readiness.set(self.check(&cuhk).await),
            }
        }
    }

    async fn renew(&mut self, cuhk: &Cuhk) {
        let Some(not_after) = self.own_not_after else { return };
        match OwnCertificate::load_or_issue(&cuhk.desk, &cuhk.folder, &cuhk.origin).await {
            Ok(own) => {
                self.own_not_after = Some(own.not_after);
                if let Some(issued) = own.issued {
                    self.switch.replace(&own.identity);
                    cuhk.tell(Event::ServerCertificate(issued));
                }
            }
            Err(error) => {
                tracing::warn!(%error, %not_after, "the server's own certificate was not renewed");
                cuhk.tell(Event::ServerCertificateNotRenewed {
                    reason: error.to_string(),
                    not_after,
                });
            }
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

    async fn check(&self, cuhk: &Cuhk) -> Result<(), String> {
        cuhk.desk.store.check().await.map_err(|error| error.to_string())?;
        let now = cuhk.desk.clock.now();
        match self.own_not_after {
            Some(not_after) if not_after.as_seconds() < now.as_seconds() => {
                Err(format!("the server's own certificate expired at {not_after}"))
            }
            _ => Ok(()),
        }
    }
}
