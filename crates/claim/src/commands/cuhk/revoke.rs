//! `claim cuhk revoke`.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};

use anyhow::Result;
use claim_cuhk::{Clock, Office, RevokedEntry, Revoking, ToRevoke};
use serde_json::json;

use super::{admin_failure, agreed, keys};
use crate::cli::{RevokeArgs, RevokeWhat};
use crate::commands::Context;
use crate::exit::Exit;

pub(super) async fn run(arguments: RevokeArgs, context: &Context) -> Result<Exit> {
    let what = match arguments.what {
        RevokeWhat { serial: Some(serial), .. } if arguments.only => Revoking::Only(serial),
        RevokeWhat { serial: Some(serial), .. } => Revoking::Serial(serial),
        RevokeWhat { sid: Some(id), .. } => Revoking::Person(id),
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
    // Whoever has no terminal has nobody to ask, and says what to revoke in a script of theirs.
    if !arguments.yes && io::stdin().is_terminal() {
        let shown = match office.to_revoke(&what).await {
            Ok(shown) => shown,
            Err(error) => return Ok(admin_failure(context, &error)),
        };
        if !agreed(&question(&shown, arguments.reason.as_str()), context)? {
            office.close().await;
            context.terminal.failure("Nothing was revoked.", None, "Answer yes, or give --yes.");
            return Ok(Exit::Refused);
        }
    }
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

/// What will be revoked, for somebody who says yes.
fn question(shown: &[ToRevoke], reason: &str) -> String {
    let mut text = format!("From now on, and for good, these will be revoked ({reason}):\n");
    for one in shown {
        let ToRevoke { serial, profile, holder, not_after, revoked } = one;
        let stands = revoked.map_or(String::new(), |(at, reason)| {
            format!("; revoked already, at {at} ({reason}), which stands")
        });
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {profile} {serial} of {holder}, valid until {not_after}{stands}");
    }
    text.push_str("Revoke? [y/N] ");
    text
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
