//! Handing in while Blackboard cannot be reached, and `claim student resume`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use claim_core::PersonId;
use claim_student::{
    AskError, Collected, Explained, Finishing, HandInError, OpenSession, Outcome, Pending, Place,
    Plan, SessionError, Student, Wanted, choose,
};
use serde_json::json;

use super::consent::Consent;
use super::hand_in::Job;
use super::observed;
use crate::cli::ResumeArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::words;

const QUESTION: &str =
    "Sign this, have CUHK stamp it, and hand it in when Blackboard is back? [y/N] ";

/// How the files of hand-ins that wait end.
const ENDING: &str = "pending";

/// Whether the program waits until Blackboard is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    Yes,
    No,
}

/// Signs by what Blackboard told last, has CUHK stamp it, and finishes when Blackboard is back.
pub(super) async fn run(
    job: Job<'_>,
    program: &Student,
    id: &PersonId,
    collected: Collected,
    wanted: &Wanted,
    away: &SessionError,
) -> Result<Exit> {
    let Some(told) = program.last_told(id) else {
        job.progress.clear();
        let why = "Blackboard has never told this program your assignments and when they are due, so there is \
                   nothing that could be signed. Nothing was handed in, and nothing was stamped.";
        let advice = format!(
            "{} Once it answers, `claim student status` suffices: from then on a hand-in can be stamped by CUHK \
             while Blackboard is away.",
            away.advice()
        );
        job.terminal.failure(&away.to_string(), Some(why), &advice);
        return Ok(Exit::Unreachable);
    };
    let assignment = match choose(&told, wanted) {
        Ok(assignment) => assignment,
        Err(error) => {
            job.failed(&error);
            return Ok(Exit::Usage);
        }
    };
    let place = job.place(&assignment);
    let plan = Plan::new(collected, assignment, job.note.clone(), program.now());
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return Ok(job.failed(&error)),
    };
    job.progress.clear();
    job.terminal.say(&format!(
        "Blackboard cannot be reached ({away}). What it told last is of {}.",
        words::hand_in::moment(told.server_time, &plan.assignment().zone)
    ));
    let signed = match program.sign_in_outage(id, plan) {
        Ok(signed) => signed,
        Err(error) => return Ok(job.failed(&error)),
    };
    for line in words::hand_in::plan(id, signed.plan(), program.now(), "this machine's clock") {
        job.terminal.say(&line);
    }
    if !job.consent.obtain(QUESTION, job.terminal).await? {
        return Ok(Exit::Refused);
    }
    let pending = match program.stamp(id, &signed, &place).await {
        Ok(pending) => pending,
        Err(error) => return Ok(job.failed(&error)),
    };
    tell_stamped(&pending, job.progress, job.terminal);
    finish(program, &pending, job.waits, job.progress, job.terminal).await
}

fn tell_stamped(pending: &Pending, progress: &Progress, terminal: Terminal) {
    progress.clear();
    let manifest = pending.manifest();
    let document = json!({
        "event": "stamped", "claim": pending.id(), "course": manifest.course,
        "assignment": manifest.assignment, "stamped_at": pending.stamped_at(), "due": manifest.due,
        "zone": pending.zone(), "pending": pending.path(),
    });
    terminal.result(&words::hand_in::stamped(pending), &document);
}

/// `claim student resume`.
pub(super) async fn resume(arguments: ResumeArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let progress = Arc::new(Progress::new(terminal));
    let observer = {
        let progress = Arc::clone(&progress);
        move |event| progress.tell(&event, &words::student::words(&event))
    };
    let program = observed(arguments.servers, context, Arc::new(observer))?;
    let waits = if arguments.no_wait { Waits::No } else { Waits::Yes };
    let files = match arguments.files.is_empty() {
        true => pending_here()?,
        false => arguments.files,
    };
    if files.is_empty() {
        terminal.say("Nothing here waits for Blackboard. Name a .pending file that is elsewhere.");
    }
    let mut exit = Exit::Done;
    for file in files {
        let done = match program.pending(&file) {
            Ok(pending) => {
                terminal.say(&words::hand_in::waiting(&pending));
                finish(&program, &pending, waits, &progress, terminal).await?
            }
            Err(error) => terminal.explained(&error),
        };
        if done != Exit::Done {
            exit = done;
        }
    }
    Ok(exit)
}

/// The hand-ins that wait in the current folder, by name.
fn pending_here() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(".")? {
        let path = PathBuf::from(entry?.file_name());
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What stands between a stamped claim and Blackboard.
enum Away {
    Session(SessionError),
    HandIn(HandInError),
}

impl Away {
    fn error(&self) -> &dyn Explained {
        match self {
            Self::Session(error) => error,
            Self::HandIn(error) => error,
        }
    }
}

/// Hands in what CUHK has stamped, as soon as Blackboard answers.
async fn finish(
    program: &Student,
    pending: &Pending,
    waits: Waits,
    progress: &Progress,
    terminal: Terminal,
) -> Result<Exit> {
    if program.blackboard() != pending.blackboard() {
        let what = format!(
            "{} is for the Blackboard at {}",
            words::verify::shown(pending.path()),
            pending.blackboard()
        );
        let advice = format!("Say so: --blackboard {}", pending.blackboard());
        terminal.failure(&what, None, &advice);
        return Ok(Exit::Usage);
    }
    for attempt in 0.. {
        let away = match program.open_session_at_once(pending.person()).await {
            Ok(mut session) => match session.finish(pending).await {
                Ok(Finishing::Lodged(lodged)) => {
                    let line = words::hand_in::lodged_later(&lodged, pending);
                    progress.clear();
                    terminal.say(&line);
                    let job = job(pending, progress, terminal);
                    let place = job.place_of(pending);
                    let exit = job.rest(&mut session, lodged, pending.zone(), &place).await?;
                    return Ok(cleared(exit, pending, terminal));
                }
                Ok(Finishing::NotTaken(error)) => {
                    return not_taken(&mut session, pending, &error, progress, terminal).await;
                }
                Err(error) if error.outcome() != Outcome::Refused => Away::HandIn(error),
                Err(error) => return Ok(failed(&error, progress, terminal)),
            },
            Err(error) if error.is_outage() => Away::Session(error),
            Err(error) => return Ok(failed(&error, progress, terminal)),
        };
        if waits == Waits::No {
            progress.clear();
            let error = away.error();
            let advice = format!(
                "Finish it when Blackboard is back: claim student resume {}",
                words::verify::shown(pending.path())
            );
            terminal.failure(&error.to_string(), error.why().as_deref(), &advice);
            return Ok(Exit::Unreachable);
        }
        program.wait_for_blackboard(attempt).await;
    }
    Ok(Exit::Unreachable)
}

/// Blackboard does not judge it by CUHK's time. While it is not too late it is handed in like any other claim, which
/// makes nothing worse; else the person decides.
async fn not_taken(
    session: &mut OpenSession,
    pending: &Pending,
    error: &AskError,
    progress: &Progress,
    terminal: Terminal,
) -> Result<Exit> {
    progress.clear();
    let now = session.server_now();
    let assignments = match session.assignments().await {
        Ok(assignments) if pending.is_still_in_time(&assignments, now) => assignments,
        _ => {
            terminal.failure(
                &format!("Blackboard does not take it by CUHK's time: {error}"),
                error.why().as_deref(),
                &format!(
                    "{} Keep {}: it proves that the list of files existed when CUHK stamped it, not that it was handed in. \
                     `claim student resume` tries again; `claim student hand-in` hands in by Blackboard's time.",
                    error.advice(),
                    words::verify::shown(pending.path())
                ),
            );
            return Ok(Exit::Refused);
        }
    };
    terminal.say(&format!(
        "Blackboard does not take it by CUHK's time ({error}). It is not too late yet: handing in by Blackboard's time."
    ));
    let job = job(pending, progress, terminal);
    let wanted = Wanted::Exactly(pending.manifest().assignment_ref());
    let assignment = match choose(&assignments, &wanted) {
        Ok(assignment) => assignment,
        Err(error) => return Ok(job.failed(&error)),
    };
    let plan = Plan::new(pending.collected(), assignment, job.note.clone(), now);
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return Ok(job.failed(&error)),
    };
    let place = job.place_of(pending);
    let exit = match job.lodge(session, plan).await? {
        Ok((lodged, assignment)) => job.rest(session, lodged, &assignment.zone, &place).await?,
        Err(exit) => exit,
    };
    Ok(cleared(exit, pending, terminal))
}

/// The files were consented to when they were signed.
fn job<'a>(pending: &Pending, progress: &'a Progress, terminal: Terminal) -> Job<'a> {
    Job {
        consent: Consent::Given,
        place: pending.place(),
        note: pending.manifest().note.clone(),
        waits: Waits::No,
        terminal,
        progress,
    }
}

impl Job<'_> {
    fn place_of(&self, pending: &Pending) -> Place {
        let here = || Place::of_assignment(Path::new(""), &pending.manifest().assignment_ref());
        self.place.clone().unwrap_or_else(here)
    }
}

/// With a receipt, the file that waited is of no more use.
fn cleared(exit: Exit, pending: &Pending, terminal: Terminal) -> Exit {
    if exit == Exit::Done
        && let Err(error) = pending.remove()
    {
        terminal.say(&format!("It is done, but the file stays: {error}."));
    }
    exit
}

fn failed(error: &dyn Explained, progress: &Progress, terminal: Terminal) -> Exit {
    progress.clear();
    terminal.explained(error)
}
