//! The certificates of a person, one a device: renewing the one here, and looking at all of them.

use anyhow::Result;
use claim_core::certificates::ListedCertificate;
use claim_core::{DeviceName, PersonId, Sid, Timestamp};
use claim_student::{Certificates, Explained as _, Identity, IdentityState, RenewalKey, Student};
use serde_json::{Value, json};

use super::{program, show_enrolled, the_one};
use crate::cli::{RenewArgs, StudentArgs, StudentCommand, StudentServerArgs};
use crate::commands::Context;
use crate::exit::Exit;
use crate::terminal::Terminal;
use crate::words;

/// Whose certificates are renewed when a command has done its work, where that is due.
pub(super) struct Whose {
    servers: StudentServerArgs,
    /// The one whom the command is about; everybody in the folder where it does not say.
    sid: Option<Sid>,
}

/// The name of this machine, if it is one that a device can have.
pub(super) fn name_of_this_machine() -> Option<DeviceName> {
    DeviceName::cleaned(&rustix::system::uname().nodename().to_string_lossy())
}

/// Whose certificates are to be looked after: those of commands that talk to a server, but for renewal itself.
pub(super) fn renewed_after(arguments: &StudentArgs) -> Option<Whose> {
    let of = |servers: &StudentServerArgs, sid: &Option<Sid>| {
        Some(Whose { servers: servers.clone(), sid: sid.clone() })
    };
    let student = match &arguments.command {
        None => return of(&arguments.dialogue.servers, &arguments.dialogue.sid),
        Some(
            StudentCommand::Say { student, .. }
            | StudentCommand::Status { student }
            | StudentCommand::Changes { student },
        ) => student,
        Some(StudentCommand::HandIn(arguments)) => &arguments.student,
        Some(StudentCommand::Resume(arguments)) => return of(&arguments.servers, &None),
        Some(StudentCommand::Withdraw(arguments)) => &arguments.student,
        Some(StudentCommand::Fetch(arguments)) => &arguments.student,
        Some(_) => return None,
    };
    of(&student.servers, &student.sid)
}

/// Renews what is due, and warns where that fails; never more than that.
pub(super) async fn renew_what_is_due(whose: Whose, context: &Context) {
    let Whose { servers, sid } = whose;
    let Ok(student) = program(servers, context) else { return };
    let Ok(identities) = student.identities() else { return };
    let sid = sid.map(PersonId::from);
    for Identity { id, state } in identities {
        let is_meant = sid.as_ref().is_none_or(|sid| *sid == id);
        // One whose time is over was renewed before it was used, or could not be.
        if is_meant && matches!(state, IdentityState::Valid { .. }) {
            student.renew_if_due(&id).await;
        }
    }
}

/// `claim student renew`.
pub(super) async fn renew(arguments: RenewArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let mut config = super::config(&super::folder(context)?, arguments.student.servers);
    config.device = arguments.device;
    let observer = move |event| terminal.tell(&words::student::words(&event));
    let student = Student::new(config, std::sync::Arc::new(observer));
    let id = match the_one(&student, arguments.student.sid, terminal) {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    let key = if arguments.new_key { RenewalKey::New } else { RenewalKey::Same };
    match student.renew(&id, key).await {
        Ok(renewed) => {
            show_enrolled(&renewed.enrolled, terminal);
            let kept = if renewed.has_new_key { "a new key" } else { "the same key" };
            terminal.say(&format!(
                "It has {kept}. The one before ({}) stays good until {}.",
                renewed.before, renewed.before_not_after
            ));
            Ok(Exit::Done)
        }
        Err(error) => Ok(terminal.explained(&error)),
    }
}

/// Shows every certificate that CUHK has issued to this person, and loudly what is news.
///
/// That CUHK cannot be asked is a warning: what else there is to see does not depend on it.
pub(super) async fn show(student: &Student, id: &PersonId, terminal: Terminal) {
    let certificates = match student.certificates(id).await {
        Ok(certificates) => certificates,
        Err(error) => {
            terminal.say(&format!(
                "Which other certificates {id} has cannot be told: {error}. {}",
                error.advice()
            ));
            return;
        }
    };
    let now = student.now();
    let live = certificates.list.certificates.iter().filter(|one| one.is_live(now)).count();
    let limit = certificates.list.limit.map_or(String::new(), |limit| format!(" of {limit}"));
    terminal.say(&format!("Certificates of {id} ({live}{limit} live):"));
    for one in &certificates.list.certificates {
        let line = line(one, &certificates, now);
        terminal.result(&line, &document(id, one, &certificates, now));
    }
    for one in &certificates.news {
        terminal.say(&news(id, one));
    }
    if let Err(error) = student.looked_at(id, &certificates) {
        terminal.say(&format!("That you have seen these cannot be kept: {error}."));
    }
}

fn device(one: &ListedCertificate) -> &str {
    one.device.as_ref().map_or("(no name)", DeviceName::as_str)
}

/// How it came, in words; of ways that this program does not know, none.
fn how(one: &ListedCertificate) -> &'static str {
    match one.authenticated_by.as_deref() {
        Some("code") => "by a code",
        Some("certificate") => "as a renewal",
        Some("single-sign-on") => "by single sign-on",
        Some("local-demo") => "at a local demonstration",
        _ => "",
    }
}

fn line(one: &ListedCertificate, all: &Certificates, now: Timestamp) -> String {
    let state = match (one.revoked_at, &one.renewed_by) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(by)) if one.not_after >= now => {
            format!("renewed by {by}, good until {}", one.not_after)
        }
        (None, _) if one.not_after < now => format!("ended {}", one.not_after),
        (None, _) => format!("valid until {}", one.not_after),
    };
    let here = if one.serial == all.own { "  ← here" } else { "" };
    let (device, how) = (device(one), how(one));
    format!("  {device:<20}  {}  issued {} {how}  {state}{here}", one.serial, one.issued_at)
}

fn document(id: &PersonId, one: &ListedCertificate, all: &Certificates, now: Timestamp) -> Value {
    let state = match (&one.revoked_at, &one.renewed_by) {
        (Some(_), _) => "revoked",
        (None, _) if one.not_after < now => "ended",
        (None, Some(_)) => "renewed",
        (None, None) => "valid",
    };
    json!({
        "id": id, "certificate": one.serial, "state": state, "device": one.device,
        "authenticated_by": one.authenticated_by, "issued_at": one.issued_at,
        "not_after": one.not_after, "predecessor": one.predecessor, "renewed_by": one.renewed_by,
        "revoked_at": one.revoked_at, "revocation_reason": one.revocation_reason,
        "here": one.serial == all.own,
        "new": all.news.iter().any(|news| news.serial == one.serial),
    })
}

/// A thief's certificate shows by this, and by a mail where CUHK sends one.
fn news(id: &PersonId, one: &ListedCertificate) -> String {
    let (device, how) = (device(one), how(one));
    format!(
        "\n!! A certificate for {id} was issued on {} to \"{device}\" {how}.\n\
         !! If that was not you, somebody else can hand in in your name: revoke it at once,\n\
         !!     claim student revoke {} --reason keyCompromise\n\
         !! and tell the people who run CUHK.\n",
        one.issued_at, one.serial
    )
}
