//! Handing in while Blackboard cannot be reached, and `claim student resume`.

use std::path::Path;

use anyhow::Result;
use claim_core::PersonId;
use claim_student::{
    AskError, Collected, Explained, Finishing, HandInError, Haste, Lodged, OpenSession, Outcome,
    Pending, Place, Plan, SessionError, SignedClaim, Student, Wanted, choose,
};
use serde_json::json;

use super::consent::Consent;
use super::job::{Job, Step, failed};
use super::whose::Whose;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::words;

const QUESTION: &str =
    "Sign this, have CUHK stamp it, and hand it in when Blackboard is back? [y/N] ";

/// Whether the program waits until Blackboard is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    Yes,
    No,
}

/// Signs by what Blackboard told last, has CUHK stamp it, and finishes when Blackboard is back.
pub(super) async fn run(
    job: Job<'_>,
    id: &PersonId,
    collected: Collected,
    wanted: &Wanted,
    away: &dyn Explained,
) -> Result<Exit> {
    let program = job.program;
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
    let plan = match Plan::new(collected, assignment, job.note.clone(), program.now()) {
        Ok(plan) => plan,
        Err(error) => return Ok(job.failed(&error)),
    };
    job.progress.clear();
    job.terminal.say(&format!(
        "Blackboard cannot be reached ({away}). What it told last is of {}.",
        claim_course::time::shown(told.server_time, &plan.assignment().zone)
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
    match program.stamp(id, &signed, &place, None).await {
        Ok(pending) => stamped(&job, &pending).await,
        Err(error) => Ok(job.failed(&error)),
    }
}

/// Blackboard went away while the claim was being lodged: CUHK stamps another one over the same files. The person has
/// consented to hand them in, and a question now could cost the deadline.
pub(super) async fn instead(
    job: &Job<'_>,
    session: &mut OpenSession,
    sent: SignedClaim,
    place: &Place,
    error: &HandInError,
) -> Result<Exit> {
    job.progress.clear();
    let line = match error {
        HandInError::TakesNothing(_) => format!("Blackboard takes no claims at present ({error})."),
        HandInError::LodgingUnknown { last, .. } if last.is_signed() => {
            format!("Blackboard takes no claims at present ({last}).")
        }
        _ => format!("Blackboard cannot be reached any more ({error})."),
    };
    job.terminal.say(&line);
    let (program, id) = (job.program, session.id().clone());
    let signed = match program.sign_in_outage(&id, sent.plan().clone()) {
        Ok(signed) => signed,
        Err(error) => return Ok(job.failed(&error)),
    };
    match program.stamp(&id, &signed, place, Some(sent.id())).await {
        Ok(pending) => stamped(job, &pending).await,
        Err(error) => {
            job.progress.clear();
            let line = format!("CUHK did not stamp it: {error}. Trying Blackboard again …");
            job.terminal.say(&line);
            let step = job.send(session, sent, Haste::Patient).await;
            job.after(session, step, place).await
        }
    }
}

async fn stamped(job: &Job<'_>, pending: &Pending) -> Result<Exit> {
    tell_stamped(pending, job.progress, job.terminal);
    finish(job.program, pending, job.waits, job.progress, job.terminal).await
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
pub(super) async fn finish(
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
    for pause in program.waiting() {
        let away = match program.open_session_at_once(pending.person()).await {
            Ok(mut session) => match lodge(&mut session, pending).await {
                Ok(Lodge::Done(lodged, line)) => {
                    progress.clear();
                    terminal.say(&line);
                    let job = job(program, pending, progress, terminal);
                    let place = job.place_of(pending);
                    let exit = job.files(&mut session, lodged, pending.zone(), &place).await?;
                    return Ok(cleared(exit, pending, terminal));
                }
                Ok(Lodge::NotTaken(error)) => {
                    let job = job(program, pending, progress, terminal);
                    match not_taken(&job, &mut session, pending, &error).await? {
                        Ended::With(exit) => return Ok(cleared(exit, pending, terminal)),
                        Ended::Away(error) => Away::HandIn(error),
                    }
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
        program.wait_for_blackboard(pause).await;
    }
    Ok(Exit::Unreachable)
}

/// What came of lodging, now that Blackboard answers.
#[allow(clippy::large_enum_variant, reason = "one of them at a time, and moved once")]
enum Lodge {
    /// It is lodged, which is said so.
    Done(Lodged, String),
    /// Blackboard does not take it by CUHK's time.
    NotTaken(AskError),
}

/// First the claim that was sent before Blackboard went away: where that arrived, the one that CUHK stamped is not needed.
async fn lodge(session: &mut OpenSession, pending: &Pending) -> Result<Lodge, HandInError> {
    if let Some(lodged) = session.lodged_before(pending).await? {
        let line = words::hand_in::lodged_before(&lodged, pending.zone());
        return Ok(Lodge::Done(lodged, line));
    }
    Ok(match session.finish(pending).await? {
        Finishing::Lodged(lodged) => {
            let line = words::hand_in::lodged_later(&lodged, pending);
            Lodge::Done(lodged, line)
        }
        Finishing::NotTaken(error) => Lodge::NotTaken(error),
    })
}

/// How handing in by Blackboard's time ended.
enum Ended {
    With(Exit),
    /// Blackboard is away again.
    Away(HandInError),
}

/// Blackboard does not judge it by CUHK's time. While it is not too late it is handed in like any other claim, which
/// makes nothing worse; else the person decides.
async fn not_taken(
    job: &Job<'_>,
    session: &mut OpenSession,
    pending: &Pending,
    error: &AskError,
) -> Result<Ended> {
    let terminal = job.terminal;
    job.progress.clear();
    let now = session.server_now();
    let assignments = match session.assignments().await {
        Ok(assignments) if pending.is_still_in_time(&assignments, now) => assignments,
        Err(error) if error.is_outage() => return Ok(Ended::Away(HandInError::NotLodged(error))),
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
            return Ok(Ended::With(Exit::Refused));
        }
    };
    terminal.say(&format!(
        "Blackboard does not take it by CUHK's time ({error}). It is not too late yet: handing in by Blackboard's time."
    ));
    let wanted = Wanted::Exactly(pending.manifest().assignment_ref());
    let assignment = match choose(&assignments, &wanted) {
        Ok(assignment) => assignment,
        Err(error) => return Ok(Ended::With(job.failed(&error))),
    };
    let plan = match Plan::new(pending.collected(), assignment, job.note.clone(), now) {
        Ok(plan) => plan.kept_for(&job.place_of(pending)),
        Err(error) => return Ok(Ended::With(job.failed(&error))),
    };
    let signed = match session.sign_after(pending, plan) {
        Ok(signed) => signed,
        Err(error) => return Ok(Ended::With(job.failed(&error))),
    };
    match job.send(session, signed, Haste::Hurried).await {
        Step::Away(_, error) => Ok(Ended::Away(error)),
        step => Ok(Ended::With(job.after(session, step, &job.place_of(pending)).await?)),
    }
}

/// The files were consented to when they were signed.
fn job<'a>(
    program: &'a Student,
    pending: &Pending,
    progress: &'a Progress,
    terminal: Terminal,
) -> Job<'a> {
    Job {
        program,
        consent: Consent::Given,
        place: pending.place(),
        note: pending.manifest().note.clone(),
        whose: Whose::of(pending.manifest()),
        waits: Waits::No,
        anew: false,
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
