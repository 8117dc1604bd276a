//! The settings with which CUHK starts, and which of them are others than last time.

use claim_audit::Settings;
use claim_core::Digest;
use claim_store::cuhk::CuhkStore;
use claim_store::cuhk::audit::Entry;
use claim_store::{DatabaseUrl, StoreError};

use crate::config::{Config, Quotas};
use crate::keys::{KeySetting, KeySettings};
use crate::mode::Mode;
use crate::sso::SsoSettings;

/// That CUHK starts with these settings.
pub(crate) async fn started(
    store: &CuhkStore,
    config: &Config,
    origin: &str,
    mode: Mode,
    root: Digest,
) -> Result<Entry, StoreError> {
    let mut now = settings(config);
    now.insert("origin", origin.to_owned());
    now.insert("mode", mode.to_string());
    now.insert("root", root.to_string());
    now.insert("program", env!("CARGO_PKG_VERSION").to_owned());
    claim_audit::started(store.audit(), &now).await
}

/// The settings that matter for what is issued to whom, without secrets. Named one by one, so that whoever adds a
/// setting is asked.
fn settings(config: &Config) -> Settings {
    let Config {
        dir: _,
        listen,
        public_url: _,
        database,
        external_tls,
        metrics,
        limits,
        quotas:
            Quotas {
                timestamps_per_minute,
                renewals_per_hour,
                wrong_codes_per_minute,
                sign_ins_per_minute,
                sign_ins_waiting,
            },
        code_life,
        renewal_grace,
        certificates_per_person,
        mailer,
        keep_free,
        clock: _,
        keys: KeySettings { root, issuing, services, root_elsewhere },
        sso,
        faults: _,
    } = config;
    let listen: Vec<String> = listen.iter().map(ToString::to_string).collect();
    let or_default = |text: Option<String>| text.unwrap_or_else(|| "default".to_owned());
    let database = match database.as_deref().map(str::parse::<DatabaseUrl>) {
        None => "in the folder".to_owned(),
        // Its name may have a password in it.
        Some(_) => "configured".to_owned(),
    };
    Settings::from([
        ("listen", listen.join(" ")),
        ("database", database),
        (
            "tls_certificate",
            or_default(external_tls.as_ref().map(|files| files.certificate.display().to_string())),
        ),
        ("metrics", or_default(metrics.map(|address| address.to_string()))),
        ("limits_sha256", Digest::of(format!("{limits:?}").as_bytes()).to_string()),
        ("timestamps_per_minute", timestamps_per_minute.to_string()),
        ("renewals_per_hour", renewals_per_hour.to_string()),
        ("wrong_codes_per_minute", wrong_codes_per_minute.to_string()),
        ("sign_ins_per_minute", sign_ins_per_minute.to_string()),
        ("sign_ins_waiting", sign_ins_waiting.to_string()),
        ("single_sign_on", sso.as_ref().map_or_else(|| "none".to_owned(), service)),
        ("code_life_seconds", code_life.to_string()),
        ("renewal_grace_seconds", renewal_grace.to_string()),
        ("certificates_per_person", certificates_per_person.to_string()),
        (
            "mail_server",
            mailer.as_ref().map_or_else(|| "none".to_owned(), |mailer| mailer.server()),
        ),
        ("keep_free_bytes", or_default(keep_free.map(|bytes| bytes.to_string()))),
        ("root_key", if *root_elsewhere { "elsewhere".to_owned() } else { place(root) }),
        ("issuing_key", place(issuing)),
        ("services_keys", opened("file", services.is_some())),
    ])
}

/// Whom CUHK believes who somebody is, and how it reads that.
fn service(sso: &SsoSettings) -> String {
    let SsoSettings { issuer, client_id, client_secret, claim, domain, scope } = sso;
    let domain = domain.as_deref().unwrap_or("none");
    // Where the secret is, not what it is.
    let secret = client_secret.as_deref().unwrap_or("none");
    format!(
        "{issuer}, client {client_id}, secret {secret}, claim {claim}, domain {domain}, scope {scope}"
    )
}

/// Where a key is, and whether something opens it.
fn place(key: &KeySetting) -> String {
    let place = key.token.as_ref().map_or_else(|| "file".to_owned(), ToString::to_string);
    opened(&place, key.passphrase.is_some())
}

fn opened(place: &str, by_passphrase: bool) -> String {
    if by_passphrase { format!("{place}, with a passphrase") } else { place.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_tells_a_secret() {
        let mut config = Config::new("somewhere");
        config.database = Some("postgres://cuhk:secret@db.example/cuhk".to_owned());
        let told = format!("{:?}", settings(&config));
        assert!(told.contains("configured") && !told.contains("secret@"), "{told}");
    }
}
