//! `claim student revoke`.

use anyhow::Result;
use claim_core::PersonId;
use claim_core::invitation::Invitee;
use claim_core::revoking::OwnRevoked;
use claim_pki::RevocationReason;
use claim_student::{RevokeBy, RevokeWhat, RevokedOwn};
use serde_json::json;

use super::consent::Consent;
use super::{program, read_invitation, the_one};
use crate::cli::RevokeOwnArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::terminal::Terminal;

pub(super) async fn run(arguments: RevokeOwnArgs, context: &Context) -> Result<Exit> {
    let RevokeOwnArgs { serial, device, all, invite_file, reason, yes, student: identity } =
        arguments;
    let terminal = context.terminal;
    let what = match (serial, device, all) {
        (Some(serial), _, _) => RevokeWhat::Serial(serial),
        (None, Some(device), _) => RevokeWhat::Device(device),
        (None, None, true) => RevokeWhat::All,
        (None, None, false) => RevokeWhat::This,
    };
    let sid = identity.sid;
    let student = program(identity.servers, context)?;
    let by = match invite_file {
        Some(file) => {
            let invitation = read_invitation(&file)?;
            if let (Some(sid), Invitee::Person(id)) = (&sid, &invitation.invitee)
                && PersonId::from(sid.clone()) != *id
            {
                anyhow::bail!("the invitation is for {id}, not for {sid}");
            }
            RevokeBy::Invitation(invitation)
        }
        None => match the_one(&student, sid, terminal) {
            Ok(id) => RevokeBy::Certificate(id),
            Err(exit) => return Ok(exit),
        },
    };
    let consent = match Consent::new(yes, terminal) {
        Ok(consent) => consent,
        Err(exit) => return Ok(exit),
    };
    if consent == Consent::Asked {
        terminal.say(&told_before(&what, &by));
    }
    if !consent.obtain("Revoke? [y/N] ", terminal).await? {
        return Ok(Exit::Refused);
    }
    let reason = reason.unwrap_or(RevocationReason::Unspecified);
    match student.revoke(by, what, reason).await {
        Ok(revoked) => {
            show(&revoked, terminal);
            Ok(Exit::Done)
        }
        Err(error) => Ok(terminal.explained(&error)),
    }
}

fn told_before(what: &RevokeWhat, by: &RevokeBy) -> String {
    let whose = match by {
        RevokeBy::Certificate(id) => id.to_string(),
        RevokeBy::Invitation(invitation) => invitation.invitee.to_string(),
    };
    let which = match what {
        RevokeWhat::This => "the certificate in this folder, and those of the same key,".to_owned(),
        RevokeWhat::Serial(serial) => format!("certificate {serial}, and all that go with it,"),
        RevokeWhat::Device(device) => format!("the certificates of the device {device}"),
        RevokeWhat::All => "all certificates".to_owned(),
    };
    format!("{whose}: {which} will be of no use any more, from now on and for good.")
}

fn show(revoked: &RevokedOwn, terminal: Terminal) {
    let RevokedOwn { id, revoked, here } = revoked;
    for one in revoked {
        let OwnRevoked { serial, revoked_at, reason, before, device, not_after } = one;
        let on = device.as_ref().map_or(String::new(), |device| format!(" ({device})"));
        let line = match before {
            false => format!("Revoked certificate {serial}{on} of {id} at {revoked_at}."),
            true => {
                format!("Certificate {serial}{on} of {id} was revoked before, at {revoked_at}.")
            }
        };
        let document = json!({ "id": id, "serial": serial, "revoked_at": revoked_at, "reason": reason,
            "before": before, "device": device, "not_after": not_after });
        terminal.result(&line, &document);
    }
    match (here, revoked.is_empty()) {
        (Some(serial), true) => {
            let line = format!("Certificate {serial} of {id} was revoked before.");
            let document = json!({ "id": id, "serial": serial.to_string(), "before": true });
            terminal.result(&line, &document);
        }
        (None, true) => terminal.say(&format!("{id} has no certificate that could be revoked.")),
        _ => {}
    }
    if here.is_some() {
        terminal.say(
            "This device needs a new invitation to hand in again: claim student enroll --invite-file FILE",
        );
    }
    terminal.say("Blackboards know it within a minute. Receipts stay what they are.");
}
