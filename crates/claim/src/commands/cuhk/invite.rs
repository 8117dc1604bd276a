//! `claim cuhk invite`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use claim_core::Origin;
use claim_core::invitation::{Invitation, Invitee};
use claim_course::table::csv_line;
use claim_cuhk::{AdminError, Clock, Invited, Office, Whom};
use claim_files::{Mode, make_folder, write_new};
use serde_json::json;

use super::mail;
use super::roster::{Outcome, people, read};
use super::{admin_failure, agreed};
use crate::cli::{InviteArgs, InviteWhom};
use crate::commands::Context;
use crate::exit::Exit;

/// The file for a mail merge, in the folder that was named.
const FILE: &str = "invitations.csv";

/// What makes spreadsheets read UTF-8 as such: without it names come out garbled in a mail merge.
const BYTE_ORDER_MARK: &str = "\u{feff}";

const DAY: i64 = 24 * 3600;

pub(super) async fn run(arguments: InviteArgs, context: &Context) -> Result<Exit> {
    let database = arguments.database.database.clone();
    let office = Office::open(&context.server_dir(), database.as_deref(), Clock::system()).await;
    let office = match office {
        Ok(office) => office.with_code_life(i64::from(arguments.valid_days) * DAY),
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let done = carry_out(&office, arguments, context).await;
    office.close().await;
    match done? {
        Ok(exit) => Ok(exit),
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

async fn carry_out(office: &Office, arguments: InviteArgs, context: &Context) -> Outcome {
    let InviteArgs { whom, role, out, mail: by_mail, yes, public_url: cuhk, .. } = arguments;
    let leaving = Leaving { folder: out, by_mail };
    match whom {
        InviteWhom { roster: Some(path), .. } => {
            let bytes = read(&path)?;
            Ok(office.invite_roster(&bytes, cuhk).await.map(|invited| {
                invited.iter().for_each(|one| show_person(context, one));
                Exit::Done
            }))
        }
        InviteWhom { sid: Some(sid), .. } => {
            Ok(one(office, Invitee::Person(sid.into()), cuhk, context).await)
        }
        InviteWhom { server: Some(origin), .. } => {
            Ok(one(office, Invitee::Server(origin), cuhk, context).await)
        }
        InviteWhom { all_new: true, .. } => {
            many(office, &Whom::New { role }, cuhk, leaving, context).await
        }
        InviteWhom { resend: Some(ids), .. } => {
            let whom = if ids.is_empty() { Whom::NotEnrolled } else { Whom::These(ids) };
            many(office, &whom, cuhk, leaving, context).await
        }
        InviteWhom { revoke: Some(ids), .. } => {
            let question =
                "The open codes of all people end, not those of servers. End them? [y/N] ";
            if ids.is_empty() && !yes && !agreed(question, context)? {
                context.terminal.failure("No code was ended.", None, "Answer yes, or give --yes.");
                return Ok(Ok(Exit::Refused));
            }
            let ended = match ids.as_slice() {
                [] => office.end_all_invitations().await,
                ids => office.end_invitations(ids).await,
            };
            Ok(ended.map(|ended| {
                let codes = if ended == 1 { "code" } else { "codes" };
                let line = format!("Ended {ended} open {codes}. Certificates are not touched.");
                context.terminal.result(&line, &json!({ "ended": ended }));
                Exit::Done
            }))
        }
        // clap lets nobody through without one of them.
        _ => Ok(Ok(Exit::Usage)),
    }
}

async fn one(
    office: &Office,
    invitee: Invitee,
    cuhk: Option<Origin>,
    context: &Context,
) -> Result<Exit, AdminError> {
    let id = invitee.to_string();
    let invitation = office.invite(invitee, None, cuhk).await?;
    show(context, &id, None, &invitation, false);
    Ok(Exit::Done)
}

/// How invitations leave; by the terminal where neither is asked for.
struct Leaving {
    folder: Option<PathBuf>,
    by_mail: bool,
}

/// Invites people of the roster: on the terminal, into a folder, or by mail.
async fn many(
    office: &Office,
    whom: &Whom,
    cuhk: Option<Origin>,
    leaving: Leaving,
    context: &Context,
) -> Outcome {
    if leaving.by_mail {
        return mail::run(office, whom, cuhk, context).await;
    }
    let prepared = match office.prepare_invitations(whom, cuhk).await {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Err(error)),
    };
    if prepared.invited().is_empty() {
        context.terminal.say("Nobody is to be invited.");
        return Ok(Ok(Exit::Done));
    }
    let Some(folder) = leaving.folder else {
        return Ok(office.put_on_record(prepared).await.map(|invited| {
            invited.iter().for_each(|one| show_person(context, one));
            Exit::Done
        }));
    };
    // First the file, then the record: what is good is then also written down, whenever this is cut off.
    let path = folder.join(FILE);
    make_folder(&folder)?;
    write_new(&path, merge(prepared.invited()).as_bytes(), Mode::Private)
        .context("nobody was invited")?;
    match office.put_on_record(prepared).await {
        Ok(invited) => {
            let line = format!(
                "Invited {}: {} has what each needs to enrol.\nNext: send it, and delete it.",
                people(invited.len() as u64),
                path.display()
            );
            let document = json!({ "invited": invited.len(), "file": path });
            context.terminal.result(&line, &document);
            Ok(Ok(Exit::Done))
        }
        Err(error) => {
            // No code in it is good, unless the answer of the database was lost; then --resend makes others.
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
            Ok(Err(error))
        }
    }
}

/// The table for a mail merge.
fn merge(invited: &[Invited]) -> String {
    let header = csv_line(&["id", "name", "email", "role", "invitation", "valid_until"]);
    let mut text = format!("{BYTE_ORDER_MARK}{header}\n");
    for one in invited {
        let field = |field: &Option<String>| field.clone().unwrap_or_default();
        let (name, email, role) = (field(&one.name), field(&one.email), field(&one.role));
        let (line, until) = (one.invitation.expose(), one.expires_at.to_string());
        text.push_str(&csv_line(&[one.id.as_str(), &name, &email, &role, &line, &until]));
        text.push('\n');
    }
    text
}

fn show_person(context: &Context, person: &Invited) {
    let name = person.name.as_deref();
    show(context, person.id.as_str(), name, &person.invitation, true);
}

/// Invitations of many come as CSV, so that a mail merge can take them.
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
