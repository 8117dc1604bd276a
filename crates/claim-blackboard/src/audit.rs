//! What goes into the audit log beside the deeds of the records: starts, backups, and the head that is signed.

use std::time::Duration;

use claim_audit::{Settings, operator, sign_if_grown, started};
use claim_core::Digest;
use claim_http::{Clock, Nudged};
use claim_store::blackboard::BlackboardStore;
use claim_store::blackboard::audit::{By, Entry};
use claim_store::{DatabaseUrl, Look, Records, StoreError};

use crate::blackboard::Blackboard;
use crate::config::{Config, Quotas};
use crate::enrol::Enrolment;
use crate::error::chain;

/// How often the head is signed, where there is something new.
const SIGN_EVERY: Duration = Duration::from_secs(60 * 60);

/// How often it is tried again to tell of the start.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// That Blackboard has started, until the records have taken it: they may be full.
pub(crate) struct Start(Option<Settings>);

impl Start {
    /// Tells of it, or says why it has to wait.
    pub(crate) async fn tell(store: &BlackboardStore, enrolment: &Enrolment, root: Digest) -> Self {
        let mut now = settings(&enrolment.config);
        now.insert("origin", enrolment.origin.to_string());
        now.insert("root", root.to_string());
        now.insert("program", env!("CARGO_PKG_VERSION").to_owned());
        let mut start = Self(Some(now));
        start.try_again(store).await;
        start
    }

    /// There is nothing to tell any more.
    pub(crate) fn told() -> Self {
        Self(None)
    }

    async fn try_again(&mut self, store: &BlackboardStore) {
        let Some(now) = &self.0 else { return };
        let told = async { store.audit().record(&[started(store.audit(), now).await?]).await };
        match told.await {
            Ok(()) => self.0 = None,
            Err(error) => tracing::warn!(error = %chain(&error), "the audit log waits"),
        }
    }
}

/// Tells of the start where that is still to be told, and signs the head, until it is dropped.
pub(crate) async fn keep(
    mut start: Start,
    blackboard: &Blackboard,
    enrolment: &Enrolment,
    mut nudged: Nudged,
) {
    let (store, files) = (&blackboard.store, enrolment.folder.audit_keys());
    loop {
        start.try_again(store).await;
        if start.0.is_some() {
            nudged.or_after(TELL_EVERY).await;
            continue;
        }
        let now = blackboard.clock.now();
        if let Err(error) = sign_if_grown(store.audit(), &files, &blackboard.origin, now).await {
            tracing::warn!(error = %chain(&error), "the head of the audit log is not signed");
        }
        nudged.or_after(SIGN_EVERY).await;
    }
}

/// For whoever runs Blackboard, by a command on its machine.
pub(crate) fn by_operator(store: BlackboardStore) -> BlackboardStore {
    let clock = Clock::system();
    store.acting(By::administrator(operator()), move || clock.now())
}

/// Puts an entry on record of something that was done with the records by a command. Records of an older program's schema
/// stay as they are: whoever makes a backup before taking a newer program may want to go back.
pub(crate) async fn tell(url: &DatabaseUrl, entry: Entry) -> Result<(), StoreError> {
    let mut look = Look::at(url, Records::Blackboard).await?;
    let schema = look.schema_version().await?;
    look.close().await;
    if schema.there != schema.known {
        return Ok(());
    }
    let store = by_operator(BlackboardStore::open(url).await?);
    let recorded = store.audit().record(&[entry]).await;
    store.close().await;
    recorded
}

/// The settings that matter for what is taken from whom, without secrets. Named one by one, so that whoever adds a setting
/// is asked.
fn settings(config: &Config) -> Settings {
    let Config {
        dir: _,
        listen,
        public_url: _,
        cuhk,
        root: _,
        invite_file: _,
        passphrase,
        sealing_key,
        witnesses,
        crl_from,
        database,
        external_tls,
        metrics,
        limits,
        quotas: Quotas { kem_concurrency, kem_waiting, requests_at_once, requests_per_minute },
        patience: _,
        keep_free,
        retention,
        clock: _,
        faults: _,
    } = config;
    let kept = retention.as_ref();
    let joined = |texts: Vec<String>| texts.join(" ");
    let or_default = |text: Option<String>| text.unwrap_or_else(|| "default".to_owned());
    // Its name may have a password in it.
    let database = if database.is_some() { "configured" } else { "default" };
    let opened = if passphrase.is_some() { "with a passphrase" } else { "without a passphrase" };
    let sealing = if sealing_key.is_some() { "elsewhere" } else { "in the folder" };
    Settings::from([
        ("listen", joined(listen.iter().map(ToString::to_string).collect())),
        ("cuhk", cuhk.to_string()),
        ("keys", opened.to_owned()),
        ("sealing_key", sealing.to_owned()),
        ("witnesses", joined(witnesses.iter().map(ToString::to_string).collect())),
        ("crl_from", joined(crl_from.iter().map(|url| url.join("")).collect())),
        ("database", database.to_owned()),
        (
            "tls_certificate",
            or_default(external_tls.as_ref().map(|files| files.certificate.display().to_string())),
        ),
        ("metrics", or_default(metrics.map(|address| address.to_string()))),
        ("limits_sha256", Digest::of(format!("{limits:?}").as_bytes()).to_string()),
        ("kem_concurrency", kem_concurrency.to_string()),
        ("kem_waiting", kem_waiting.to_string()),
        ("requests_at_once", requests_at_once.to_string()),
        ("requests_per_minute", requests_per_minute.to_string()),
        (
            "keep_days",
            kept.map_or_else(|| "for good".to_owned(), |rule| rule.keep_days.to_string()),
        ),
        (
            "held",
            joined(kept.into_iter().flat_map(|rule| &rule.held).map(ToString::to_string).collect()),
        ),
        ("keep_free_bytes", or_default(keep_free.map(|bytes| bytes.to_string()))),
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn no_setting_tells_a_secret() {
        let mut config = Config::new("somewhere", "https://cuhk.example".parse().unwrap());
        config.database = Some("postgres://blackboard:secret@db.example/blackboard".to_owned());
        let told = format!("{:?}", settings(&config));
        assert!(told.contains("configured") && !told.contains("secret@"), "{told}");
    }
}
