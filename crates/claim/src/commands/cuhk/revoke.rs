//! `claim cuhk revoke`.

use anyhow::Result;
use claim_core::PersonId;
use claim_cuhk::{Clock, Office, RevokedEntry, Revoking};
use serde_json::json;

use super::{admin_failure, keys};
use crate::cli::{RevokeArgs, RevokeWhat};
use crate::commands::Context;
use crate::exit::Exit;

pub(super) async fn run(arguments: RevokeArgs, context: &Context) -> Result<Exit> {
    let what = match arguments.what {
        RevokeWhat { serial: Some(serial), .. } => Revoking::Serial(serial),
        RevokeWhat { sid: Some(sid), .. } => Revoking::Person(PersonId::from(sid)),
        RevokeWhat { serial: None, sid: None } => return Ok(Exit::Done),
    };
    let keys = match keys::settings(arguments.keys, context) {
        Ok(keys) => keys,
        Err(exit) => return Ok(exit),
    };
    let database = arguments.database.database.as_deref();
    let office = match Office::open(&context.server_dir(), database, Clock::system()).await {
        Ok(office) => office.with_keys(keys),
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let revoked = office.revoke(&what, arguments.reason).await;
    office.close().await;
    match revoked {
        Ok(entries) => {
            for entry in &entries {
                show(context, entry);
            }
            context
                .terminal
                .say("The revocation list says so; Blackboards look at it every minute.");
            Ok(Exit::Done)
        }
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

fn show(context: &Context, entry: &RevokedEntry) {
    let RevokedEntry { serial, profile, holder, revoked_at, reason, before } = entry;
    let line = if *before {
        format!(
            "The {profile} certificate {serial} of {holder} was revoked before, at {revoked_at} ({reason}); that stands."
        )
    } else {
        format!(
            "Revoked the {profile} certificate {serial} of {holder} at {revoked_at} ({reason})."
        )
    };
    let document = json!({
        "serial": serial, "profile": profile, "holder": holder, "revoked_at": revoked_at,
        "reason": reason.as_str(), "before": before,
    });
    context.terminal.result(&line, &document);
}
