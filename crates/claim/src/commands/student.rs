//! `claim student`.

mod behalf;
mod claims;
pub(crate) mod consent;
mod devices;
mod hand_in;
mod job;
mod outage;
mod resume;
mod revoke;
mod sign_in;
mod together;
mod trying;
mod whose;

pub(crate) use behalf::hand_in_for;
pub(crate) use trying::try_as;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use claim_core::invitation::Invitation;
use claim_core::{PersonId, Sid};
use claim_student::{
    Config, EnrolError, Enrolled, IdentityState, MAX_MESSAGE, Observer, OpenSession, Requester,
    Student, TlsRoots, WalletError,
};
use etcetera::BaseStrategy;
use serde_json::json;

use super::{Context, StopSignals};
use crate::cli::{
    DeviceArgs, DialogueArgs, IdentityArgs, StudentArgs, StudentCommand, StudentServerArgs,
    TlsRootsArg,
};
use crate::exit::Exit;
use crate::terminal::Terminal;
use crate::words;

/// An invitation line is never longer.
const MAX_INVITATION: u64 = 4096;

pub(crate) async fn run(arguments: StudentArgs, context: &Context) -> Result<Exit> {
    let dialogue_alone = arguments.command.is_none();
    let whose = devices::renewed_after(&arguments);
    let work = async {
        match arguments.command {
            None => dialogue(arguments.dialogue, context).await,
            Some(StudentCommand::Enroll { student, sso: true, staff, .. }) => {
                sign_in::enroll(student, staff, context).await
            }
            Some(StudentCommand::Enroll { student, invite_file, sso: false, .. }) => {
                enroll(student, invite_file.as_deref(), context).await
            }
            Some(StudentCommand::Say { text, student }) => say(&text, student, context).await,
            Some(StudentCommand::HandIn(arguments)) => hand_in::run(arguments, context).await,
            Some(StudentCommand::Resume(arguments)) => resume::run(arguments, context).await,
            Some(StudentCommand::Status { student }) => status(student, context).await,
            Some(StudentCommand::Changes { student }) => changes(student, context).await,
            Some(StudentCommand::Receipts) => claims::receipts(arguments.dialogue.servers, context),
            Some(StudentCommand::Withdraw(arguments)) => claims::withdraw(arguments, context).await,
            Some(StudentCommand::Fetch(arguments)) => claims::fetch(arguments, context).await,
            Some(StudentCommand::Renew(arguments)) => devices::renew(arguments, context).await,
            Some(StudentCommand::Revoke(arguments)) => revoke::run(arguments, context).await,
        }
    };
    let mut signals = StopSignals::listen()?;
    tokio::select! {
        done = async {
            let done = work.await;
            // Not before: nothing is to come between a person and a deadline.
            if let Some(whose) = whose {
                devices::renew_what_is_due(whose, context).await;
            }
            done
        } => done,
        () = signals.received() => {
            context.terminal.say("\nStopped. What was acknowledged is safe; the rest can be done again.");
            // What was under way may be done or not; only the dialogue is meant to be left so.
            Ok(if dialogue_alone { Exit::Done } else { Exit::Unreachable })
        }
    }
}

/// The student's program with its folder: the one given, the current one where it has a `cuhk.cer`, else the user's.
pub(super) fn program(servers: StudentServerArgs, context: &Context) -> Result<Student> {
    let terminal = context.terminal;
    let observer = move |event| terminal.tell(&words::student::words(&event));
    observed(servers, context, Arc::new(observer))
}

/// The same on a device of this name, else of this machine's.
fn program_on(
    device: DeviceArgs,
    servers: StudentServerArgs,
    context: &Context,
) -> Result<Student> {
    let terminal = context.terminal;
    let observer: Observer = Arc::new(move |event| terminal.tell(&words::student::words(&event)));
    observed_on(device, servers, context, observer)
}

/// The same with another observer.
fn observed_on(
    device: DeviceArgs,
    servers: StudentServerArgs,
    context: &Context,
    observer: Observer,
) -> Result<Student> {
    let mut config = config(&folder(context)?, servers);
    config.device = device.device.or_else(devices::name_of_this_machine);
    Ok(Student::new(config, observer))
}

/// The same with another observer.
pub(super) fn observed(
    servers: StudentServerArgs,
    context: &Context,
    observer: Observer,
) -> Result<Student> {
    Ok(Student::new(config(&folder(context)?, servers), observer))
}

/// The one given, the current one where it has a `cuhk.cer`, else the user's.
fn folder(context: &Context) -> Result<PathBuf> {
    let here = PathBuf::from(".");
    Ok(match &context.dir {
        Some(dir) => dir.clone(),
        None if here.join("cuhk.cer").exists() => here,
        None => match etcetera::choose_base_strategy() {
            Ok(folders) => folders.data_dir().join("claim"),
            Err(_) => bail!("there is no home folder to keep keys in; name a folder with --dir"),
        },
    })
}

/// The student's settings from its options.
pub(crate) fn config(dir: &Path, servers: StudentServerArgs) -> Config {
    let mut config = Config::new(dir, servers.cuhk, servers.blackboard);
    config.root = servers.root;
    config.tls_roots = match servers.tls_roots {
        TlsRootsArg::Cuhk => TlsRoots::Cuhk,
        TlsRootsArg::System => TlsRoots::System,
    };
    config
}

/// The seed's dialogue: the ID, a certificate if there is none yet, then messages.
async fn dialogue(arguments: DialogueArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let student = program_on(arguments.device, arguments.servers, context)?;
    let sid = match arguments.sid {
        Some(sid) => sid,
        None => match ask_sid(terminal).await? {
            Some(sid) => sid,
            None => return Ok(no_sid(terminal)),
        },
    };
    let enrolled = match enroll_or_ask(&student, sid, terminal).await? {
        Ok(enrolled) => enrolled,
        Err(exit) => return Ok(exit),
    };
    if enrolled.already {
        let line =
            format!("{} has a certificate, valid until {}.", enrolled.id, enrolled.not_after);
        terminal.say(&line);
    }
    match student.open_session(&enrolled.id).await {
        Ok(session) => {
            terminal.say("Blackboard knows you. Type a message and press Enter; end with Ctrl-D.");
            terminal.say(
                "To hand in files: /hand-in PATH… (with --to COURSE/ASSIGNMENT where there are several)",
            );
            lines(&student, &enrolled.id, Some(session), Exit::Done, terminal).await
        }
        Err(error) => {
            let exit = terminal.explained(&error);
            // Without having been told of an assignment nothing could be signed.
            if !error.is_outage() || student.last_told(&enrolled.id).is_none() {
                return Ok(exit);
            }
            terminal
                .say("Files can be handed in all the same, and CUHK stamps when: /hand-in PATH…");
            lines(&student, &enrolled.id, None, exit, terminal).await
        }
    }
}

/// Sends each line as a message, or hands in the files that it names, until the input ends.
///
/// Without a session, since Blackboard is away, each line looks first whether it is back.
async fn lines(
    student: &Student,
    id: &PersonId,
    mut session: Option<OpenSession>,
    mut exit: Exit,
    terminal: Terminal,
) -> Result<Exit> {
    while let Some(line) = ask(terminal, "> ").await? {
        if line.trim().is_empty() {
            continue;
        }
        let open = match &mut session {
            Some(open) => Ok(open),
            none => match student.open_session_at_once(id).await {
                Ok(open) => {
                    exit = Exit::Done;
                    Ok(none.insert(open))
                }
                Err(error) => Err(error),
            },
        };
        let done = match (hand_in::command(&line), open) {
            (Some(line), Ok(open)) => {
                hand_in::in_dialogue(line, student, id, Ok(open), terminal).await?
            }
            (Some(line), Err(away)) if away.is_outage() => {
                hand_in::in_dialogue(line, student, id, Err(&away), terminal).await?
            }
            (None, Ok(open)) => match open.say(&line).await {
                Ok(_) => Exit::Done,
                Err(error) => terminal.explained(&error),
            },
            (_, Err(error)) => terminal.explained(&error),
        };
        if done != Exit::Done {
            exit = done;
        }
    }
    Ok(exit)
}

async fn enroll(
    arguments: DialogueArgs,
    invite_file: Option<&Path>,
    context: &Context,
) -> Result<Exit> {
    let terminal = context.terminal;
    let student = program_on(arguments.device, arguments.servers, context)?;
    let enrolled = match (invite_file, arguments.sid) {
        (Some(file), sid) => {
            let invitation = read_invitation(file)?;
            if let (Some(sid), claim_core::invitation::Invitee::Person(id)) =
                (&sid, &invitation.invitee)
                && PersonId::from(sid.clone()) != *id
            {
                bail!("the invitation is for {id}, not for {sid}");
            }
            match student.enroll(Requester::Invited(invitation)).await {
                Ok(enrolled) => enrolled,
                Err(error) => return Ok(terminal.explained(&error)),
            }
        }
        (None, Some(sid)) => match enroll_or_ask(&student, sid, terminal).await? {
            Ok(enrolled) => enrolled,
            Err(exit) => return Ok(exit),
        },
        (None, None) => match ask_sid(terminal).await? {
            Some(sid) => match enroll_or_ask(&student, sid, terminal).await? {
                Ok(enrolled) => enrolled,
                Err(exit) => return Ok(exit),
            },
            None => return Ok(no_sid(terminal)),
        },
    };
    show_enrolled(&enrolled, terminal);
    Ok(Exit::Done)
}

fn show_enrolled(enrolled: &Enrolled, terminal: Terminal) {
    let Enrolled { id, serial, not_after, already } = enrolled;
    let line = if *already {
        format!("{id} has a certificate already: {serial}, valid until {not_after}.")
    } else {
        format!("Certificate {serial}, valid until {not_after}.")
    };
    let document = json!({ "id": id, "serial": serial.to_string(), "not_after": not_after, "already": already });
    terminal.result(&line, &document);
}

/// Enrols; where CUHK wants an invitation, asks for it.
async fn enroll_or_ask(
    student: &Student,
    sid: Sid,
    terminal: Terminal,
) -> Result<Result<Enrolled, Exit>> {
    let error = match student.enroll(Requester::LocalDemo(sid.clone())).await {
        Ok(enrolled) => return Ok(Ok(enrolled)),
        Err(error) => error,
    };
    let wants_invitation = matches!(
        error,
        EnrolError::InvitationNeeded { .. } | EnrolError::Wallet(WalletError::NoRoot { .. })
    );
    if !wants_invitation {
        return Ok(Err(terminal.explained(&error)));
    }
    terminal.say(&format!("An invitation is needed: {error}."));
    let line = ask(terminal, "Paste your invitation (claim://…), or press Enter to stop: ").await?;
    let line = line.unwrap_or_default();
    if line.trim().is_empty() {
        return Ok(Err(terminal.explained(&error)));
    }
    let invitation: Invitation = line.parse()?;
    Ok(student
        .enroll(Requester::Invited(invitation))
        .await
        .map_err(|error| terminal.explained(&error)))
}

async fn say(text: &str, arguments: IdentityArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let text = if text == "-" { read_message()? } else { text.to_owned() };
    let student = program(arguments.servers, context)?;
    let id = match the_one(&student, arguments.sid, terminal) {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    let mut session = match student.open_session(&id).await {
        Ok(session) => session,
        Err(error) => return Ok(terminal.explained(&error)),
    };
    match session.say(&text).await {
        Ok(_) => Ok(Exit::Done),
        Err(error) => Ok(terminal.explained(&error)),
    }
}

async fn changes(arguments: IdentityArgs, context: &Context) -> Result<Exit> {
    let student = program(arguments.servers, context)?;
    let id = match the_one(&student, arguments.sid, context.terminal) {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    match student.open_session(&id).await {
        Ok(mut session) => super::changes::show(&mut session, None, context).await,
        Err(error) => Ok(context.terminal.explained(&error)),
    }
}

async fn status(arguments: IdentityArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let student = program(arguments.servers, context)?;
    let identities = match student.identities() {
        Ok(identities) => identities,
        Err(error) => return Ok(terminal.explained(&error)),
    };
    let folder = student.wallet().dir().display();
    if identities.is_empty() {
        terminal.say(&format!("Nobody is enrolled in {folder}. Begin with: claim student enroll"));
    }
    for identity in &identities {
        let id = &identity.id;
        let (line, document) = match &identity.state {
            IdentityState::Valid { serial, not_after } => (
                format!("{id}  certificate {serial}, valid until {not_after}"),
                json!({ "id": id, "state": "valid", "serial": serial.to_string(), "not_after": not_after }),
            ),
            IdentityState::Expired { serial, not_after } => (
                format!(
                    "{id}  certificate {serial} expired at {not_after}; renew it with: claim student renew --sid {id}"
                ),
                json!({ "id": id, "state": "expired", "serial": serial.to_string(), "not_after": not_after }),
            ),
            IdentityState::Interrupted => (
                format!(
                    "{id}  enrolment was interrupted; go on with: claim student enroll --sid {id}"
                ),
                json!({ "id": id, "state": "interrupted" }),
            ),
            IdentityState::Unusable(error) => (
                format!("{id}  cannot be used: {error}"),
                json!({ "id": id, "state": "unusable", "reason": error.to_string() }),
            ),
            _ => continue,
        };
        terminal.result(&line, &document);
    }
    let valid = identities.iter().filter(|one| matches!(one.state, IdentityState::Valid { .. }));
    let valid: Vec<_> = valid.map(|one| one.id.clone()).collect();
    for id in &valid {
        devices::show(&student, id, terminal).await;
    }
    match (arguments.sid.map(PersonId::from), valid.as_slice()) {
        (Some(id), _) => claims::assignments(&student, &id, terminal).await,
        (None, [id]) => claims::assignments(&student, id, terminal).await,
        (None, []) => Ok(Exit::Done),
        (None, _) => {
            terminal.say("To see somebody's assignments too, say whose with --sid.");
            Ok(Exit::Done)
        }
    }
}

/// Whom a command is about: the one named, or the only one in the folder.
fn the_one(student: &Student, sid: Option<Sid>, terminal: Terminal) -> Result<PersonId, Exit> {
    the_one_person(student, sid.map(PersonId::from), terminal)
}

/// The same, where it need not be a student.
pub(super) fn the_one_person(
    student: &Student,
    id: Option<PersonId>,
    terminal: Terminal,
) -> Result<PersonId, Exit> {
    if let Some(id) = id {
        return Ok(id);
    }
    let mut identities = student.identities().map_err(|error| terminal.explained(&error))?;
    // An interrupted enrolment is nobody yet.
    identities.retain(|identity| !matches!(identity.state, IdentityState::Interrupted));
    let folder = student.wallet().dir().display();
    match identities.as_slice() {
        [identity] => Ok(identity.id.clone()),
        [] => {
            let what = format!("nobody is enrolled in {folder}");
            let advice = "Enrol first with `claim student enroll`, or name the folder with --dir.";
            terminal.failure(&what, None, advice);
            Err(Exit::Usage)
        }
        several => {
            let what = format!("{} students are enrolled in {folder}", several.len());
            terminal.failure(&what, None, "Name the one you mean with --sid.");
            Err(Exit::Usage)
        }
    }
}

/// Asks until the answer is a student ID, telling what is wrong; `None` when the input ends.
pub(crate) async fn ask_sid(terminal: Terminal) -> Result<Option<Sid>> {
    while let Some(line) = ask(terminal, "Student ID (10 digits): ").await? {
        match line.trim().parse() {
            Ok(sid) => return Ok(Some(sid)),
            Err(error) => terminal.say(&format!("That is not a student ID: {error}.")),
        }
    }
    Ok(None)
}

pub(crate) fn no_sid(terminal: Terminal) -> Exit {
    terminal.failure("no student ID was given", None, "Type it when asked, or give it with --sid.");
    Exit::Usage
}

/// Asks without keeping the rest of the program from working.
async fn ask(terminal: Terminal, question: &'static str) -> Result<Option<String>> {
    let asked = tokio::task::spawn_blocking(move || terminal.ask(question)).await?;
    asked.context("cannot read the standard input")
}

fn read_invitation(file: &Path) -> Result<Invitation> {
    let told = || format!("cannot read the invitation in {}", file.display());
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().take(MAX_INVITATION).read_to_string(&mut text).with_context(told)?;
    } else {
        let file = std::fs::File::open(file).with_context(told)?;
        file.take(MAX_INVITATION).read_to_string(&mut text).with_context(told)?;
    }
    text.parse().with_context(told)
}

/// The whole standard input as one message; one line feed at its end, which `echo` adds, is not part of it.
fn read_message() -> Result<String> {
    let mut bytes = Vec::new();
    io::stdin()
        .take(MAX_MESSAGE as u64 + 2)
        .read_to_end(&mut bytes)
        .context("cannot read the standard input")?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
    }
    String::from_utf8(bytes).context("the message on standard input is not UTF-8 text")
}
