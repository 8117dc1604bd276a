//! `claim cuhk`.

mod certify;
mod revoke;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use claim_core::invitation::{Invitation, Invitee};
use claim_cuhk::{AdminError, CertificateEntry, Clock, Config, ExternalTls, Office, StartError};
use serde_json::json;

use super::{Context, Serving, StopSignals, Told, backup};
use crate::cli::{CuhkArgs, CuhkCommand, InviteArgs, InviteWhom, ServerArgs};
use crate::exit::Exit;
use crate::files;
use crate::words;

/// A roster file is read up to here; claim-cuhk has the same limit.
const MAX_ROSTER_BYTES: u64 = claim_cuhk::MAX_ROSTER_BYTES as u64;

pub(crate) async fn run(arguments: CuhkArgs, context: &Context) -> Result<Exit> {
    match arguments.command {
        None => serve(arguments.serve, context).await,
        Some(CuhkCommand::Serve(arguments)) => serve(arguments, context).await,
        Some(CuhkCommand::Init { public_url, database }) => {
            let dir = context.server_dir();
            let database = database.database.as_deref();
            match claim_cuhk::init(&dir, database, public_url.as_ref(), &Clock::system()).await {
                Ok(made) => {
                    let line = format!(
                        "Made {} (SHA-256 {}).\nNext: claim cuhk, claim cuhk invite --sid …, claim cuhk invite --server ORIGIN.",
                        made.certificate.display(),
                        made.fingerprint
                    );
                    let document = json!({ "certificate": made.certificate, "sha256": made.fingerprint.to_string() });
                    context.terminal.result(&line, &document);
                    Ok(Exit::Done)
                }
                Err(error) => Ok(start_failure(context, &error)),
            }
        }
        Some(CuhkCommand::Invite(arguments)) => invite(arguments, context).await,
        Some(CuhkCommand::Certify(arguments)) => certify::run(arguments, context).await,
        Some(CuhkCommand::Revoke(arguments)) => revoke::run(arguments, context).await,
        Some(CuhkCommand::Backup(arguments)) => backup::back_up_cuhk(arguments, context).await,
        Some(CuhkCommand::Restore(arguments)) => backup::restore_cuhk(arguments, context).await,
        Some(CuhkCommand::List { database }) => list(database.database.as_deref(), context).await,
    }
}

/// CUHK's settings from its options.
pub(crate) fn config(dir: &Path, arguments: ServerArgs, context: &Context) -> Config {
    let mut config = Config::new(dir);
    if !arguments.listen.is_empty() {
        config.listen = arguments.listen;
    }
    config.public_url = arguments.public_url;
    config.database = arguments.database.database;
    config.external_tls = arguments
        .tls_cert
        .zip(arguments.tls_key)
        .map(|(certificate, key)| ExternalTls { certificate, key });
    config.metrics = arguments.metrics;
    config.limits = files::fit(&context.cuhk_limits);
    config.quotas = context.cuhk_quotas;
    config
}

async fn serve(arguments: ServerArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let observer = Arc::new(move |event| terminal.tell(&words::cuhk::words(&event)));
    let signals = StopSignals::listen()?;
    match claim_cuhk::start(config(&context.server_dir(), arguments, context), observer).await {
        Ok(running) => {
            let (origin, nudge) = (running.origin().clone(), running.nudge());
            let run = |told: Told| running.run(told.stop());
            super::serve(Serving { origin, nudge, run }, signals, terminal).await
        }
        Err(error) => Ok(start_failure(context, &error)),
    }
}

async fn invite(arguments: InviteArgs, context: &Context) -> Result<Exit> {
    let database = arguments.database.database.as_deref();
    let office = match Office::open(&context.server_dir(), database, Clock::system()).await {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let cuhk = arguments.public_url;
    let done = match arguments.whom {
        InviteWhom { roster: Some(path), .. } => {
            let bytes = read_roster(&path)?;
            office.invite_roster(&bytes, cuhk).await.map(|invited| {
                for person in invited {
                    let name = person.name.as_ref().map(|name| name.as_str().to_owned());
                    show(
                        context,
                        &person.id.to_string(),
                        name.as_deref(),
                        &person.invitation,
                        true,
                    );
                }
            })
        }
        InviteWhom { sid: Some(sid), .. } => {
            let invitee = Invitee::Person(sid.clone().into());
            let invited = office.invite(invitee, None, cuhk).await;
            invited.map(|invitation| show(context, sid.as_str(), None, &invitation, false))
        }
        InviteWhom { server: Some(origin), .. } => {
            let invited = office.invite(Invitee::Server(origin.clone()), None, cuhk).await;
            invited.map(|invitation| show(context, origin.as_str(), None, &invitation, false))
        }
        InviteWhom { sid: None, server: None, roster: None } => Ok(()),
    };
    office.close().await;
    match done {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

/// Invitations of a roster come as CSV, so that a mail merge can take them.
fn show(context: &Context, id: &str, name: Option<&str>, invitation: &Invitation, as_csv: bool) {
    let line = invitation.expose();
    let text = if as_csv {
        let name = name.unwrap_or_default().replace('"', "\"\"");
        format!("{id},\"{name}\",{line}")
    } else {
        line.clone()
    };
    context.terminal.result(&text, &json!({ "id": id, "name": name, "invitation": line }));
}

fn read_roster(path: &Path) -> Result<Vec<u8>> {
    let told = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(told)?;
    // One byte more than allowed, so that claim-cuhk can tell that it is too long.
    file.take(MAX_ROSTER_BYTES + 1).read_to_end(&mut bytes).with_context(told)?;
    Ok(bytes)
}

async fn list(database: Option<&str>, context: &Context) -> Result<Exit> {
    let office = match Office::open(&context.server_dir(), database, Clock::system()).await {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let listed = office.list().await;
    office.close().await;
    match listed {
        Ok(entries) => {
            if entries.is_empty() {
                context.terminal.say("No certificate has been issued yet.");
            }
            for entry in entries {
                show_entry(context, &entry);
            }
            Ok(Exit::Done)
        }
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

fn show_entry(context: &Context, entry: &CertificateEntry) {
    let unsigned = if entry.fingerprint.is_none() { "  (never given out)" } else { "" };
    let revoked =
        entry.revoked.map_or(String::new(), |(at, reason)| format!("  revoked {at} ({reason})"));
    let line = format!(
        "{}  {:<6}  {:<28}  {} to {}{unsigned}{revoked}",
        entry.serial, entry.profile, entry.holder, entry.not_before, entry.not_after
    );
    let document = json!({
        "serial": entry.serial, "profile": entry.profile, "holder": entry.holder,
        "key_sha256": entry.key_fingerprint.to_string(),
        "sha256": entry.fingerprint.map(|digest| digest.to_string()),
        "not_before": entry.not_before, "not_after": entry.not_after, "reserved_at": entry.reserved_at,
        "revoked_at": entry.revoked.map(|(at, _)| at),
        "revocation_reason": entry.revoked.map(|(_, reason)| reason.as_str()),
    });
    context.terminal.result(&line, &document);
}

pub(crate) fn start_failure(context: &Context, error: &StartError) -> Exit {
    context.terminal.failure(&error.to_string(), error.why().as_deref(), &error.advice());
    Exit::Refused
}

fn admin_failure(context: &Context, error: &AdminError) -> Exit {
    context.terminal.failure(&error.to_string(), error.why().as_deref(), &error.advice());
    Exit::Refused
}
