//! `claim cuhk`.

mod audit;
mod certify;
mod invite;
mod keys;
mod mail;
mod records;
mod retention;
mod revoke;
mod roster;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use claim_cuhk::{
    AdminError, CertificateEntry, Clock, Config, ExternalTls, KeyPassphrase, StartError,
};
use serde_json::{Value, json};

pub(crate) use self::keys::passphrase;
use super::{Context, Serving, StopSignals, Told, backup};
use crate::cli::{CuhkArgs, CuhkCommand, CuhkServeArgs};
use crate::exit::Exit;
use crate::files;
use crate::words;

pub(crate) async fn run(arguments: CuhkArgs, context: &Context) -> Result<Exit> {
    match arguments.command {
        None => serve(arguments.serve, context).await,
        Some(CuhkCommand::Serve(arguments)) => serve(arguments, context).await,
        Some(CuhkCommand::Init { public_url, offline_root, keys, database }) => {
            let dir = context.server_dir();
            let database = database.database.as_deref();
            let keys = match keys::settings(keys, context) {
                Ok(keys) => keys,
                Err(exit) => return Ok(exit),
            };
            let (origin, clock) = (public_url.as_ref(), Clock::system());
            let made = match offline_root {
                true => claim_cuhk::init_offline_root(&dir, keys, database, &clock).await,
                false => claim_cuhk::init_with_keys(&dir, keys, database, origin, &clock).await,
            };
            match made {
                Ok(made) => {
                    let next = match offline_root {
                        true => {
                            "copy cuhk.cer, and nothing else, into the folder of the CUHK that is to serve."
                        }
                        false => {
                            "claim cuhk, claim cuhk roster import people.csv, claim cuhk invite --server ORIGIN."
                        }
                    };
                    let (path, sha256) = (made.certificate.display(), made.fingerprint);
                    let line = format!("Made {path} (SHA-256 {sha256}).\nNext: {next}");
                    let document = json!({ "certificate": made.certificate, "sha256": made.fingerprint.to_string() });
                    context.terminal.result(&line, &document);
                    Ok(Exit::Done)
                }
                Err(error) => Ok(start_failure(context, &error)),
            }
        }
        Some(CuhkCommand::Record(arguments)) => keys::record(arguments, context).await,
        Some(CuhkCommand::Issuing(arguments)) => keys::issuing(arguments, context).await,
        Some(CuhkCommand::Roster(arguments)) => roster::run(arguments, context).await,
        Some(CuhkCommand::Invite(arguments)) => invite::run(arguments, context).await,
        Some(CuhkCommand::Certify(arguments)) => certify::run(arguments, context).await,
        Some(CuhkCommand::Revoke(arguments)) => revoke::run(arguments, context).await,
        Some(CuhkCommand::Backup(arguments)) => backup::back_up_cuhk(arguments, context).await,
        Some(CuhkCommand::Restore(arguments)) => backup::restore_cuhk(arguments, context).await,
        Some(CuhkCommand::List(arguments)) => records::list(arguments, context).await,
        Some(CuhkCommand::Search(arguments)) => records::search(arguments, context).await,
        Some(CuhkCommand::Show(arguments)) => records::show(arguments, context).await,
        Some(CuhkCommand::Export(arguments)) => records::export(arguments, context).await,
        Some(CuhkCommand::Retention(arguments)) => retention::run(arguments, context).await,
        Some(CuhkCommand::Audit(arguments)) => audit::run(arguments, context).await,
    }
}

const SECONDS_A_DAY: u32 = 24 * 3600;

/// CUHK's settings from its options.
pub(crate) fn config(
    dir: &Path,
    arguments: CuhkServeArgs,
    context: &Context,
) -> Result<Config, Exit> {
    let CuhkServeArgs { server: arguments, keys, disk, renewal_grace, certificates_per_person } =
        arguments;
    let mut config = Config::new(dir);
    if !arguments.listen.is_empty() {
        config.listen = arguments.listen;
    }
    config.public_url = arguments.public_url;
    config.database = arguments.database.database;
    let passphrase_of_tls = passphrase(arguments.tls_key_passphrase, context)?;
    let passphrase_of_tls = passphrase_of_tls.map(|text| KeyPassphrase::new(text.expose()));
    config.external_tls = arguments
        .tls_cert
        .zip(arguments.tls_key)
        .map(|(certificate, key)| ExternalTls { certificate, key, passphrase: passphrase_of_tls });
    config.metrics = arguments.metrics;
    config.keep_free = disk.keep_free();
    config.renewal_grace = renewal_grace * SECONDS_A_DAY;
    config.certificates_per_person = certificates_per_person;
    config.limits = files::fit(&context.cuhk_limits);
    config.quotas = context.cuhk_quotas;
    config.sso = context.cuhk_sso.clone();
    config.keys = keys::settings(keys, context)?;
    Ok(config)
}

async fn serve(arguments: CuhkServeArgs, context: &Context) -> Result<Exit> {
    let mut config = match config(&context.server_dir(), arguments, context) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let terminal = context.terminal;
    let observer = Arc::new(move |event| terminal.tell(&words::cuhk::words(&event)));
    config.mailer = mail::for_announcements(context).map(Arc::new);
    let signals = StopSignals::listen()?;
    match claim_cuhk::start(config, observer).await {
        Ok(running) => {
            let (origin, nudge) = (running.origin().clone(), running.nudge());
            let run = |told: Told| running.run(told.stop());
            super::serve(Serving { origin, nudge, run }, signals, terminal).await
        }
        Err(error) => Ok(start_failure(context, &error)),
    }
}

fn show_entry(context: &Context, entry: &CertificateEntry) {
    let unsigned = if entry.fingerprint.is_none() { "  (never given out)" } else { "" };
    let device = entry.device.as_ref().map_or(String::new(), |device| format!("  on {device}"));
    let revoked =
        entry.revoked.map_or(String::new(), |(at, reason)| format!("  revoked {at} ({reason})"));
    let holder = entry.erased_at.map_or(entry.holder.clone(), |at| format!("(erased {at})"));
    let line = format!(
        "{}  {:<6}  {:<28}  {} to {}{device}{unsigned}{revoked}",
        entry.serial, entry.profile, holder, entry.not_before, entry.not_after
    );
    context.terminal.result(&line, &entry_document(entry));
}

fn entry_document(entry: &CertificateEntry) -> Value {
    json!({
        "serial": entry.serial, "profile": entry.profile, "holder": entry.holder,
        "key_sha256": entry.key_fingerprint.map(|digest| digest.to_string()),
        "sha256": entry.fingerprint.map(|digest| digest.to_string()),
        "not_before": entry.not_before, "not_after": entry.not_after, "reserved_at": entry.reserved_at,
        "device": entry.device, "predecessor": entry.predecessor,
        "authenticated_by": entry.authenticated_by.map(claim_cuhk::Authentication::name),
        "revoked_at": entry.revoked.map(|(at, _)| at),
        "revocation_reason": entry.revoked.map(|(_, reason)| reason.as_str()),
        "authentication": entry.authenticated_by.map(|how| how.name()),
        "device": entry.device.as_ref().map(ToString::to_string), "renewed_from": entry.predecessor,
        "erased_at": entry.erased_at,
    })
}

pub(crate) fn start_failure(context: &Context, error: &StartError) -> Exit {
    context.terminal.failure(&error.to_string(), error.why().as_deref(), &error.advice());
    // The unit for systemd does not try these again, which would lock a token.
    if error.is_wrong_secret() { Exit::Usage } else { Exit::Refused }
}

fn admin_failure(context: &Context, error: &AdminError) -> Exit {
    context.terminal.failure(&error.to_string(), error.why().as_deref(), &error.advice());
    Exit::Refused
}

/// Shows what will be done, and asks.
pub(super) fn agreed(question: &str, context: &Context) -> Result<bool> {
    let answer = context.terminal.ask(question)?.unwrap_or_default();
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
