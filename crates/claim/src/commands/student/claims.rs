//! One's own claims: `claim student status`, `receipts`, `withdraw`, `fetch`.

use anyhow::Result;
use claim_core::PersonId;
use claim_core::hand_in::Assignments;
use claim_student::Explained as _;
use claim_student::{ChooseError, OpenSession, Outcome, Student, choose_claim};
use serde_json::json;

use super::consent::Consent;
use super::{program, the_one};
use crate::cli::{FetchArgs, IdentityArgs, StudentServerArgs, WithdrawArgs};
use crate::commands::Context;
use crate::exit::Exit;
use crate::terminal::{Terminal, Words};
use crate::words;

/// What Blackboard says to this person: the second half of `status`.
///
/// That Blackboard is not there is told, but is no failure: what the folder has was asked for too.
pub(super) async fn assignments(
    student: &Student,
    id: &PersonId,
    terminal: Terminal,
) -> Result<Exit> {
    let mut session = match student.open_session(id).await {
        Ok(session) => session,
        Err(error) if error.outcome() == Outcome::Refused => return Ok(terminal.explained(&error)),
        Err(error) => {
            terminal.tell(&Words {
                plain: Some(format!("Blackboard was not asked: {error}.")),
                json: Some(json!({ "event": "blackboard-not-asked", "reason": error.to_string() })),
                ..Words::default()
            });
            return Ok(Exit::Done);
        }
    };
    let assignments = match session.assignments().await {
        Ok(assignments) => assignments,
        Err(error) => return Ok(terminal.explained(&error)),
    };
    let now = assignments.server_time;
    if assignments.assignments.is_empty() && assignments.without_group.is_empty() {
        terminal.say("There is no assignment that you can hand in to.");
    }
    for assignment in &assignments.assignments {
        let document = json!({ "state": "open", "server_time": now, "assignment": assignment });
        terminal.result(&words::hand_in::assignment(assignment, now), &document);
    }
    for assignment in &assignments.without_group {
        let document = json!({ "state": "no-group", "server_time": now, "assignment": assignment });
        terminal.result(&words::hand_in::without_group(assignment), &document);
    }
    match session.erased(&assignments).await {
        Ok(erased) => erased.iter().for_each(|one| {
            if let Some((line, document)) = words::hand_in::erased(one) {
                terminal.result(&line, &document);
            }
        }),
        // What is asked for here is no part of what the person asked.
        Err(error) => terminal.say(&format!("What Blackboard has erased is not known: {error}.")),
    }
    Ok(Exit::Done)
}

/// The copies in the folder.
pub(super) fn receipts(servers: StudentServerArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let student = program(servers, context)?;
    let kept = match student.wallet().kept() {
        Ok(kept) => kept,
        Err(error) => return Ok(terminal.explained(&error)),
    };
    if kept.is_empty() {
        let folder = student.wallet().receipts_folder();
        terminal.say(&format!("There are no receipts in {}.", folder.display()));
    }
    for one in kept {
        let document = json!({
            "claim": one.claim, "course": one.manifest.course, "assignment": one.manifest.assignment,
            "sids": one.manifest.sids, "lodged_at": one.lodged_at, "due": one.manifest.due,
            "kind": words::hand_in::kind(one.state), "path": one.path, "erased_at": one.erased_at,
            "files": one.manifest.files.entries().iter().map(words::hand_in::file).collect::<Vec<_>>(),
        });
        terminal.result(&words::hand_in::kept(&one), &document);
    }
    Ok(Exit::Done)
}

pub(super) async fn withdraw(arguments: WithdrawArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let WithdrawArgs { claim: wanted, consent, student } = arguments;
    let consent = match Consent::new(consent.yes, terminal) {
        Ok(consent) => consent,
        Err(exit) => return Ok(exit),
    };
    let (mut session, assignments) = match asked(student, context).await? {
        Ok(open) => open,
        Err(exit) => return Ok(exit),
    };
    let claim = match choose_claim(&assignments, &wanted, |one| one.claims.first().cloned()) {
        Ok(claim) => claim,
        Err(error) => return Ok(unclear(&error, terminal)),
    };
    terminal.say(&format!("Claim {claim}"));
    if !consent.obtain("Withdraw it? That stays on record. [y/N] ", terminal).await? {
        return Ok(Exit::Refused);
    }
    match session.withdraw(claim).await {
        Ok(status) => {
            let document = json!({ "event": "withdrawn", "claim": claim, "state": status.state });
            terminal.result(&format!("Withdrawn: {claim}"), &document);
            Ok(Exit::Done)
        }
        Err(error) => Ok(terminal.explained(&error)),
    }
}

pub(super) async fn fetch(arguments: FetchArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let FetchArgs { claim: wanted, out, student } = arguments;
    let (mut session, assignments) = match asked(student, context).await? {
        Ok(open) => open,
        Err(exit) => return Ok(exit),
    };
    let claim = choose_claim(&assignments, &wanted, |one| {
        one.claims.iter().find(|claim| claim.counts).or(one.claims.first()).cloned()
    });
    let claim = match claim {
        Ok(claim) => claim,
        Err(error) => return Ok(unclear(&error, terminal)),
    };
    match session.fetch(claim, &out).await {
        Ok(fetched) => {
            let files = fetched.manifest.files.entries();
            let line = format!(
                "{} files of claim {claim} are in {}, each as it was handed in.\nThe receipt is {}. Keep it.",
                files.len(),
                fetched.folder.display(),
                fetched.receipt.display()
            );
            let files: Vec<_> = files.iter().map(words::hand_in::file).collect();
            let document = json!({ "event": "fetched", "claim": claim, "folder": fetched.folder, "receipt": fetched.receipt, "files": files });
            terminal.result(&line, &document);
            Ok(Exit::Done)
        }
        Err(error) => Ok(terminal.explained(&error)),
    }
}

/// A session, and what Blackboard says to whom it is.
async fn asked(
    arguments: IdentityArgs,
    context: &Context,
) -> Result<Result<(OpenSession, Assignments), Exit>> {
    let terminal = context.terminal;
    let student = program(arguments.servers, context)?;
    let id = match the_one(&student, arguments.sid, terminal) {
        Ok(id) => id,
        Err(exit) => return Ok(Err(exit)),
    };
    let mut session = match student.open_session(&id).await {
        Ok(session) => session,
        Err(error) => return Ok(Err(terminal.explained(&error))),
    };
    Ok(match session.assignments().await {
        Ok(assignments) => Ok((session, assignments)),
        Err(error) => Err(terminal.explained(&error)),
    })
}

fn unclear(error: &ChooseError, terminal: Terminal) -> Exit {
    terminal.explained(error);
    Exit::Usage
}
